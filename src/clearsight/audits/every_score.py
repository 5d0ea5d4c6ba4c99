"""Every score by group, in one table: those that are tested, and those that a group's mix of truths moves too."""

import numpy as np

from clearsight.audits.attributes import Attribute, group_rule
from clearsight.audits.sentences import between, number
from clearsight.metrics.additive import Additive
from clearsight.metrics.equal_images import EqualImages
from clearsight.metrics.resample import Estimate, Resampling, interval
from clearsight.types import Finding, Metric, Request

REPLICATES = 200
# Weights at once: of more pictures, only scores that are sums of statistics are computed, and of no intersections.
CELLS_AT_MOST = 20_000_000
GROUPS_AT_MOST = 60


def every_score(request: Request, attribute: Attribute, equal: EqualImages) -> list[Finding]:
    """The table of one attribute that was asked for; nothing for others, or where no group can be judged.

    ``equal`` are the equal images of the evidence, as far as they are known already.
    """
    evidence = request.evidence
    replicates = min(REPLICATES, request.replicates)
    quick = replicates * len(evidence.ids) <= CELLS_AT_MOST
    every: tuple[Metric, ...] = evidence.statistics.metrics()
    metrics = [metric for metric in every if quick or isinstance(metric.compute, Additive)]
    if not request.by or not attribute.large or len(every) < 2 or not metrics:
        return []
    if attribute.crossed and not quick:
        return []
    weights = Resampling(
        clusters=evidence.clusters, replicates=replicates, seed=request.seed + 2, strata=attribute.codes, equal=equal
    )
    shown = attribute.large[:GROUPS_AT_MOST]
    rows = [attribute.rows(group) for group in shown]
    series: dict[str, list] = {"group": list(shown), "n": [int(own.sum()) for own in rows]}
    for metric in metrics:
        estimates = [interval(metric, evidence, weights, request.confidence, own) for own in rows]
        series[metric.name] = [_cell(metric, found) for found in estimates]
    left_out = [metric.name for metric in every if metric not in metrics]
    return [
        Finding(
            question="whom it fails",
            claim=f"Every score by {attribute.name}, group by group.",
            metric=f"scores by {attribute.name}",
            value=None,
            interval=None,
            n=int(attribute.known.sum()),
            unit=evidence.unit,
            method=f"{100 * request.confidence:g}% intervals from a cluster bootstrap within groups "
            f"({replicates} replicates), bias-corrected.{_too_long(left_out)}",
            limits=f"{group_rule(evidence)} Most of these scores also move with the mix of labels in a group, so a "
            "difference here is no finding: the gaps are tested on scores that do not.",
            group=attribute.name,
            series=series,
        )
    ]


def _cell(metric: Metric, found: Estimate) -> str:
    """A score with its interval as text."""
    known = bool(np.isfinite(found.value))
    return f"{number(found.value, metric)}{between(found.interval, metric)}" if known else "not defined"


def _too_long(names: list[str]) -> str:
    return f" Of so many pictures, {', '.join(names)} would take too long group by group." if names else ""
