"""Intervals over training seeds and held-out pictures, which cross: every network is judged on the same pictures.

What a method scores depends on two draws: the pictures it is judged on, and the seeds it is trained with (the start,
the order, the random views). Resampling pictures alone would speak of these very networks, resampling seeds alone of
these very pictures. The score here is the mean over seeds of any metric, and its variance has three parts: of pictures,
of seeds, and of what a seed does to single pictures. Resampling pictures shows the first and the last, resampling seeds
the second and the last, so the sum of both variances counts the last twice: a little too wide, never too narrow. (The
pigeonhole bootstrap, which resamples both at once, counts it three times; Owen 2007.) Of seeds no resampling is needed:
the variance of a mean is known.

The interval has the t quantile for its degrees of freedom (Satterthwaite), which are few where few seeds decide. Its
coverage is tested by simulation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import stats

from clearsight.types import Metric, Weights


@dataclass(frozen=True, kw_only=True)
class Crossed:
    """A metric of one method: the value of each seed, and that of each seed on every resampled set of pictures."""

    each: Float[np.ndarray, "seeds"]
    resampled: Float[np.ndarray, "seeds replicates"]

    @property
    def value(self) -> float:
        """The mean over the seeds."""
        return float(self.each.mean())

    def minus(self, other: "Crossed") -> "Crossed":
        """The difference to another method, paired: the same seeds, the same pictures, the same resampling."""
        return Crossed(each=self.each - other.each, resampled=self.resampled - other.resampled)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean over seeds with its interval, its standard error, and p (two-sided, of the value 0).

    ``low`` and ``high`` are None, and ``p`` is 1, where they are undefined: one seed, one cluster, or no value.
    """

    value: float
    low: float | None
    high: float | None
    error: float
    p: float

    @property
    def ends(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def crossed(metric: Metric, statistics: Sequence[Any], weights: Weights) -> Crossed:
    """The metric of one method, whose evaluations of the same pictures are given seed by seed.

    ``weights`` are the bootstrap weights of the pictures (``cluster_weights``), the same for all methods.
    """
    one = np.ones((1, weights.shape[1]))
    return Crossed(
        each=np.array([float(metric.compute(each, one)[0]) for each in statistics]),
        resampled=np.stack([np.asarray(metric.compute(each, weights), np.float64) for each in statistics]),
    )


def interval(found: Crossed, clusters: int, confidence: float = 0.95) -> Interval:
    """The interval of a score or of a difference; ``clusters`` is how many clusters the metric speaks of.

    The error of pictures is not taken to be below half a cluster's share, since few that all agree prove little.
    """
    seeds, value = len(found.each), found.value
    if seeds < 2 or clusters < 2 or not np.isfinite(found.resampled).all() or not np.isfinite(value):
        return Interval(value=value, low=None, high=None, error=float("nan"), p=1.0)
    of_pictures = max(float(found.resampled.mean(0).var(ddof=1)), (0.5 / clusters) ** 2)
    of_seeds = float(found.each.var(ddof=1)) / seeds
    error = (of_pictures + of_seeds) ** 0.5
    freedom = error**4 / (of_pictures**2 / (clusters - 1) + of_seeds**2 / (seeds - 1))
    reach = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(value) / error, freedom))
    return Interval(value=value, low=value - reach, high=value + reach, error=error, p=p)
