"""Gaps between groups against what the luck of the draw alone would make: group labels dealt out again."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from scipy import stats
from scipy.sparse import csr_array

from clearsight.metrics.additive import Additive
from clearsight.metrics.sums import Grouped, by_cluster, dealt_sums
from clearsight.types import Metric, Values

FEW = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Deals:
    """Group labels dealt out again many times (see ``dealt_again``) among the images whose label is known.

    ``labels`` count from 0. A metric of weighted sums (``Additive``) gets the sums of each group, dealt by distinct
    cluster where that is possible; any other gets the dealt labels themselves.
    """

    labels: Int[np.ndarray, "images"]
    known: Bool[np.ndarray, "images"]
    clusters: Int[np.ndarray, "images"]
    deals: int = 1000
    seed: int = 0
    _kept: dict[Any, tuple[Any, Grouped]] = field(default_factory=dict, init=False, repr=False)

    def gaps(self, metric: Metric, statistics: Any, label: int) -> Values:
        """The metric on the images dealt ``label`` less that on all others of known label, for each deal."""
        if isinstance(metric.compute, Additive):
            sums = self._sums(metric.compute, statistics)
            inside = metric.compute.of(statistics, sums[:, label])
            return inside - metric.compute.of(statistics, sums.sum(1) - sums[:, label])
        group = np.zeros((self.deals, len(self.labels)), dtype=np.float32)
        group[:, self.known] = self._dealt == label
        rest = self.known.astype(np.float32) - group
        gap = metric.compute(statistics, group) - metric.compute(statistics, rest)
        return np.asarray(gap, dtype=np.float64)

    @cached_property
    def _dealt(self) -> Int[np.ndarray, "deals known"]:
        return dealt_again(self.labels[self.known], self.clusters[self.known], self.deals, self.seed)

    def _sums(self, compute: Additive, statistics: Any) -> Grouped:
        key = (compute, id(statistics))
        if key not in self._kept:
            self._kept[key] = (statistics, self._dealt_sums(compute.columns(statistics)[self.known]))
        return self._kept[key][1]

    def _dealt_sums(self, columns: Any) -> Grouped:
        labels, groups = self.labels[self.known], int(self.labels.max()) + 1
        cluster = np.unique(self.clusters[self.known], return_inverse=True)[1]
        first = _first_label(labels, cluster)
        if (labels == first[cluster]).all():
            sums = by_cluster(columns, cluster, np.zeros_like(cluster), 1)
            counted = dealt_sums(sums, first, groups, self.deals, self.seed)
            if counted is not None:
                return counted
        found = np.empty((self.deals, groups, columns.shape[1]))
        ones, place = np.ones(len(labels)), np.arange(len(labels))
        for deal, dealt in enumerate(_deals(labels, cluster, self.deals, self.seed)):
            members = csr_array((ones, (dealt, place)), shape=(groups, len(labels))) @ columns
            found[deal] = members.toarray() if isinstance(members, csr_array) else members
        return found


def dealt_again(
    labels: Int[np.ndarray, "images"], clusters: Int[np.ndarray, "images"], deals: int, seed: int = 0
) -> Int[np.ndarray, "deals images"]:
    """Group labels exchanged as the design of the data allows, one row per deal.

    Clusters of one label exchange it as wholes; within a cluster of several labels its images exchange theirs.
    """
    cluster = np.unique(clusters, return_inverse=True)[1]
    dealt = np.empty((deals, len(labels)), dtype=labels.dtype)
    for row, deal in zip(dealt, _deals(labels, cluster, deals, seed), strict=True):
        row[:] = deal
    return dealt


def _deals(
    labels: Int[np.ndarray, "images"], cluster: Int[np.ndarray, "images"], deals: int, seed: int
) -> Iterator[Int[np.ndarray, "images"]]:
    rng = np.random.default_rng(seed)
    first = _first_label(labels, cluster)
    mixed = np.zeros(len(first), dtype=bool)
    mixed[cluster[labels != first[cluster]]] = True
    pure, inside = np.flatnonzero(~mixed), mixed[cluster]
    order = np.argsort(cluster[inside], kind="stable")
    places = np.flatnonzero(inside)[order]
    for _ in range(deals):
        given = first.copy()
        given[pure] = first[rng.permutation(pure)]
        row = given[cluster]
        row[places] = labels[places[np.lexsort((rng.random(len(places)), cluster[places]))]]
        yield row


def _first_label(labels: Int[np.ndarray, "images"], cluster: Int[np.ndarray, "images"]) -> Int[np.ndarray, "clusters"]:
    first = np.full(int(cluster.max()) + 1, -1)
    first[cluster[::-1]] = labels[::-1]
    return first


def permutation_p(value: float, dealt: Values) -> float:
    """The two-sided p value of a gap among those of the deals; beyond all of them, the tail of their normal curve."""
    known = dealt[np.isfinite(dealt)]
    if not np.isfinite(value) or len(known) < FEW:
        return 1.0
    slack = 1e-9 * max(1.0, abs(value))
    beyond = int(min((known >= value - slack).sum(), (known <= value + slack).sum()))
    p = min(1.0, 2 * (beyond + 1) / (len(known) + 1))
    spread = float(known.std(ddof=1))
    if beyond > 0 or spread == 0:
        return p
    return min(p, float(2 * stats.norm.sf(abs(value - known.mean()) / spread)))
