"""May it decide alone: risk against coverage, the share it may decide at a stated error, and that share by group."""

from dataclasses import replace

import numpy as np

from clearsight.audits.attributes import Attribute, attributes_of
from clearsight.audits.promised import (
    Rows,
    broken,
    decided_share,
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
from clearsight.audits.scores import how, limits_of
from clearsight.audits.sentences import joined
from clearsight.decisions.checking import Kept, kept
from clearsight.decisions.losses import Losses, losses_of
from clearsight.decisions.promises import percent
from clearsight.decisions.settling import USUAL_LEVEL
from clearsight.metrics.resample import Resampling, interval
from clearsight.metrics.selective import area_under_risk_coverage, least_area, risk_coverage
from clearsight.types import Evidence, Finding, Guarantee, Request

PICTURES_AT_LEAST = 30
NAMED_AT_MOST = 8
TESTED = (
    "Learn-then-Test (Angelopoulos et al. 2021) with fixed-sequence testing of 20 coverages, by {p}: those of "
    "least uncertainty are decided."
)


def deciding_alone(request: Request) -> tuple[Finding, ...]:
    """The risk-coverage curve; the share it may decide alone at each error, as settled; and that share by group.

    Nothing where the task gives no confidence, and no shares where nothing was settled.
    """
    losses = losses_of(request.evidence.statistics)
    if losses is None or len(losses.loss) < PICTURES_AT_LEAST:
        return ()
    rules = whole(request, "decide alone")
    usual = [one for one in rules if one.level == USUAL_LEVEL]
    groups = [_by_group(request, usual[0], losses, one) for one in attributes_of(request)] if usual else []
    alone = (_alone(request, rules, usual[0], losses),) if usual else ()
    return (_curve(request, losses), *alone, *(one for one in groups if one is not None))


def _curve(request: Request, losses: Losses) -> Finding:
    evidence = request.evidence
    own = _restricted(evidence, losses)
    curve = risk_coverage(losses.uncertainty, losses.loss, own.clusters, request.confidence)
    metric = area_under_risk_coverage(losses.uncertainty, losses.loss)
    weights = Resampling(clusters=own.clusters, replicates=request.replicates, seed=request.seed)
    area = interval(metric, own, weights, request.confidence)
    half = int(np.searchsorted(curve.coverage, 0.5 - 1e-9))
    line = losses.wrong.capitalize()
    columns = (curve.coverage, curve.risk, curve.low, curve.high)
    x, y, low, high = (column.tolist() for column in columns)
    return Finding(
        question="when to trust it",
        claim=f"On all {evidence.unit} its share of {losses.wrong} is {points(curve.risk[-1])}; on the half of "
        f"which it is least uncertain, {points(curve.risk[half])}{ends_said((curve.low[half], curve.high[half]))}.",
        metric=metric.name,
        value=area.value,
        interval=area.interval,
        clusters=area.clusters,
        n=len(losses.loss),
        unit=evidence.unit,
        method=f"The mean loss of the {evidence.unit} of least uncertainty, at coverages from 5% to 100% (Geifman & "
        f"El-Yaniv 2017); Wilson intervals widened for clusters. AURC is the mean of the curve, lower is better: "
        f"{area.value:.4f}; {float(losses.loss.mean()):.4f} were its confidence worth nothing, and "
        f"{least_area(losses.loss):.4f} were it surest where it loses least. {how(request, area)}",
        limits=limits_of(evidence) + " The curve describes these pictures; it promises nothing.",
        plot="curve",
        series={"line": [line] * len(x), "x": x, "y": y, "low": low, "high": high},
        axes=(f"share of {evidence.unit} decided, the surest first", losses.wrong),
    )


def _restricted(evidence: Evidence, losses: Losses) -> Evidence:
    """The pictures that have a loss, as evidence for resampling; its statistics are not looked at."""
    ids = tuple(evidence.ids[row] for row in losses.row.tolist())
    return replace(evidence, ids=ids, clusters=evidence.clusters[losses.row], groups={}, seen=None, features=None)


def _alone(request: Request, rules: list[Guarantee], usual: Guarantee, losses: Losses) -> Finding:
    evidence, rows, said = request.evidence, Rows(), []
    every = every_row(evidence)
    for rule in sorted(rules, key=lambda one: one.level):
        label = f"error of at most {percent(rule.level)}"
        found = kept(rule, evidence.statistics, every)
        if found is None:
            rows.add(label, 0.0, None, len(losses.loss), f"none: nothing could be shown on {rule.n} {rule.unit}")
            continue
        covered, ends = decided_share(request, found, losses.row)
        rows.add(label, covered, ends, len(losses.loss), _error_said(request, found, losses))
        said.append((rule, covered))
    failed = broken(request, usual)
    binary = bool(np.isin(losses.loss, (0.0, 1.0)).all())
    tested = TESTED.format(p="exact binomial p values" if binary else "p values of Hoeffding and Bentkus")
    return Finding(
        question="when to trust it",
        claim=_claim(request, usual, said, losses) + (excess_said(usual) if failed else ""),
        metric="share it may decide alone",
        value=next((covered for rule, covered in said if rule == usual), 0.0),
        interval=None,
        n=len(losses.loss),
        unit=evidence.unit,
        method=method_of(request, usual, tested),
        limits=limits_of_promise(usual) + f" An error is the share of {losses.wrong}.",
        verdict="fail" if failed else "none asked",
        plot="intervals",
        series=rows.series,
        axes=(f"share of {evidence.unit} decided alone",),
    )


def _error_said(request: Request, found: Kept, losses: Losses) -> str:
    if not len(found.loss):
        return "none of these is certain enough"
    value, ends = observed(request, found)
    return f"{losses.wrong} among them here: {points(value)}{ends_said(ends)}"


def _claim(request: Request, usual: Guarantee, said: list[tuple[Guarantee, float]], losses: Losses) -> str:
    """What it may decide at the usual error, else at the least error for which there is a share."""
    unit = request.evidence.unit
    chosen = next(((rule, covered) for rule, covered in said if rule == usual), None)
    start = ""
    if chosen is None:
        start = (
            f"No share of the {unit} could be shown to keep an error of {percent(usual.level)} on {usual.n} {unit}. "
        )
        if not said:
            return f"{start}By these it may decide nothing alone: every one goes to a person."
        chosen = min(said, key=lambda pair: pair[0].level)
    rule, covered = chosen
    found = kept(rule, request.evidence.statistics, every_row(request.evidence))
    assert found is not None
    value, ends = observed(request, found) if len(found.loss) else (float("nan"), None)
    seen = f"; their share of {losses.wrong} is {points(value)}{ends_said(ends)}" if len(found.loss) else ""
    probability = percent(1 - (rule.delta or 0))
    return (
        f"{start}At an error of at most {percent(rule.level)}, promised with probability {probability}, it may decide "
        f"{points(covered)} of these {unit} alone{seen}. The other {points(1 - covered)} go to a person."
    )


def _by_group(request: Request, usual: Guarantee, losses: Losses, attribute: Attribute) -> Finding | None:
    """The share of each group that the common threshold decides, and the error there."""
    evidence = request.evidence
    groups = groups_of(attribute)
    whole_found = kept(usual, evidence.statistics, every_row(evidence))
    if len(groups) < 2 or whole_found is None:
        return None
    rows, parts, above = Rows(), list[str](), list[str]()
    covered, ends = decided_share(request, whole_found, losses.row)
    rows.add(f"all {evidence.unit}", covered, ends, len(losses.row), _error_said(request, whole_found, losses))
    for group, chosen in groups:
        judged = losses.row[chosen[losses.row]]
        found = kept(usual, evidence.statistics, np.flatnonzero(chosen))
        assert found is not None
        covered, ends = decided_share(request, found, judged)
        special = of_group(request, usual, attribute.name, group)
        said = f"{_error_said(request, found, losses)}; {_own(request, special, judged)}"
        rows.add(group, covered, ends, len(judged), said)
        parts.append(f"{points(covered)} of {group}")
        if len(found.loss) and (limits := observed(request, found)[1]) and limits[0] > usual.level:
            above.append(f"{group} ({points(found.mean)})")
    return Finding(
        question="when to trust it",
        claim=_claim_by_group(attribute.name, usual, parts, above, evidence.unit),
        metric="share it may decide alone, by group",
        value=None,
        interval=None,
        n=len(losses.loss),
        unit=evidence.unit,
        method="The threshold settled on all groups together, applied to each. A group's own threshold was settled "
        f"on its own {usual.unit} alone, where there are at least {1 / usual.level - 1:g}. Wilson intervals, widened "
        "for clusters.",
        limits="Abstaining can hide a gap: a group that goes to a person more often has fewer errors among what is "
        f"decided, and is served worse. {limits_of_promise(usual)} The intervals are not corrected for the number of "
        "groups.",
        group=attribute.name,
        plot="intervals",
        series=rows.series,
        axes=(f"share of {evidence.unit} decided alone",),
    )


def _claim_by_group(name: str, usual: Guarantee, parts: list[str], above: list[str], unit: str) -> str:
    """What the threshold decides of each group, and of which its error is above what was promised for all."""
    more = len(parts) - NAMED_AT_MOST
    told = joined(parts if more <= 0 else [*parts[:NAMED_AT_MOST], f"{more} more groups (see the table)"])
    claim = f"By {name}, the threshold for an error of {percent(usual.level)} decides {told}."
    if not above:
        return claim
    return f"{claim} Its error is above that for {joined(above)}: the promise is for all {unit} together."


def _own(request: Request, special: Guarantee | None, judged: np.ndarray) -> str:
    """What a threshold of the group's own would decide."""
    if special is None:
        return "marginal only"
    found = kept(special, request.evidence.statistics, judged)
    if found is None:
        return f"its own {special.n} {special.unit} show nothing: marginal only"
    covered, _ = decided_share(request, found, judged)
    return f"a threshold of its own ({special.n} {special.unit}) decides {points(covered)}"
