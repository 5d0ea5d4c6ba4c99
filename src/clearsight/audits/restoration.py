"""What it does: what restoring pictures gains over answers that need no network, paired by picture."""

import numpy as np

from clearsight.audits.scores import how, limits_of
from clearsight.audits.sentences import between, number
from clearsight.metrics.reconstruction import ReconstructionStatistics
from clearsight.metrics.resample import Estimate, Gap, change, cluster_weights
from clearsight.types import Evidence, Finding, Metric, Request

CLASSICAL = "classical answer"


def restoration(request: Request) -> tuple[Finding, ...]:
    """What the headline metric gains on the best classical answer to the same pictures; nothing where none was tried.

    It is positive where the model is better, whichever way the metric counts.
    """
    evidence = request.evidence
    rivals = {name: other for name, other in request.more.items() if CLASSICAL in other.about}
    if not isinstance(evidence.statistics, ReconstructionStatistics) or not rivals or not evidence.statistics.images:
        return ()
    metric = evidence.statistics.metrics()[0]
    weights = cluster_weights(evidence.clusters, request.replicates, request.seed)
    gaps = {name: change(metric, other, evidence, weights, request.confidence) for name, other in rivals.items()}
    best = max(gaps, key=lambda name: metric.merit(gaps[name].second.value))
    gap, whole = gaps[best], gaps[best].first
    value, interval = _gain(gap, metric)
    return (
        Finding(
            question="what it does",
            claim=_claim(gaps, best, rivals, metric),
            metric=f"gain in {metric.name}",
            value=value,
            interval=interval,
            n=whole.images,
            unit=evidence.unit,
            clusters=whole.clusters,
            method=f"{how(request, whole)} The difference is paired: every replicate resamples the same "
            f"{evidence.unit} for both. The settings of a classical answer are the best on validation pictures, and "
            "the best answer is the best on the judged ones, which favours it.",
            limits=f"It holds for what was given here: {rivals[best].about['given']}. What is not in it is invented, "
            f"and a small error on average makes it true of no one picture. {limits_of(evidence)}",
            group=best,
            plot="intervals",
            series=_rows(whole, gaps, rivals, metric),
            axes=(metric.name,),
        ),
    )


def _gain(gap: Gap, metric: Metric) -> tuple[float, tuple[float, float] | None]:
    """The difference with its interval, positive where the model is better."""
    if metric.higher_is_better or gap.interval is None:
        return (gap.value if metric.higher_is_better else -gap.value), gap.interval
    return -gap.value, (-gap.interval[1], -gap.interval[0])


def _claim(gaps: dict[str, Gap], best: str, rivals: dict[str, Evidence], metric: Metric) -> str:
    gap, words = gaps[best], rivals[best].about[CLASSICAL]
    rival = f"the best of the classical answers: {words} ({number(gap.second.value, metric)})."
    first = next(iter(gaps))
    plain = f"{rivals[first].about[CLASSICAL]} ({number(gaps[first].second.value, metric)})."
    alone = "" if first == best else f" Without any work: {plain}"
    if gap.interval is not None and gap.interval[0] <= 0 <= gap.interval[1]:
        difference = f"{gap.value:+.2f}{f' {metric.unit}' if metric.unit else ''}{between(gap.interval, metric)}"
        return f"By {metric.name} it cannot be told apart from {rival} The difference is {difference}.{alone}"
    ends = gap.interval if gap.value > 0 or gap.interval is None else (-gap.interval[1], -gap.interval[0])
    apart = f"{number(abs(gap.value), metric)}{between(ends, metric)}"
    better = metric.merit(gap.first.value) > metric.merit(gap.second.value)
    way = f"{'higher' if gap.value > 0 else 'lower'}, which is {'better' if better else 'worse'},"
    return f"Its {metric.name} is {apart} {way} than that of {rival}{alone}"


def _rows(whole: Estimate, gaps: dict[str, Gap], rivals: dict[str, Evidence], metric: Metric) -> dict[str, list]:
    """The model and each answer with its interval; the note says what the model gains on it."""
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    ranked = sorted(gaps, key=lambda name: -metric.merit(gaps[name].second.value))
    for label, estimate, note in [
        ("this model", whole, None),
        *((rivals[name].about[CLASSICAL], gaps[name].second, _note(gaps[name], metric)) for name in ranked),
    ]:
        ends = estimate.interval or (None, None)
        value = estimate.value if np.isfinite(estimate.value) else None
        for column, cell in zip(rows, (label, value, *ends, estimate.images, note), strict=True):
            rows[column].append(cell)
    return rows


def _note(gap: Gap, metric: Metric) -> str:
    """What the model gains on an answer, with the interval of the paired difference."""
    value, interval = _gain(gap, metric)
    return f"{value:+.2f}{f' {metric.unit}' if metric.unit else ''}{between(interval, metric)}"
