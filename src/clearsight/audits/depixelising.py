"""Whether restored pictures are, made small again, the pictures given: the least that a restoration has to keep."""

import numpy as np

from clearsight.audits.scores import how
from clearsight.audits.sentences import between, number, times
from clearsight.metrics.depixelising import DepixelisingStatistics
from clearsight.metrics.resample import Estimate, Resampling, interval
from clearsight.types import Evidence, Finding, Metric, Request

PREFIX = "depixelising: "
FINISHES = {
    "none": "Nothing followed the search.",
    "weights": "Where the search ended too far away, the generator's weights were tuned for the picture.",
    "projection": "Where the search ended too far away, the nearest picture that agrees was taken, which no generator "
    "made.",
}


def depixelising(request: Request) -> tuple[Finding, ...]:
    """How near restorations came to what was given and to the true pictures; nothing without evidence of it."""
    return tuple(
        finding
        for evidence in request.more.values()
        if isinstance(evidence.statistics, DepixelisingStatistics) and evidence.statistics.images
        for finding in _findings(request, evidence)
    )


def belongs(finding: Finding) -> bool:
    """Whether a finding is of this audit."""
    return finding.metric.startswith(PREFIX)


def _findings(request: Request, evidence: Evidence) -> list[Finding]:
    weights = Resampling(clusters=evidence.clusters, replicates=request.replicates, seed=request.seed)
    metrics = evidence.statistics.metrics()
    found = [(metric, interval(metric, evidence, weights, request.confidence)) for metric in metrics]
    return [_finding(request, evidence, metric, estimate, found) for metric, estimate in found]


def _finding(
    request: Request, evidence: Evidence, metric: Metric, estimate: Estimate, all_of: list[tuple[Metric, Estimate]]
) -> Finding:
    statistics: DepixelisingStatistics = evidence.statistics
    first = metric is all_of[0][0]
    value = f"{number(estimate.value, metric)}{between(estimate.interval, metric)}"
    claim = f"{metric.meaning[0].upper()}{metric.meaning[1:]}: {value}."
    if first:
        matched, unmatched = all_of[1][1].value, int((statistics.matched <= 0).sum())
        alone = all_of[2][1].value
        none = f"; of {unmatched} of {estimate.images} pictures none does" if unmatched else ""
        claim = (
            f"Made small again, restored pictures are the small ones given up to {value}: {matched:.0%} come within "
            f"{-10 * np.log10(statistics.epsilon):.0f} dB{none}. The search alone brought {alone:.0%} so near."
        )
    return Finding(
        question="what it does",
        claim=claim,
        metric=f"{PREFIX}{metric.name}",
        value=estimate.value,
        interval=estimate.interval,
        n=estimate.images,
        unit=f"held-out {evidence.unit}",
        clusters=estimate.clusters,
        method=f"Pictures were made {statistics.factor} times smaller and each restored "
        f"{times(statistics.restarts)} by search in the generator's latents. {FINISHES[statistics.finish]} "
        f"{how(request, estimate)}",
        limits="Agreeing with the small picture says nothing of the rest: many pictures agree with it. It holds for "
        "this way of making pictures small, and for this generator.",
    )
