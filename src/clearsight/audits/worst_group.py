"""The worst group and the gap between best and worst, corrected for having been chosen for being extreme."""

from collections.abc import Sequence

import numpy as np

from clearsight.audits.attributes import Attribute, group_rule
from clearsight.audits.sentences import between, number
from clearsight.metrics.extremes import Extreme, Limits, extremes
from clearsight.metrics.resample import Estimate, interval_from
from clearsight.types import Finding, Metric, Request

METHOD = (
    "Corrected value: the true scores of groups are taken to spread around a common mean (hierarchical normal model), "
    "and their extremes averaged over its posterior. {confidence:g}% interval: bounds of all groups at once (Sidak), "
    "which cover more often than that."
)


def worst_group(
    request: Request, attribute: Attribute, metric: Metric, judged: list[tuple[str, Estimate]]
) -> list[Finding]:
    """The worst group's score and the largest gap by one metric; nothing where fewer than two groups are known."""
    known = [(name, one) for name, one in judged if np.isfinite(one.value) and one.interval is not None]
    if len(known) < 2:
        return []
    estimates = [one for _, one in known]
    values = np.array([one.value for one in estimates])
    found = extremes(values, limits_of(metric, estimates), request.confidence, metric.higher_is_better)
    name, worst = known[found.place]
    best = known[int(values.argmax() if metric.higher_is_better else values.argmin())][0]
    of = f"the {len(known)} groups of {attribute.name} that can be judged"
    claim = (
        f"Of {of} the worst is {name}: {metric.meaning} is {_said(found.worst, metric)} "
        "corrected for having been chosen as the worst."
    )
    gap_claim = (
        f"Between the best ({best}) and the worst ({name}) of {of} lie {_said(found.gap, metric)} "
        f"in {metric.name}, corrected for having been chosen."
    )
    limits_said = f"{group_rule(request.evidence)} Groups too small to judge are not among them, and may fare worse."
    rows = [
        (claim, f"worst group by {metric.name}", found.worst),
        (gap_claim, f"largest gap in {metric.name}", found.gap),
    ]
    return [
        Finding(
            question="whom it fails",
            claim=text,
            metric=title,
            value=extreme.corrected,
            interval=(min(extreme.low, extreme.corrected), max(extreme.high, extreme.corrected)),
            n=sum(one.images for one in estimates),
            unit=request.evidence.unit,
            clusters=worst.clusters,
            method=METHOD.format(confidence=100 * request.confidence),
            limits=limits_said,
            group=attribute.name,
        )
        for text, title, extreme in rows
    ]


def limits_of(metric: Metric, estimates: Sequence[Estimate]) -> Limits:
    """The intervals of several groups' estimates of a metric at any confidence."""

    def limits(confidence: float) -> tuple[np.ndarray, np.ndarray]:
        ends = [
            interval_from(
                one.value, one.samples, one.clusters, confidence, metric.bounds, metric.bias_rate, one.effective
            )
            for one in estimates
        ]
        low, high = np.array(ends, dtype=np.float64).T
        return low, high

    return limits


def _said(one: Extreme, metric: Metric) -> str:
    """What was observed, and what is left of it."""
    ends = between((one.low, one.high), metric)
    return f"{number(one.observed, metric)} as observed, and {number(one.corrected, metric)}{ends}"
