"""Whom it fails: metrics by group and by intersection, each group tested against the rest, the worst, and the small.

A gap is called real only where two tests agree after Holm's correction over all comparisons of the audit: the gap
against its bootstrap error (right also where groups differ in more than luck, such as in how much there is to find),
and the gap against permuted group labels (right also where a group is small). Labels are permuted among pictures of
equal truth (the same class, the same classes of objects, the same fifth of the values), and the metrics compared are
standardised to one mix of them: so the question is whether a group fares differently on pictures of the same truth, and
another mix of classes does not read as a gap. Where groups are the classes themselves, labels are permuted freely, and
the question is whether one class is recognised less often than the rest.

Verdicts are given only where the user asked about a group (``Request.by``):

- "fail": the group is served worse than the rest, and chance does not explain it;
- "pass": the interval leaves no room for the group being worse by more than the tolerance, or the group does better;
- "insufficient": neither can be said with these pictures. A group too small to judge is always "insufficient".

The tolerance is 5 points of a score between 0 and 1, and a tenth of the rest's value of any other.
"""

import numpy as np

from clearsight.audits.attributes import (
    CLUSTERS_AT_LEAST,
    PICTURES_AT_LEAST,
    POSITIVES_AT_LEAST,
    Attribute,
    attributes_of,
    group_metrics,
    group_rule,
    of_one_truth,
    positives,
)
from clearsight.audits.comparisons import compared, gap_findings, needed
from clearsight.audits.every_score import every_score
from clearsight.audits.scores import how
from clearsight.audits.sentences import between, joined, number
from clearsight.audits.worst_group import worst_group
from clearsight.metrics.equal_images import EqualImages
from clearsight.metrics.resample import Estimate, Resampling, interval
from clearsight.types import Finding, Metric, Request

NAMED_AT_MOST = 8
CLAIMED_AT_MOST = 6
WORST_NAMED = 3


def groups(request: Request) -> tuple[Finding, ...]:
    """Scores by group and each group's gap against the rest, for the attributes asked for, or for all of them.

    Of two attributes asked for, their intersection too; nothing where no metric can be told of single groups. Raises
    ValueError for an attribute that is not there.
    """
    evidence = request.evidence
    metrics = group_metrics(evidence)
    if not metrics:
        return ()
    findings: list[Finding] = []
    comparisons = []
    equal = EqualImages()
    for attribute in attributes_of(request):
        weights = Resampling(
            clusters=evidence.clusters, replicates=request.replicates, seed=request.seed, strata=attribute.codes,
            equal=equal,
        )  # fmt: skip
        # Of one truth there is one way to be wrong: the first metric says all.
        compared_by = metrics[:1] if of_one_truth(evidence, attribute) else metrics
        shown = [_shown(request, attribute, metric, weights) for metric in compared_by]
        findings += [finding for finding, _, _ in shown]
        _, whole, judged = shown[0]
        findings += worst_group(request, attribute, metrics[0], judged)
        findings += every_score(request, attribute, equal)
        named, others = attribute.small[:NAMED_AT_MOST], attribute.small[NAMED_AT_MOST:]
        if attribute.crossed:
            named, others = (), attribute.small
        findings += [_too_small(request, attribute, (group,), metrics[0], whole) for group in named]
        findings += [_too_small(request, attribute, others, metrics[0], whole)] if others else []
        comparisons += compared(request, attribute, compared_by, weights)
    return (*findings, *gap_findings(request, comparisons))


def _shown(
    request: Request, attribute: Attribute, metric: Metric, weights: Resampling
) -> tuple[Finding, Estimate, list[tuple[str, Estimate]]]:
    """The metric by group, as one plot; the estimate over all pictures, and those of the groups large enough."""
    evidence = request.evidence
    whole = interval(metric, evidence, weights, request.confidence)
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
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
    # Of an intersection the small groups are many; they are named in a finding of their own.
    for group in () if attribute.crossed else attribute.small:
        count = int(attribute.rows(group).sum())
        for column, cell in zip(rows, (group, None, None, None, count, "too few to judge"), strict=True):
            rows[column].append(cell)
    unknown = int((~attribute.known).sum())
    claim = _by_group(request, attribute, metric, judged)
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
        judged,
    )


def _by_group(request: Request, attribute: Attribute, metric: Metric, judged: list[tuple[str, Estimate]]) -> str:
    """The score of every group in a sentence; of many groups those of the worst and of the best."""
    known = [(name, one) for name, one in judged if np.isfinite(one.value)]
    said = [f"{name} {number(one.value, metric)}{between(one.interval, metric)}" for name, one in known]
    if not said:
        return f"No group of {attribute.name} has enough {request.evidence.unit} to be judged by {metric.name}."
    if len(said) <= CLAIMED_AT_MOST:
        return f"By {attribute.name}, {metric.meaning} is: {joined(said)}."
    order = np.argsort([one.value if metric.higher_is_better else -one.value for _, one in known], kind="stable")
    worst = [said[place] for place in order[:WORST_NAMED]]
    return (
        f"By {attribute.name}, {metric.meaning} is worst for {joined(worst)}, and best for {said[order[-1]]}, of "
        f"{len(said)} groups."
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
        f"About {needed(metric, whole, whole.value)} {unit} of each such group would do.",
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
