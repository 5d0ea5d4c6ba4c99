"""Permutation tests of gaps between groups: the null distribution under permuted group labels."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from scipy import stats
from scipy.sparse import csr_array

from clearsight.metrics.additive import Additive
from clearsight.metrics.sums import Grouped, by_cluster, permuted_sums
from clearsight.types import Metric, Values

MIN_PERMUTATIONS = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Permutations:
    """Group labels permuted many times (see ``permuted_labels``) among the images whose label is known.

    ``labels`` count from 0. A metric of weighted sums (``Additive``) gets the sums of each group, permuted by distinct
    cluster where that is possible; any other gets the permuted labels themselves.
    """

    labels: Int[np.ndarray, "images"]
    known: Bool[np.ndarray, "images"]
    clusters: Int[np.ndarray, "images"]
    permutations: int = 1000
    seed: int = 0
    _cache: dict[Any, tuple[Any, Grouped]] = field(default_factory=dict, init=False, repr=False)

    def gaps(self, metric: Metric, statistics: Any, label: int) -> Values:
        """The metric on the images given ``label`` less that on all others of known label, for each permutation."""
        if isinstance(metric.compute, Additive):
            sums = self._sums(metric.compute, statistics)
            inside = metric.compute.of(statistics, sums[:, label])
            return inside - metric.compute.of(statistics, sums.sum(1) - sums[:, label])
        group = np.zeros((self.permutations, len(self.labels)), dtype=np.float32)
        group[:, self.known] = self._permuted == label
        rest = self.known.astype(np.float32) - group
        gap = metric.compute(statistics, group) - metric.compute(statistics, rest)
        return np.asarray(gap, dtype=np.float64)

    @cached_property
    def _permuted(self) -> Int[np.ndarray, "permutations known"]:
        return permuted_labels(self.labels[self.known], self.clusters[self.known], self.permutations, self.seed)

    def _sums(self, compute: Additive, statistics: Any) -> Grouped:
        key = (compute, id(statistics))
        if key not in self._cache:
            self._cache[key] = (statistics, self._permuted_sums(compute.columns(statistics)[self.known]))
        return self._cache[key][1]

    def _permuted_sums(self, columns: Any) -> Grouped:
        labels, groups = self.labels[self.known], int(self.labels.max()) + 1
        cluster = np.unique(self.clusters[self.known], return_inverse=True)[1]
        first = _first_label(labels, cluster)
        if (labels == first[cluster]).all():
            sums = by_cluster(columns, cluster, np.zeros_like(cluster), 1)
            counted = permuted_sums(sums, first, groups, self.permutations, self.seed)
            if counted is not None:
                return counted
        found = np.empty((self.permutations, groups, columns.shape[1]))
        ones, place = np.ones(len(labels)), np.arange(len(labels))
        for permutation, permuted in enumerate(_permutations(labels, cluster, self.permutations, self.seed)):
            members = csr_array((ones, (permuted, place)), shape=(groups, len(labels))) @ columns
            found[permutation] = members.toarray() if isinstance(members, csr_array) else members
        return found


def permuted_labels(
    labels: Int[np.ndarray, "images"], clusters: Int[np.ndarray, "images"], permutations: int, seed: int = 0
) -> Int[np.ndarray, "permutations images"]:
    """Group labels permuted as the design of the data allows, one row per permutation.

    Clusters of one label are permuted as wholes; within a cluster of several labels its images are permuted.
    """
    cluster = np.unique(clusters, return_inverse=True)[1]
    permuted = np.empty((permutations, len(labels)), dtype=labels.dtype)
    for row, permutation in zip(permuted, _permutations(labels, cluster, permutations, seed), strict=True):
        row[:] = permutation
    return permuted


def _permutations(
    labels: Int[np.ndarray, "images"], cluster: Int[np.ndarray, "images"], permutations: int, seed: int
) -> Iterator[Int[np.ndarray, "images"]]:
    rng = np.random.default_rng(seed)
    first = _first_label(labels, cluster)
    mixed = np.zeros(len(first), dtype=bool)
    mixed[cluster[labels != first[cluster]]] = True
    pure, inside = np.flatnonzero(~mixed), mixed[cluster]
    order = np.argsort(cluster[inside], kind="stable")
    places = np.flatnonzero(inside)[order]
    for _ in range(permutations):
        given = first.copy()
        given[pure] = first[rng.permutation(pure)]
        row = given[cluster]
        row[places] = labels[places[np.lexsort((rng.random(len(places)), cluster[places]))]]
        yield row


def _first_label(labels: Int[np.ndarray, "images"], cluster: Int[np.ndarray, "images"]) -> Int[np.ndarray, "clusters"]:
    first = np.full(int(cluster.max()) + 1, -1)
    first[cluster[::-1]] = labels[::-1]
    return first


def permutation_p(value: float, permuted: Values) -> float:
    """The two-sided p value of a gap among the permuted ones; beyond all of them, by a normal approximation."""
    known = permuted[np.isfinite(permuted)]
    if not np.isfinite(value) or len(known) < MIN_PERMUTATIONS:
        return 1.0
    slack = 1e-9 * max(1.0, abs(value))
    beyond = int(min((known >= value - slack).sum(), (known <= value + slack).sum()))
    p = min(1.0, 2 * (beyond + 1) / (len(known) + 1))
    spread = float(known.std(ddof=1))
    if beyond > 0 or spread == 0:
        return p
    return min(p, float(2 * stats.norm.sf(abs(value - known.mean()) / spread)))
