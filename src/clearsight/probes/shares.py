"""Shares of replies with intervals by whole clusters, their differences, and the verdicts on them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from clearsight.metrics import resample
from clearsight.metrics.additive import Additive, ratio
from clearsight.metrics.grouping import coded
from clearsight.metrics.rates import jeffreys
from clearsight.metrics.resample import Estimate, Resampling
from clearsight.probes.probe import Answers, Judging
from clearsight.types import Evidence, Metric, Verdict

ROUNDING = 1e-6  # resampling weights have single precision
Interval = tuple[float, float] | None
Rows = Bool[np.ndarray, "replies"]


def mean_of(name: str, meaning: str, bounds: tuple[float, float] = (0.0, 1.0)) -> Metric:
    """The mean of one of the numbers of the replies, over those that it applies to."""

    def columns(answers: Answers) -> np.ndarray:
        value = answers.values[name]
        known = np.isfinite(value)
        return np.stack([np.where(known, value, 0.0), known.astype(np.float64)], axis=1)

    compute = Additive(columns, lambda answers, sums: ratio(sums[:, 0], sums[:, 1]))
    return Metric(name=name, compute=compute, meaning=meaning, higher_is_better=False, bounds=bounds, bias_rate=1.0)


def evidence_of(
    name: str,
    values: Mapping[str, Sequence[float]],
    clusters: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    unit: str,
) -> Evidence:
    """Judged replies as evidence, those of one cluster resampled together."""
    return Evidence(
        task=name,
        statistics=Answers(values={key: np.asarray(column, dtype=np.float64) for key, column in values.items()}),
        ids=tuple(str(index) for index in range(len(clusters))),
        clusters=coded(np.asarray(clusters))[1],
        groups={key: np.asarray(column) for key, column in groups.items()},
        about={"unit": unit},
    )


def drawn(evidence: Evidence, judging: Judging) -> Resampling:
    """Whole clusters of the evidence, drawn anew: one for all numbers of a probe."""
    return Resampling(clusters=evidence.clusters, replicates=judging.replicates, seed=judging.seed)


def share(
    metric: Metric, evidence: Evidence, weights: Resampling, judging: Judging, rows: Rows | None = None
) -> Estimate:
    """The mean with its interval, on the rows that it applies to."""
    known = np.isfinite(evidence.statistics.values[metric.name])
    known = known if rows is None else known & rows
    found = resample.interval(metric, evidence, weights, judging.confidence, known)
    ends = at_least_as_wide(found.value, found.interval, found.error, found.clusters, metric.bounds)
    return found if ends is None else replace(found, low=ends[0], high=ends[1])


def at_least_as_wide(
    value: float, interval: Interval, error: float, clusters: int, bounds: tuple[float, float]
) -> Interval:
    """The interval of a mean or difference; where no cluster differs from another, what so many can rule out.

    A resampling of equal clusters has no spread, which says nothing of the clusters that were not asked. As for a
    share of 0, the end of the Jeffreys interval then tells how many might be otherwise. ``bounds`` are the ends
    that the value itself can reach.
    """
    if not error < ROUNDING or clusters < 2:
        return interval
    reach = jeffreys(0, clusters)[1]
    return max(bounds[0], value - reach), min(bounds[1], value + reach)


def verdict_of(value: float, interval: Interval, tolerated: float) -> Verdict:
    """Whether a share of mistakes is shown to be above what is tolerated, or not above it, or neither."""
    if interval is None or not np.isfinite(value):
        return "insufficient"
    if interval[0] > tolerated:
        return "fail"
    return "pass" if interval[1] <= tolerated else "insufficient"


def verdict_of_difference(interval: Interval, tolerated: float) -> Verdict:
    """Whether a difference is shown to be other than 0, or no larger than what is tolerated, or neither."""
    if interval is None:
        return "insufficient"
    if not interval[0] <= 0 <= interval[1]:
        return "fail"
    return "pass" if max(-interval[0], interval[1]) <= tolerated else "insufficient"


def method_of(judging: Judging, clusters: int, called: str) -> str:
    """How the intervals were made, in a sentence."""
    return (
        f"Intervals of {judging.confidence:.0%} from a cluster bootstrap ({clusters} {called}, {judging.replicates} "
        "replicates): each is drawn whole, since its questions are not independent. "
    )


def plotted(named: Sequence[tuple[str, Estimate, str | None]]) -> dict[str, list]:
    """Estimates as the rows of a plot of intervals, each with a note."""
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    for label, estimate, note in named:
        known = bool(np.isfinite(estimate.value))
        ends = (estimate.interval if known else None) or (None, None)
        cells = (label, estimate.value if known else None, *ends, estimate.images, note)
        for column, cell in zip(rows, cells, strict=True):
            rows[column].append(cell)
    return rows


def percent(value: float, interval: Interval = None) -> str:
    """A share in per cent, with its interval in brackets where there is one."""
    ends = "" if interval is None else f" ({100 * interval[0]:.0f}% to {100 * interval[1]:.0f}%)"
    return f"{100 * value:.0f}%{ends}"
