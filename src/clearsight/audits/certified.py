"""Certified limits: prediction sets, intervals, missed objects, widened boxes, missed pixels; and by group."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearsight.audits.attributes import Attribute, attributes_of
from clearsight.audits.promised import (
    Rows,
    broken,
    checked_on,
    ends_said,
    every_row,
    excess_said,
    groups_of,
    limits_of_promise,
    method_of,
    observed,
    of_group,
    points,
    whole,
)
from clearsight.audits.sentences import joined
from clearsight.decisions.checking import kept
from clearsight.decisions.pixels import share_below
from clearsight.decisions.promises import percent
from clearsight.decisions.sets import prediction_sets
from clearsight.decisions.settling import DELTA, USUAL_LEVEL
from clearsight.quantities import significant
from clearsight.types import Evidence, Finding, Guarantee, Request

NAMED_AT_MOST = 8
SPLIT_CONFORMAL = "Split conformal prediction (Vovk et al. 2005)"
TWO_PROMISES = (
    "Conformal risk control (Angelopoulos et al. 2022) where the promise holds on average, Learn-then-Test "
    "(Angelopoulos et al. 2021; p values of Hoeffding and Bentkus) where it holds with a probability"
)


@dataclass(frozen=True, kw_only=True)
class Wording:
    """How one kind of guarantee is told: ``threshold`` in words, what ``value`` on its plot is, and by which method."""

    metric: str
    lost: str
    threshold: Callable[[Guarantee, Evidence], str]
    claim: str
    method: str
    more: str = ""

    def about(self, unit: str) -> "Wording":
        """The same of rows of a table where these are judged."""
        lost, claim = (text.replace("pictures", unit) for text in (self.lost, self.claim))
        return replace(self, lost=lost, claim=claim)


def certified(request: Request) -> tuple[Finding, ...]:
    """A finding of each kind of guarantee that was settled, checked on the evidence, and by group where there are any.

    Nothing where nothing was settled.
    """
    findings: list[Finding] = []
    for promise, of_pictures in WORDINGS.items():
        guarantees = [one for one in whole(request, promise) if _fits(request, one)]
        if not guarantees:
            continue
        wording = of_pictures.about(request.evidence.unit)
        findings.append(_finding(request, guarantees, wording))
        usual = [one for one in guarantees if one.level == USUAL_LEVEL and one.threshold is not None and not one.of]
        if usual:
            by_group = (_by_group(request, usual[0], wording, one) for one in attributes_of(request))
            findings += [one for one in by_group if one is not None]
    return tuple(findings)


def _fits(request: Request, guarantee: Guarantee) -> bool:
    """Whether the guarantee can be checked on the evidence; one without a threshold speaks for itself."""
    names = getattr(request.evidence.statistics, "class_names", ())
    if guarantee.of and guarantee.of not in names:
        return False
    return (
        guarantee.threshold is None or kept(guarantee, request.evidence.statistics, np.zeros(0, dtype=int)) is not None
    )


def _finding(request: Request, guarantees: list[Guarantee], wording: Wording) -> Finding:
    evidence, rows = request.evidence, Rows()
    for one in sorted(guarantees, key=lambda one: (one.of, one.level, one.delta is not None)):
        found = kept(one, evidence.statistics, every_row(evidence))
        if found is None:
            rows.add(
                _label(one), None, None, one.n, f"none: {one.n} {one.unit} are too few, or it loses more than that"
            )
            continue
        value, ends = observed(request, found)
        rows.add(_label(one), value, ends, len(found.loss), wording.threshold(one, evidence), one.level)
    chosen = _told(guarantees)
    failed = chosen.threshold is not None and broken(request, chosen)
    n = sum(1 for one in guarantees if one.threshold is not None)
    return Finding(
        question="when to trust it",
        claim=_claim(request, guarantees, chosen, wording) + (excess_said(chosen) if failed else ""),
        metric=wording.metric,
        value=None,
        interval=None,
        n=chosen.n,
        unit=chosen.unit,
        method=method_of(request, chosen, f"{wording.method}."),
        limits=" ".join(part for part in (limits_of_promise(chosen), wording.more) if part),
        verdict="fail" if failed else "none asked" if n else "insufficient",
        plot="intervals" if n else None,
        series=rows.series if n else {},
        axes=(wording.lost,),
    )


def _told(guarantees: list[Guarantee]) -> Guarantee:
    """The guarantee a claim tells of: at the usual level, else the least level with a threshold; on average first."""

    def rank(one: Guarantee) -> tuple[bool, bool, float, bool]:
        return (one.threshold is None, one.level != USUAL_LEVEL, one.level, one.delta is not None)

    return min(guarantees, key=rank)


def _label(guarantee: Guarantee) -> str:
    sure = "on average" if guarantee.delta is None else f"with probability {percent(1 - guarantee.delta)}"
    of = f"{guarantee.of}: " if guarantee.of else ""
    return f"{of}at most {percent(guarantee.level)} {sure}"


def _claim(request: Request, guarantees: list[Guarantee], chosen: Guarantee, wording: Wording) -> str:
    evidence = request.evidence
    if chosen.threshold is None:
        return (
            f"No limit on the {wording.lost} could be promised: {chosen.n} {chosen.unit} are too few, or it loses more "
            f"than {percent(max(one.level for one in guarantees))}."
        )
    if chosen.of:
        return _of_classes(request, guarantees, wording)
    found = kept(chosen, evidence.statistics, every_row(evidence))
    assert found is not None
    value, ends = observed(request, found)
    threshold = wording.threshold(chosen, evidence)
    claim = f"{wording.claim.format(level=percent(chosen.level), kept=percent(1 - chosen.level), threshold=threshold)}"
    claim += f" on average over calibration sets. Here the {wording.lost} is {points(value)}{ends_said(ends)}."
    sure = [one for one in guarantees if one.level == chosen.level and one.delta is not None]
    if sure and sure[0].threshold is not None:
        claim += f" With probability {percent(1 - DELTA)} it takes more: {wording.threshold(sure[0], evidence)}."
    elif sure:
        claim += f" With probability {percent(1 - DELTA)} nothing could be promised at that level."
    return claim


def _of_classes(request: Request, guarantees: list[Guarantee], wording: Wording) -> str:
    """What was found for classes: from which confidence on their pixels can be trusted, and for which from none."""
    average = [one for one in guarantees if one.delta is None]
    known = [one for one in average if one.threshold is not None]
    told = [f"{one.of} ({wording.threshold(one, request.evidence)})" for one in known[:NAMED_AT_MOST]]
    more = [f"{len(known) - NAMED_AT_MOST} more classes"] if len(known) > NAMED_AT_MOST else []
    none = [one.of for one in average if one.threshold is None]
    claim = (
        wording.claim.format(level=percent(known[0].level), kept=percent(1 - known[0].level), threshold="")
        if known
        else ""
    )
    claim += f" on average over calibration sets, for {joined([*told, *more])}."
    if none:
        others = [f"{len(none) - NAMED_AT_MOST} more classes"] if len(none) > NAMED_AT_MOST else []
        claim += f" No confidence does so for {joined([*none[:NAMED_AT_MOST], *others])}."
    return claim


def _by_group(request: Request, usual: Guarantee, wording: Wording, attribute: Attribute) -> Finding | None:
    """What the common threshold loses in each group, and whether the group has a promise of its own."""
    evidence, rows, parts, above = request.evidence, Rows(), [], []
    groups = groups_of(attribute)
    if len(groups) < 2:
        return None
    for group, chosen in groups:
        found = kept(usual, evidence.statistics, np.flatnonzero(chosen))
        if found is None or not len(found.loss):
            continue
        value, ends = observed(request, found)
        own = of_group(request, usual, attribute.name, group)
        note = "marginal only"
        if own is not None and own.threshold is not None:
            note = f"of its own ({own.n} {own.unit}): {wording.threshold(own, evidence)}"
        rows.add(group, value, ends, len(found.loss), note, usual.level)
        parts.append(f"{points(value)} for {group}")
        if ends is not None and ends[0] > usual.level:
            above.append(group)
    if len(parts) < 2:
        return None
    more = len(parts) - NAMED_AT_MOST
    told = joined(parts if more <= 0 else [*parts[:NAMED_AT_MOST], f"{more} more groups (see the table)"])
    claim = f"By {attribute.name}, at the common limit of {percent(usual.level)}, the {wording.lost} is {told}."
    claim += f" Clearly more than the limit for {joined(above)}." if above else ""
    return Finding(
        question="when to trust it",
        claim=claim,
        metric=f"{wording.metric}, by group",
        value=None,
        interval=None,
        n=usual.n,
        unit=usual.unit,
        method=f"The common threshold in each group. {checked_on(request, usual)} A group's own was settled on its "
        f"own {usual.unit} alone, where there are at least {1 / usual.level - 1:g}. Wilson intervals, widened "
        "for clusters.",
        limits=f"{limits_of_promise(usual)} The intervals are not corrected for the number of groups.",
        group=attribute.name,
        plot="intervals",
        series=rows.series,
        axes=(wording.lost,),
    )


def _sets(guarantee: Guarantee, evidence: Evidence) -> str:
    assert guarantee.threshold is not None
    sizes = prediction_sets(evidence.statistics.probabilities, guarantee.threshold).sum(1)
    return (
        f"{significant(float(sizes.mean()))} classes on average, a single one for {points(float((sizes == 1).mean()))}"
    )


def _reach(guarantee: Guarantee, evidence: Evidence) -> str:
    assert guarantee.threshold is not None
    unit = evidence.statistics.unit
    return f"± {significant(guarantee.threshold)}{f' {unit}' if unit else ''}"


def _score(guarantee: Guarantee, evidence: Evidence) -> str:
    assert guarantee.threshold is not None
    return f"boxes shown from score {guarantee.threshold:.3f} on"


def _margin(guarantee: Guarantee, evidence: Evidence) -> str:
    assert guarantee.threshold is not None
    return f"widened by {points(guarantee.threshold)} of their sides"


def _confidence(guarantee: Guarantee, evidence: Evidence) -> str:
    assert guarantee.threshold is not None
    below: Any = share_below(evidence.statistics, guarantee.threshold)
    return f"confidence from {guarantee.threshold:g} on; {points(below)} of all pixels are below"


WORDINGS = {
    "prediction set": Wording(
        metric="coverage of prediction sets",
        lost="share of pictures whose class is not in the set",
        threshold=_sets,
        claim="Sets of classes ({threshold}) hold the true class in at least {kept} of pictures,",
        method=f"{SPLIT_CONFORMAL} with the scores of APS (Romano et al. 2020), of classes beyond the fifth those of "
        "RAPS (Angelopoulos et al. 2021)",
        more="The most probable class is always in the set.",
    ),
    "interval": Wording(
        metric="coverage of intervals",
        lost="share of truths outside of the interval",
        threshold=_reach,
        claim="The estimate {threshold} holds the truth at least {kept} of the time,",
        method=f"{SPLIT_CONFORMAL} with absolute residuals",
        more="Every interval is equally wide, also where errors are larger than elsewhere.",
    ),
    "missed objects": Wording(
        metric="certified limit on missed objects",
        lost="share of a picture's objects that are missed",
        threshold=_score,
        claim="With {threshold} at most {level} of a picture's objects are missed,",
        method=f"{TWO_PROMISES}. An object is found where a box of its class meets it at IoU 0.5. The loss is the "
        "share of a picture's objects that are missed; pictures without objects are not counted",
        more="A lower threshold shows more false boxes; nothing is promised about these.",
    ),
    "box margin": Wording(
        metric="certified cover of objects by widened boxes",
        lost="share of a picture's objects not wholly in a widened box",
        threshold=_margin,
        claim="Boxes shown at the deployed score threshold, {threshold}, hold at least {kept} of a picture's objects "
        "whole, missed ones counted as not held,",
        method=f"{TWO_PROMISES}. Each side is moved outwards by a share of the width or height of the box; an object "
        "is held where the box that meets it at IoU 0.5 then contains it. Pictures without objects are not counted",
    ),
    "missed pixels": Wording(
        metric="certified recall of pixels by class",
        lost="share of a class's pixels taken for another class",
        threshold=_confidence,
        claim="Pixels of enough confidence take at most {level} of a class's pixels in a picture for another class,",
        method=f"{TWO_PROMISES}. The loss is the share of the class's pixels in a picture that are given another class "
        "with at least that confidence; pixels below it are for a person. Pictures without the class are not counted",
    ),
}
