"""What it does: how much the pictures drawn from one input differ, which is what the model invents; and bits."""

import numpy as np

from clearsight.audits.scores import how, limits_of
from clearsight.audits.sentences import between, number
from clearsight.metrics.invention import BITS, OPENNESS, SPREAD, InventionStatistics
from clearsight.metrics.resample import Estimate, Resampling, interval
from clearsight.types import Evidence, Finding, Metric, Request

LIMITS_OF_BITS = (
    "It compares with other models only on these pictures, of this size, given small versions made in this way; it "
    "says little of how pictures look."
)


def invention(request: Request) -> tuple[Finding, ...]:
    """Bits per dimension, the spread of the draws, and whether it is as wide as it should be; nothing without draws."""
    found: list[Finding] = []
    for evidence in request.more.values():
        if isinstance(evidence.statistics, InventionStatistics) and evidence.statistics.images:
            found += _told(request, evidence)
    return tuple(found)


def _told(request: Request, evidence: Evidence) -> list[Finding]:
    weights = Resampling(clusters=evidence.clusters, replicates=request.replicates, seed=request.seed)
    told = []
    for metric in evidence.statistics.metrics():
        estimate = interval(metric, evidence, weights, request.confidence)
        told.append(_finding(request, evidence, metric, estimate))
    return told


def _finding(request: Request, evidence: Evidence, metric: Metric, estimate: Estimate) -> Finding:
    return Finding(
        question="what it does",
        claim=_claim(evidence, metric, estimate),
        metric=metric.name,
        value=estimate.value if np.isfinite(estimate.value) else None,
        interval=estimate.interval,
        n=estimate.images,
        unit=evidence.unit,
        clusters=estimate.clusters,
        method=_method(evidence, metric) + how(request, estimate),
        limits=LIMITS_OF_BITS if metric.name == BITS else limits_of(evidence),
    )


def _claim(evidence: Evidence, metric: Metric, estimate: Estimate) -> str:
    statistics: InventionStatistics = evidence.statistics
    said = f"{number(estimate.value, metric)}{between(estimate.interval, metric)}"
    if metric.name == BITS:
        return (
            f"Held-out pictures take {said} bits for each number of a picture (8 without a model), given their input."
        )
    if metric.name == SPREAD:
        apart, others = (float(np.sqrt(one.mean())) for one in (statistics.apart, statistics.others))
        return (
            f"Pictures drawn from one input differ by a standard deviation of {said} grey levels: that much is "
            f"invented and not seen. Two draws are {apart:.1f} levels apart; the pictures of two inputs {others:.1f}."
        )
    low, high = estimate.interval or (estimate.value, estimate.value)
    verdict = (
        "so the draws show less variety than the inputs leave open"
        if high < 1
        else "so the draws vary more than true pictures do"
        if low > 1
        else "so they vary as much as the inputs leave open, as far as these pictures tell"
    )
    return f"Two draws are {said} times as far from each other as a draw is from the true picture, {verdict}."


def _method(evidence: Evidence, metric: Metric) -> str:
    statistics: InventionStatistics = evidence.statistics
    if metric.name == BITS:
        return "The exact probability of the true pictures of 256 levels, all their pixels one after the other. "
    if metric.name == OPENNESS:
        return (
            f"Roots of mean squared distances over {statistics.draws} draws of each of {statistics.images} "
            f"{evidence.unit}: if the truth were one more draw, the quotient would be 1. "
        )
    return f"{statistics.draws} draws of each of {statistics.images} held-out {evidence.unit}. "
