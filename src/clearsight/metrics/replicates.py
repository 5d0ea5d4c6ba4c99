"""Resampled data sets: bootstrap weights of whole clusters, and sums over them drawn without weights.

One row of weights is one resampled data set. Of n clusters in a stratum n - 1 are drawn with replacement and weighted
n / (n - 1), which gives variances without the factor (n - 1) / n of the plain bootstrap (Rao & Wu 1988; Rao, Wu & Yue
1992).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from clearsight.metrics.additive import Additive, Columns, side_by_side
from clearsight.metrics.equal_images import EqualImages, Kinds
from clearsight.metrics.grouping import coded, numbered, patterns
from clearsight.metrics.sums import MIN_COPIES, Grouped, by_cluster, drawn, resampled_counts, resampled_sums
from clearsight.types import Metric, Values, Weights

# Numbers held at once: bootstrap weights beyond are recomputed for each metric, some replicates at a time.
WEIGHTS_AT_ONCE = 250_000_000
SUMS_AT_ONCE = 100_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Resampling:
    """Data sets resampled by clusters within strata, as in ``cluster_weights``, without weights where possible.

    A metric of weighted sums (``Additive``) over whole strata gets the sums of the distinct clusters, with the same
    distribution; any other gets the weights, for some replicates at a time where they are too many for memory. All
    values of one metric of one evaluation are on the same replicates; of two evaluations, by ``evaluated_alike``.
    ``equal`` may be that of other resamplings of the same images,
    which is quicker.
    """

    clusters: Int[np.ndarray, "images"]
    replicates: int = 1000
    seed: int = 0
    strata: Shaped[np.ndarray, "images"] | None = None
    equal: EqualImages = field(default_factory=EqualImages, repr=False)
    _cache: dict[Any, tuple[Any, Grouped | None]] = field(default_factory=dict, init=False, repr=False)
    _values: dict[Any, tuple[Any, float, Values]] = field(default_factory=dict, init=False, repr=False)
    _strata_of: dict[int, tuple[Any, Any]] = field(default_factory=dict, init=False, repr=False)

    def evaluated(
        self, metric: Metric, statistics: Any, rows: Bool[np.ndarray, "images"] | None = None
    ) -> tuple[float, Values]:
        """The metric on ``rows`` (or all) of the data, and of each resampled data set."""
        return self.evaluated_alike(metric, (statistics,), rows)[0]

    def evaluated_alike(
        self, metric: Metric, evaluations: Sequence[Any], rows: Bool[np.ndarray, "images"] | None = None
    ) -> list[tuple[float, Values]]:
        """The same of the statistics of several evaluations of the same images, on the same resampled data sets.

        Sums that are drawn for one evaluation alone are those of other data sets than the next one's: their difference
        would be that of two samples. Here the statistics of an image stand side by side, and are drawn together.
        """
        compute = metric.compute
        whole = self._whole_strata(rows) if isinstance(compute, Additive) else None
        if not isinstance(compute, Additive) or whole is None:
            return [self._weighted(metric, one, rows) for one in evaluations]
        one = len(evaluations) == 1
        sums = self._sums(compute, evaluations[0]) if one else self._sums(side_by_side(compute), tuple(evaluations))
        if sums is None:
            return [self._weighted(metric, one, rows) for one in evaluations]
        parts = np.split(sums[:, whole].sum(1), len(evaluations), axis=1)
        values = [compute.of(one, part) for one, part in zip(evaluations, parts, strict=True)]
        return [(float(each[0]), each[1:]) for each in values]

    def _weighted(
        self, metric: Metric, statistics: Any, rows: Bool[np.ndarray, "images"] | None
    ) -> tuple[float, Values]:
        """The metric on ``rows`` of the data, and of each resampled data set, by weights of every image.

        A group is asked for when it is shown, and again when it is compared: the values are kept.
        """
        key = (metric.compute, id(statistics), None if rows is None else np.packbits(rows).tobytes())
        if key not in self._values:
            chosen = np.ones(len(self.clusters), dtype=bool) if rows is None else rows
            parts = [
                metric.compute(statistics, block if rows is None else block * rows.astype(block.dtype))
                for block in self.blocks()
            ]
            value = float(metric.compute(statistics, chosen[None].astype(np.float64))[0])
            self._values[key] = (statistics, value, np.concatenate(parts).astype(np.float64))
        _, value, values = self._values[key]
        return value, values

    def samples(self, metric: Metric, statistics: Any, rows: Bool[np.ndarray, "images"] | None = None) -> Values:
        """The metric on ``rows`` (or all) of each resampled data set."""
        return self.evaluated(metric, statistics, rows)[1]

    def clusters_in(self, rows: Bool[np.ndarray, "images"]) -> int:
        """How many clusters the chosen images are of."""
        return int(rows.sum()) if self._alone else len(np.unique(self._cluster[rows]))

    def blocks(self) -> Iterator[Weights]:
        """The weights of all replicates in one or several blocks; every call gives the same."""
        if self.replicates * len(self.clusters) <= WEIGHTS_AT_ONCE:
            yield self._weights
            return
        rows = max(1, WEIGHTS_AT_ONCE // 4 // len(self.clusters))
        for start in range(0, self.replicates, rows):
            count = min(rows, self.replicates - start)
            yield cluster_weights(self.clusters, count, [self.seed, start], self.strata)

    @cached_property
    def _weights(self) -> Weights:
        return cluster_weights(self.clusters, self.replicates, self.seed, self.strata)

    @cached_property
    def _cluster(self) -> Int[np.ndarray, "images"]:
        return numbered(self.clusters)

    @cached_property
    def _alone(self) -> bool:
        return bool(self._cluster.max() + 1 == len(self.clusters))

    @cached_property
    def _stratum(self) -> Int[np.ndarray, "images"]:
        if self.strata is None:
            return np.zeros(len(self.clusters), dtype=np.int64)
        return numbered(self.strata) if self.strata.dtype.kind in "iu" else coded(self.strata)[1]

    @cached_property
    def _sizes(self) -> Int[np.ndarray, "strata"]:
        return np.bincount(self._stratum)

    @cached_property
    def _kinds(self) -> Int[np.ndarray, "clusters"]:
        return strata_of(self._cluster, self._stratum)

    def _whole_strata(self, rows: Bool[np.ndarray, "images"] | None) -> Bool[np.ndarray, "strata"] | None:
        """Which strata the rows are; None where they cut across one."""
        sizes = self._sizes
        if rows is None:
            return sizes > 0
        # Many metrics ask for the same rows. They are kept, so that their id is not used again.
        if id(rows) not in self._strata_of:
            self._strata_of[id(rows)] = (rows, self._held(rows))
        return self._strata_of[id(rows)][1]

    def _held(self, rows: Bool[np.ndarray, "images"]) -> Bool[np.ndarray, "strata"] | None:
        sizes = self._sizes
        held = np.bincount(self._stratum[rows], minlength=len(sizes))
        return held > 0 if ((held == 0) | (held == sizes)).all() else None

    def _sums(self, compute: Additive, statistics: Any) -> Grouped | None:
        """The sums of each stratum, first of the data and then of each replicate; None where they are too many."""
        key = (compute.columns, id(statistics))  # metrics of the same columns share their sums
        if key not in self._cache:
            kinds = self.equal.of(compute, statistics) if self._alone else None
            counted = None if kinds is None else self._counted_sums(kinds)
            found = self._drawn_sums(compute.columns(statistics)) if counted is None else counted
            # The statistics are kept alive, so that their id is not used again.
            self._cache[key] = (statistics, found)
        return self._cache[key][1]

    def _counted_sums(self, kinds: Kinds) -> Grouped | None:
        """The sums where every image is alone, from how many of each kind are drawn; None where these are too many."""
        groups, columns = int(self._stratum.max()) + 1, kinds.rows.shape[1]
        copies = kinds.counted(self._stratum, groups)
        if (copies > 0).sum() * MIN_COPIES > len(self.clusters) or self.replicates * groups * columns > SUMS_AT_ONCE:
            return None
        rng = np.random.default_rng(self.seed)
        found = np.empty((self.replicates + 1, groups, columns))
        for group in range(groups):
            held = np.flatnonzero(copies[group])
            found[0, group] = copies[group] @ kinds.rows
            found[1:, group] = resampled_counts(rng, copies[group, held], self.replicates) @ kinds.rows[held]
        return found

    def _drawn_sums(self, columns: Columns) -> Grouped | None:
        groups = int(self._stratum.max()) + 1
        if self.replicates * groups * columns.shape[1] > SUMS_AT_ONCE:
            return None
        sums = by_cluster(columns, self._cluster, self._stratum, groups)
        found = resampled_sums(sums, self._kinds, self.replicates, self.seed)
        return np.concatenate([sums.sum(axis=0)[None], found]).reshape(self.replicates + 1, groups, -1)


def cluster_weights(
    clusters: Int[np.ndarray, "images"],
    replicates: int = 1000,
    seed: int | list[int] = 0,
    strata: Shaped[np.ndarray, "images"] | None = None,
) -> Float[np.ndarray, "replicates images"]:
    """Bootstrap weights: whole clusters are drawn, within strata of similar clusters if ``strata`` are given.

    The stratum of a cluster is that of ``strata_of``, so that no group vanishes from a replicate. A stratum of one
    cluster keeps its weight of 1: its variance cannot be estimated.
    """
    rng = np.random.default_rng(seed)
    names, cluster = np.unique(clusters, return_inverse=True)
    kinds = np.zeros(len(names), dtype=np.int64) if strata is None else strata_of(cluster, coded(strata)[1])
    counts = np.ones((replicates, len(names)), dtype=np.float32)
    for kind in np.unique(kinds):
        members = np.flatnonzero(kinds == kind)
        if len(members) > 1:
            counts[:, members] = drawn(rng, len(members), replicates)
    return counts[:, cluster]


def strata_of(cluster: Int[np.ndarray, "images"], value: Int[np.ndarray, "images"]) -> Int[np.ndarray, "clusters"]:
    """The stratum of each cluster: those whose images have the same set of values are one.

    Clusters that are like no other are one stratum together (collapsed strata, Cochran 1977, section 5A.12): alone, each
    would keep its weight, and data of many such clusters would look as if nothing were left to chance. Images that
    are clusters of their own keep the strata of their values, of which none is shared.
    """
    kinds = patterns(cluster, value)
    alone = np.bincount(kinds)[kinds] == 1
    if len(kinds) == len(cluster) or not alone.any():
        return kinds
    return np.where(alone, kinds.max() + 1, kinds)
