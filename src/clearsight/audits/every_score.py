"""Every score by group, in one table: those that are tested, and those that a group's mix of truths moves too."""

import numpy as np

from clearsight.audits.attributes import Attribute, group_rule
from clearsight.audits.sentences import between, number
from clearsight.metrics.additive import Additive
from clearsight.metrics.resample import Resampling, interval
from clearsight.types import Finding, Metric, Request

REPLICATES = 200
# Weights at once: of more pictures, only sums of statistics are resampled, and other metrics come without intervals.
CELLS_AT_MOST = 20_000_000
GROUPS_AT_MOST = 60


def every_score(request: Request, attribute: Attribute) -> list[Finding]:
    """The table of one attribute that was asked for; nothing for others, or where no group can be judged."""
    evidence = request.evidence
    metrics: tuple[Metric, ...] = evidence.statistics.metrics()
    if not request.by or not attribute.large or len(metrics) < 2:
        return []
    replicates = min(REPLICATES, request.replicates)
    weights = Resampling(
        clusters=evidence.clusters, replicates=replicates, seed=request.seed + 2, strata=attribute.codes
    )
    shown = attribute.large[:GROUPS_AT_MOST]
    series: dict[str, list] = {"group": list(shown), "n": [int(attribute.rows(group).sum()) for group in shown]}
    quick = replicates * len(evidence.ids) <= CELLS_AT_MOST
    for metric in metrics:
        resampled = quick or isinstance(metric.compute, Additive)
        series[metric.name] = [_cell(request, metric, weights, attribute, group, resampled) for group in shown]
    return [
        Finding(
            question="whom it fails",
            claim=f"Every score by {attribute.name}, group by group.",
            metric=f"scores by {attribute.name}",
            value=None,
            interval=None,
            n=int(attribute.known.sum()),
            unit=evidence.unit,
            method=f"{100 * request.confidence:g}% intervals from {replicates} resamplings of whole clusters within "
            "groups, corrected for bias."
            + ("" if quick else " Scores that are no sums have none: it would take long."),
            limits=f"{group_rule(evidence)} Most of these scores also move with the mix of truths in a group, so a "
            "difference here is no finding: the gaps are tested on scores that do not.",
            group=attribute.name,
            series=series,
        )
    ]


def _cell(
    request: Request, metric: Metric, weights: Resampling, attribute: Attribute, group: str, resampled: bool
) -> str:
    """A score with its interval as text."""
    rows = attribute.rows(group)
    if not resampled:
        value = float(metric.compute(request.evidence.statistics, rows[None].astype(np.float64))[0])
        return number(value, metric) if np.isfinite(value) else "not defined"
    found = interval(metric, request.evidence, weights, request.confidence, rows)
    return (
        f"{number(found.value, metric)}{between(found.interval, metric)}" if np.isfinite(found.value) else "not defined"
    )
