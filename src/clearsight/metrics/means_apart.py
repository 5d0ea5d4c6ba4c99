"""Whether a number is lower, or higher, on average in some images than in all others: one-sided, clusters respected.

The number is any that is known of each image: how well it went, whether it shows something, how bright it is. As for
gaps between groups, p is the larger of two tests: that of the gap against its bootstrap error, which is right also
where images spread unequally, and that against permuted membership, which is right also where there are few images.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from clearsight.metrics.additive import Columns, mean_of
from clearsight.metrics.permutation import Permutations, permutation_p_below
from clearsight.metrics.resample import Gap, Resampling, gap
from clearsight.types import Evidence, Metric

# Of more images the bootstrap alone decides: permuting takes long there, and is of use where there are few.
PERMUTED_AT_MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """One number per image, NaN where it has none: statistics whose metric is their mean."""

    value: Float[np.ndarray, "images"]

    @property
    def images(self) -> int:
        """How many images: the length of a row of weights."""
        return len(self.value)


@dataclass(frozen=True, kw_only=True, eq=False)
class MeansApart:
    """Comparisons of parts of the same images; ``part`` numbers the part of each from 0, which are the rest of all."""

    part: Int[np.ndarray, "images"]
    clusters: Int[np.ndarray, "images"]
    replicates: int = 1000
    seed: int = 0
    confidence: float = 0.95
    _weights: Resampling = field(init=False, repr=False)

    def __post_init__(self) -> None:
        weights = Resampling(clusters=self.clusters, replicates=self.replicates, seed=self.seed, strata=self.part)
        object.__setattr__(self, "_weights", weights)

    @cached_property
    def _permutations(self) -> Permutations:
        return Permutations(
            labels=self.part,
            known=np.ones(len(self.part), dtype=bool),
            clusters=self.clusters,
            permutations=self.replicates,
            seed=self.seed + 1,
        )

    def between(self, value: Float[np.ndarray, "images"], part: int, sign: int) -> tuple[Gap, float]:
        """The mean in the part less that in all other images, and p of no difference against one of that ``sign``.

        Images without a number do not count. p is 1 where a mean or its error is not defined.
        """
        numbers = Numbers(value=value)
        metric = mean_metric(numbers)
        about = Evidence(task="", statistics=numbers, ids=(), clusters=self.clusters)
        own = self.part == part
        found = gap(metric, about, own, ~own, self._weights, self.confidence)
        if not np.isfinite(found.value):
            return found, 1.0
        p = found.p / 2 if sign * found.value > 0 else 1 - found.p / 2
        if len(value) <= PERMUTED_AT_MOST:
            permuted = self._permutations.gaps(metric, numbers, part)
            p = max(p, permutation_p_below(-sign * found.value, -sign * permuted))
        return found, p


def mean_metric(numbers: Numbers) -> Metric:
    """The mean of the numbers that are known, as a metric; a share where all of them lie in [0, 1]."""
    known = numbers.value[np.isfinite(numbers.value)]
    inside = bool(((known >= 0) & (known <= 1)).all())
    return Metric(
        name="mean",
        compute=mean_of(_beside_known),
        meaning="the mean",
        bounds=(0.0, 1.0) if inside else (-float("inf"), float("inf")),
        bias_rate=1.0,
    )


def _beside_known(statistics: Numbers) -> Columns:
    known = np.isfinite(statistics.value)
    return np.stack([np.where(known, statistics.value, 0.0), known.astype(np.float64)], axis=1)
