"""Whom it fails: metrics by group, each group tested against the rest, and the groups too small to judge.

A gap is called real only where two tests agree after Holm's correction over all comparisons of the audit: the gap
against its bootstrap error (right also where groups differ in more than luck, such as in how much there is to find),
and the gap against permuted group labels (right also where a group is small). Verdicts are given only where
the user asked about a group (``Request.by``):

- "fail": the group is served worse than the rest, and chance does not explain it;
- "pass": the interval leaves no room for the group being worse by more than the tolerance, or the group does better;
- "insufficient": neither can be said with these pictures. A group too small to judge is always "insufficient".

The tolerance is 5 points of a score between 0 and 1, and a tenth of the rest's value of any other.
"""

from dataclasses import dataclass

import numpy as np

from clearsight.audits.attributes import (
    CLUSTERS_AT_LEAST,
    PICTURES_AT_LEAST,
    POSITIVES_AT_LEAST,
    Attribute,
    attribute_names,
    attribute_of,
    enough,
    group_metrics,
    group_rule,
    positives,
)
from clearsight.audits.scores import how
from clearsight.audits.sentences import between, chance, joined, number
from clearsight.metrics.permutation import Permutations, permutation_p
from clearsight.metrics.rates import holm
from clearsight.metrics.resample import Estimate, Gap, Resampling, gap, interval
from clearsight.types import Finding, Metric, Request, Verdict

TOLERANCE = 0.05
RELATIVE_TOLERANCE = 0.1
NAMED_AT_MOST = 8


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """A group against the rest by one metric; ``p`` before correction."""

    attribute: Attribute
    group: str
    metric: Metric
    gap: Gap
    p: float


def groups(request: Request) -> tuple[Finding, ...]:
    """Scores by group and each group's gap against the rest, for the attributes asked for, or for all of them.

    Nothing where no metric can be told of single groups. Raises ValueError for an attribute that the evidence does not
    have.
    """
    evidence = request.evidence
    metrics = group_metrics(evidence)
    if not metrics:
        return ()
    attributes = [attribute_of(evidence, name) for name in attribute_names(request)]
    findings: list[Finding] = []
    comparisons: list[_Comparison] = []
    for attribute in attributes:
        weights = Resampling(
            clusters=evidence.clusters, replicates=request.replicates, seed=request.seed, strata=attribute.codes
        )
        shown = [_shown(request, attribute, metric, weights) for metric in metrics]
        findings += [finding for finding, _ in shown]
        named, others = attribute.small[:NAMED_AT_MOST], attribute.small[NAMED_AT_MOST:]
        findings += [_too_small(request, attribute, (group,), metrics[0], shown[0][1]) for group in named]
        findings += [_too_small(request, attribute, others, metrics[0], shown[0][1])] if others else []
        comparisons += _compared(request, attribute, metrics, weights)
    corrected = holm([comparison.p for comparison in comparisons])
    tests = len(comparisons)
    findings += [_gap_finding(request, each, p, tests) for each, p in zip(comparisons, corrected, strict=True)]
    return tuple(findings)


def _shown(request: Request, attribute: Attribute, metric: Metric, weights: Resampling) -> tuple[Finding, Estimate]:
    """The metric by group, as one plot; and the estimate over all pictures."""
    evidence = request.evidence
    whole = interval(metric, evidence, weights, request.confidence)
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    said = []
    judged = [
        (group, interval(metric, evidence, weights, request.confidence, attribute.rows(group)))
        for group in attribute.large
    ]
    for name, estimate in [(f"all {evidence.unit}", whole), *judged]:
        known = bool(np.isfinite(estimate.value))
        ends = (estimate.interval if known else None) or (None, None)
        cells = (name, estimate.value if known else None, *ends, estimate.images, None if known else "not defined")
        for column, cell in zip(rows, cells, strict=True):
            rows[column].append(cell)
        if known and estimate is not whole:
            said.append(f"{name} {number(estimate.value, metric)}{between(estimate.interval, metric)}")
    for group in attribute.small:
        count = int(attribute.rows(group).sum())
        for column, cell in zip(rows, (group, None, None, None, count, "too few to judge"), strict=True):
            rows[column].append(cell)
    unknown = int((~attribute.known).sum())
    claim = (
        f"By {attribute.name}, {metric.meaning} is: {joined(said)}."
        if said
        else f"No group of {attribute.name} has enough {evidence.unit} to be judged by {metric.name}."
    )
    return (
        Finding(
            question="whom it fails",
            claim=claim,
            metric=metric.name,
            value=whole.value if np.isfinite(whole.value) else None,
            interval=whole.interval,
            clusters=whole.clusters,
            n=whole.images,
            unit=evidence.unit,
            method=how(request, whole) + " Each group keeps its number of clusters in every resampling.",
            limits=f"{group_rule(evidence)} Each interval stands for its group alone; the gaps are tested one by one."
            + (f" {unknown} {evidence.unit} have no known {attribute.name} and belong to no group." if unknown else ""),
            group=attribute.name,
            plot="intervals",
            series=rows,
            axes=(metric.name,),
        ),
        whole,
    )


def _too_small(
    request: Request, attribute: Attribute, small: tuple[str, ...], metric: Metric, whole: Estimate
) -> Finding:
    """What is said of one group too small to judge, or of all those beyond the first few together."""
    rows = np.isin(attribute.codes, [attribute.names.index(group) for group in small])
    objects = positives(request.evidence, rows)
    counted = objects is not None and objects != int(rows.sum())
    unit = request.evidence.unit
    held = f"{int(rows.sum())} {unit}" + (f" with {objects} objects to find" if counted else "")
    group = joined(list(small)) if len(small) <= 3 else f"one of {len(small)} further values"
    return Finding(
        question="whom it fails",
        claim=f"Nobody can say how it does where {attribute.name} is {group}: there are only {held}. "
        f"About {_needed(metric, whole, whole.value)} {unit} of each such group would do.",
        metric=metric.name,
        value=None,
        interval=None,
        n=int(rows.sum()),
        unit=unit,
        method=f"Groups under {PICTURES_AT_LEAST} {unit}, {CLUSTERS_AT_LEAST} clusters or {POSITIVES_AT_LEAST} "
        f"objects are not judged. The number needed is for 5 points to either side, at the spread of all {unit}.",
        limits=f"No score is shown because it would mislead. The groups: {', '.join(small)}.",
        group=f"{attribute.name} = {group}",
        verdict="insufficient",
    )


def _tolerance(metric: Metric, value: float) -> float:
    return TOLERANCE if np.isfinite(metric.bounds).all() else RELATIVE_TOLERANCE * abs(value)


def _needed(metric: Metric, known: Estimate, value: float) -> int:
    """Pictures for an interval as wide as the tolerance to either side, at the spread of ``known``; at least 30."""
    width, wanted = known.interval, _tolerance(metric, value)
    if width is None or not wanted > 0:
        return 10 * PICTURES_AT_LEAST
    return max(PICTURES_AT_LEAST, int(np.ceil(known.images * ((width[1] - width[0]) / 2 / wanted) ** 2)))


def _compared(
    request: Request, attribute: Attribute, metrics: tuple[Metric, ...], weights: Resampling
) -> list[_Comparison]:
    """Each group large enough against all other pictures of known group; of two groups, only the worse."""
    evidence, known = request.evidence, attribute.known
    permutations = Permutations(
        labels=attribute.codes,
        known=known,
        clusters=evidence.clusters,
        permutations=request.replicates,
        seed=request.seed + 1,
    )
    comparisons = []
    for metric in metrics:
        tested = []
        for group in attribute.large:
            rows = attribute.rows(group)
            if not enough(evidence, known & ~rows):
                continue
            found = gap(metric, evidence, rows, known & ~rows, weights, request.confidence)
            if not np.isfinite(found.value):
                continue
            permuted = permutations.gaps(metric, evidence.statistics, attribute.names.index(group))
            p = max(found.p, permutation_p(found.value, permuted))
            tested.append(_Comparison(attribute=attribute, group=group, metric=metric, gap=found, p=p))
        if len(attribute.large) + len(attribute.small) == 2:
            # Two groups make one comparison; it is told from the side of the one that is served worse.
            tested = sorted(tested, key=_harm, reverse=True)[:1]
        comparisons += tested
    return comparisons


def _harm(comparison: _Comparison) -> float:
    """How much worse the group is than the rest, in the metric's units."""
    return -comparison.gap.value if comparison.metric.higher_is_better else comparison.gap.value


def _gap_finding(request: Request, each: _Comparison, p: float, tests: int) -> Finding:
    metric, found = each.metric, each.gap
    real = p <= 1 - request.confidence
    verdict = _verdict(request, each, real) if request.by else "none asked"
    return Finding(
        question="whom it fails",
        claim=_claim(each, p, real, tests, verdict, request.evidence.unit),
        metric=f"gap in {metric.name}",
        value=found.value,
        interval=found.interval,
        clusters=min(found.first.clusters, found.second.clusters),
        n=found.first.images,
        unit=request.evidence.unit,
        method=f"Group minus rest on the same {request.replicates} resamplings of clusters within groups, corrected "
        f"for bias; p is the larger of that test and of {request.replicates} permutations of the group labels, "
        f"Holm-corrected for {tests} comparison{'s' if tests > 1 else ''}.",
        limits=f"{group_rule(request.evidence)} It shows that the group is served differently, not why: groups may "
        "differ in other things as well. "
        + ("Classes a group has no objects of are left out of its average. " if "AP" in metric.name else "")
        + f"{each.attribute.name} is what the data say it is.",
        group=f"{each.attribute.name} = {each.group}",
        verdict=verdict,
    )


def _verdict(request: Request, each: _Comparison, real: bool) -> Verdict:
    worse = _harm(each) > 0
    if real:
        return "fail" if worse else "pass"
    ends = each.gap.interval
    if ends is None:
        return "insufficient"
    most = -ends[0] if each.metric.higher_is_better else ends[1]
    return "pass" if most <= _tolerance(each.metric, each.gap.second.value) else "insufficient"


def _claim(each: _Comparison, p: float, real: bool, tests: int, verdict: Verdict, unit: str) -> str:
    metric, first, second = each.metric, each.gap.first.value, each.gap.second.value
    where = f"where {each.attribute.name} is {each.group}"
    values = f"{number(first, metric)} {where}, against {number(second, metric)} on the other {unit}"
    start = f"{metric.meaning[0].upper()}{metric.meaning[1:]} is {values}"
    after = f"{chance(p)} after correcting for {tests} comparisons" if tests > 1 else chance(p)
    if real:
        share = _share(first, second) if metric.bounds[0] == 0 else ""
        return f"{start}{share}. Chance does not explain it ({after})."
    need, wanted = _needed(metric, each.gap.first, second), _tolerance(metric, second)
    short = verdict != "pass" and need > each.gap.first.images
    more = f" About {need} {unit} of it would settle it to within {wanted:.2f}." if short else ""
    return f"{start}. That may be chance ({after}).{more}"


def _share(first: float, second: float) -> str:
    if second <= 0:
        return ""
    ratio = first / second
    return f": {100 * ratio:.0f}% of it" if ratio < 1 else f": {ratio:.2g} times that" if ratio >= 1.05 else ""
