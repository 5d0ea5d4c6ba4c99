"""Intervals and gaps of any metric by resampling clusters: patients, videos, scenes, or single pictures.

The resampling itself is in ``replicates``.

A percentile interval of average precision undercovers: the noise of resampling passes through a maximum (the precision
envelope), so the replicates are biased upwards, and so is the estimate itself. A maximum over a noisy decreasing curve
has a bias of order n^(-2/3). Resampling adds as much noise as the data have already, as half the data would: it shows
bias(n / 2) - bias(n), which is 2^(2/3) - 1 of the bias. ``share_shown`` corrects for that; a metric whose bias falls at
another rate says so (``Metric.bias_rate``), as smooth functions of means do, whose bias falls as 1/n. The interval is

    value - bias -+ t * sqrt(variance of the replicates + bias²)

with the t quantile for the effective number of clusters (see ``effective_clusters``), on the logit scale for scores
between 0 and 1 (the delta method), as these are skewed near their ends. It always contains the value itself. Metrics
without such a maximum have a bias so small beside their noise that the factor does not matter. The coverage is tested
by simulation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int
from scipy import stats
from scipy.special import expit, logit

from clearsight.metrics.rates import jeffreys
from clearsight.metrics.replicates import Resampling as Resampling
from clearsight.metrics.replicates import cluster_weights as cluster_weights
from clearsight.types import Evidence, Metric, Values, Weights

BIAS_RATE = 2 / 3
# Weights are of single precision: what all replicates have in common differs by as much.
ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A metric's value with its bootstrap interval; ``low`` and ``high`` are None with fewer than two clusters.

    ``error`` is the standard error, the bias included; ``samples`` are the metric's values on the replicates;
    ``effective`` is how many equally large clusters would say as much of the error, ``clusters`` where None.
    """

    value: float
    low: float | None
    high: float | None
    bias: float
    error: float
    images: int
    clusters: int
    samples: Values
    effective: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def freedom(self) -> float:
        """The degrees of freedom of its error."""
        return max(1.0, (self.clusters if self.effective is None else self.effective) - 1)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The difference ``first - second`` of a metric on the same replicates, and both sides of it.

    ``low`` and ``high`` are None, and ``p`` (two-sided, of no difference) is 1, where they are undefined.
    """

    first: Estimate
    second: Estimate
    value: float
    low: float | None
    high: float | None
    error: float
    p: float

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def interval(
    metric: Metric,
    evidence: Evidence,
    weights: Weights | Resampling,
    confidence: float = 0.95,
    rows: Bool[np.ndarray, "images"] | None = None,
) -> Estimate:
    """The metric on the evidence (or on ``rows`` of it) with its bootstrap interval under ``weights``."""
    return _intervals(metric, (evidence,), weights, confidence, rows)[0]


def _intervals(
    metric: Metric,
    several: Sequence[Evidence],
    weights: Weights | Resampling,
    confidence: float,
    rows: Bool[np.ndarray, "images"] | None,
) -> list[Estimate]:
    """The metric on several evaluations of the same images, on the same replicates."""
    clusters = several[0].clusters
    chosen = np.ones(len(clusters), dtype=bool) if rows is None else rows
    if isinstance(weights, Resampling):
        found = weights.evaluated_alike(metric, [one.statistics for one in several], rows)
        return [_estimate(metric, *one, clusters, chosen, weights.clusters_in(chosen), confidence) for one in found]
    drawn_rows = weights if chosen.all() else weights * chosen.astype(weights.dtype)
    estimates = []
    for one in several:
        value = float(metric.compute(one.statistics, chosen[None].astype(np.float64))[0])
        samples = np.asarray(metric.compute(one.statistics, drawn_rows), dtype=np.float64)
        held = len(np.unique(clusters[chosen]))
        estimates.append(_estimate(metric, value, samples, clusters, chosen, held, confidence))
    return estimates


def _estimate(
    metric: Metric,
    value: float,
    samples: Values,
    clusters: Int[np.ndarray, "images"],
    chosen: Bool[np.ndarray, "images"],
    held: int,
    confidence: float,
) -> Estimate:
    """The estimate of a metric on the ``chosen`` images, which are of ``held`` clusters, from its replicates."""
    bias, error = _bias_and_error(value, samples, metric.bias_rate)
    effective = float(held) if held == int(chosen.sum()) else effective_clusters(clusters[chosen])
    ends = interval_from(value, samples, held, confidence, metric.bounds, metric.bias_rate, effective)
    low, high = (None, None) if ends is None else ends
    return Estimate(
        value=value,
        low=low,
        high=high,
        bias=bias,
        error=error,
        images=int(chosen.sum()),
        clusters=held,
        samples=samples,
        effective=effective,
    )


def effective_clusters(clusters: Int[np.ndarray, "images"]) -> float:
    """How many clusters of one size would give an error of as many degrees of freedom as these of unequal sizes.

    A cluster has a share of the variance (Satterthwaite 1946; Carter, Schnepel & Steigerwald 2017) that goes with its
    size where its images are independent, and with the square of it where they go well or badly together. Midway
    between the two, intervals of clusters of up to 92 images come out right in simulations.
    """
    shares = np.unique(clusters, return_counts=True)[1].astype(np.float64) ** 1.5
    return float(shares.sum() ** 2 / (shares**2).sum()) if len(shares) else 0.0


def interval_from(
    value: float,
    samples: Values,
    clusters: int,
    confidence: float = 0.95,
    bounds: tuple[float, float] = (0.0, 1.0),
    bias_rate: float = BIAS_RATE,
    effective: float | None = None,
) -> tuple[float, float] | None:
    """The interval around a value given its replicates; None with fewer than two clusters or an undefined value.

    A proportion of exactly 0 or 1 on every replicate has no variance: it gets the Jeffreys interval of as many trials
    as there are clusters. ``effective`` is how many of the clusters count (see ``effective_clusters``), all where None.
    """
    bias, error = _bias_and_error(value, samples, bias_rate)
    if clusters < 2 or not np.isfinite(error):
        return None
    if error < ROUNDING and bounds == (0.0, 1.0) and min(abs(value), abs(1 - value)) < ROUNDING:
        low, high = jeffreys(round(value) * clusters, clusters, confidence)
        return min(low, value), max(high, value)
    freedom = max(1.0, (clusters if effective is None else effective) - 1)
    reach = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * error
    if bounds == (0.0, 1.0):
        share = _nearest_inside(value, bias, error, clusters)[0]
        width = reach / (share * (1 - share))
        low, high = expit(logit(share) + width * np.array([-1.0, 1.0])).tolist()
    else:
        low, high = max(bounds[0], value - bias - reach), min(bounds[1], value - bias + reach)
    return min(low, value), max(high, value)


def gap(
    metric: Metric,
    evidence: Evidence,
    group: Bool[np.ndarray, "images"],
    rest: Bool[np.ndarray, "images"],
    weights: Weights | Resampling,
    confidence: float = 0.95,
) -> Gap:
    """The metric on ``group`` minus the metric on ``rest``, both on the same replicates."""
    first = interval(metric, evidence, weights, confidence, group)
    second = interval(metric, evidence, weights, confidence, rest)
    shares = [(each.error**2, each.freedom) for each in (first, second)]
    spread = sum(error**2 / freedom for error, freedom in shares)
    # Welch (1947) and Satterthwaite: the degrees of freedom of a difference of two numbers of unequal variance.
    freedom = sum(error for error, _ in shares) ** 2 / spread if spread > 0 else 1.0
    found = _difference(first, second, freedom, confidence, metric.bias_rate)
    if metric.bounds != (0.0, 1.0) or found.interval is None:
        return found
    return replace(found, p=_p_on_logits(first, second, freedom))


def _p_on_logits(first: Estimate, second: Estimate, freedom: float) -> float:
    """The two-sided p value of no difference between two scores in [0, 1], as a difference of logits.

    As in ``interval_from``, the delta method carries the replicates over, and a score with no error has that of as many
    trials as there are clusters. On the plain scale the larger error of a score far from its end hides that it is so.
    """
    middles, parts, error = [], [], 0.0
    for each in (first, second):
        middle, own, trials = _nearest_inside(each.value, each.bias, each.error, each.clusters)
        slope = middle * (1 - middle)
        middles.append(middle)
        parts.append(each.samples / slope)
        error += (each.bias / slope) ** 2 if own >= ROUNDING else 1 / (slope * trials)
    apart = parts[0] - parts[1]
    error += float(apart[np.isfinite(apart)].var(ddof=1))
    if error <= 0:
        return float(middles[0] == middles[1])
    return float(2 * stats.t.sf(abs(logit(middles[0]) - logit(middles[1])) / np.sqrt(error), freedom))


def _nearest_inside(value: float, bias: float, error: float, clusters: int) -> tuple[float, float, float]:
    """A score in [0, 1] corrected for bias, no nearer to 0 and 1 than it can be known; its error; how many trials.

    Many pictures of few clusters show a share near 1 as well as so many trials would; and a bias can carry a score
    nearer to an end than a score of that error can lie.
    """
    trials = max(float(clusters), value * (1 - value) / error**2) if error > 0 else float(clusters)
    least = max(0.5 / trials, min(error, 0.5))
    return float(np.clip(value - bias, least, 1 - least)), error, trials


def change(
    metric: Metric,
    old: Evidence,
    new: Evidence,
    weights: Weights | Resampling,
    confidence: float = 0.95,
    rows: Bool[np.ndarray, "images"] | None = None,
) -> Gap:
    """The metric of ``new`` minus that of ``old`` on the same images, paired; raises ValueError where they differ."""
    if old.ids != new.ids:
        raise ValueError(
            f"the old evidence is of {len(old.ids)} images and the new of {len(new.ids)}, and they are not the same "
            "images in the same order. A paired comparison needs both models on one data set. "
            "Evaluate both on the same split."
        )
    first, second = _intervals(metric, (new, old), weights, confidence, rows)
    return paired(first, second, metric.bias_rate, confidence)


def paired(first: Estimate, second: Estimate, bias_rate: float = BIAS_RATE, confidence: float = 0.95) -> Gap:
    """``first - second``, two estimates on the same replicates of the same images."""
    return _difference(first, second, first.freedom, confidence, bias_rate)


def _difference(first: Estimate, second: Estimate, freedom: float, confidence: float, bias_rate: float) -> Gap:
    value = first.value - second.value
    bias, error = _bias_and_error(value, first.samples - second.samples, bias_rate)
    low, high, p = None, None, 1.0
    if min(first.clusters, second.clusters) > 1 and np.isfinite(error):
        reach = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * error
        low, high = value - bias - reach, value - bias + reach
        p = float(2 * stats.t.sf(abs(value - bias) / error, freedom)) if error > 0 else float(value == 0)
    return Gap(first=first, second=second, value=value, low=low, high=high, error=error, p=p)


def share_shown(bias_rate: float) -> float:
    """How much of the bias resampling shows, where it falls as ``n ** -bias_rate``."""
    return 2**bias_rate - 1


def _bias_and_error(value: float, samples: Values, bias_rate: float) -> tuple[float, float]:
    """The bias of the value and its standard error, the bias included; NaN where under half the replicates exist."""
    known = samples[np.isfinite(samples)]
    if not np.isfinite(value) or len(known) < max(2, len(samples) // 2):
        return float("nan"), float("nan")
    bias = 1 / share_shown(bias_rate) * float(known.mean() - value)
    return bias, float(np.sqrt(known.var(ddof=1) + bias**2))
