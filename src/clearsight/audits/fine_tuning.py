"""What it does: what going on from another run has changed in every score, paired by picture."""

import numpy as np

from clearsight.audits.scores import how, limits_of
from clearsight.audits.sentences import between, number
from clearsight.metrics.resample import Gap, change, cluster_weights
from clearsight.types import Evidence, Finding, Metric, Request

STARTED_FROM = "started from"


def fine_tuning(request: Request) -> tuple[Finding, ...]:
    """The change in each score since the run that the training went on from; nothing where it began anew.

    It is the score of this run less that of its start, whichever way the score counts.
    """
    evidence = request.evidence
    starts = [other for other in request.more.values() if STARTED_FROM in other.about]
    if not starts or not evidence.statistics.images:
        return ()
    weights = cluster_weights(evidence.clusters, request.replicates, request.seed)
    return tuple(
        _finding(request, metric, change(metric, starts[0], evidence, weights, request.confidence), starts[0])
        for metric in evidence.statistics.metrics()
    )


def _finding(request: Request, metric: Metric, gap: Gap, start: Evidence) -> Finding:
    evidence, known = request.evidence, bool(np.isfinite(gap.value))
    return Finding(
        question="what it does",
        claim=_claim(metric, gap, start.about[STARTED_FROM]),
        metric=f"change in {metric.name}",
        value=gap.value if known else None,
        interval=gap.interval if known else None,
        n=gap.first.images,
        unit=evidence.unit,
        clusters=gap.first.clusters,
        method=f"{how(request, gap.first)} The difference is paired: every replicate resamples the same "
        f"{evidence.unit} for both runs.",
        limits=f"It says what this training changed, and not whether people prefer either. {limits_of(evidence)}",
        group=start.about[STARTED_FROM],
    )


def _claim(metric: Metric, gap: Gap, start: str) -> str:
    before, after = gap.second.value, gap.first.value
    if not (np.isfinite(before) and np.isfinite(after)):
        return f"{metric.name} is not defined for both this run and {start}, which it went on from."
    better = metric.merit(after) > metric.merit(before)
    unclear = gap.interval is not None and gap.interval[0] <= 0 <= gap.interval[1]
    word = "may be chance" if unclear else "is better" if better else "is worse"
    return (
        f"Going on from {start} has changed {metric.name} from {number(before, metric)} to {number(after, metric)}, "
        f"which {word}: {_difference(metric, gap)}."
    )


def _difference(metric: Metric, gap: Gap) -> str:
    """The difference with its sign and its interval."""
    sign = "+" if gap.value > 0 else ""
    return f"{sign}{number(gap.value, metric)}{between(gap.interval, metric)}"
