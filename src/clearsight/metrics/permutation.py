"""Permutation tests of gaps between groups: the null distribution under permuted group labels.

Within strata of equal truth, such as the true class, the labels answer this question: among pictures of the same truth,
does the group still fare differently? A gap that only the mix of truths makes (a group with more of the hard class)
is then in every permutation too. Without strata they ask whether the group fares differently for whatever reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from scipy import stats
from scipy.sparse import coo_array, csr_array

from clearsight.metrics.additive import Additive
from clearsight.metrics.equal_images import EqualImages, Kinds
from clearsight.metrics.grouping import numbered, patterns
from clearsight.metrics.sums import MAX_COUNTS, MIN_COPIES, Grouped, by_cluster, permuted_counts, permuted_sums
from clearsight.types import Metric, Values

MIN_PERMUTATIONS = 10
# Clusters of a rarer truth are permuted together: alone they would hardly move, and the test would see nothing.
STRATUM_AT_LEAST = 10
# Permuted labels that are kept for the next metric; of more images they are drawn again.
LABELS_KEPT = 20_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Permutations:
    """Group labels permuted many times (see ``permuted_labels``) among the images whose label is known.

    ``labels`` count from 0. A metric of weighted sums (``Additive``) gets the sums of each group, permuted by distinct
    cluster where that is possible; any other gets the permuted labels themselves. ``strata`` number what is true of
    each image, where labels are to be permuted among equal truths only.
    """

    labels: Int[np.ndarray, "images"]
    known: Bool[np.ndarray, "images"]
    clusters: Int[np.ndarray, "images"]
    permutations: int = 1000
    seed: int = 0
    strata: Int[np.ndarray, "images"] | None = None
    equal: EqualImages = field(default_factory=EqualImages, repr=False)
    _gaps: dict[Any, tuple[Any, Values]] = field(default_factory=dict, init=False, repr=False)
    _cache: dict[Any, tuple[Any, Grouped]] = field(default_factory=dict, init=False, repr=False)

    def exact(self, metric: Metric, statistics: Any) -> bool:
        """Whether permuting is an exact test of equal scores: each image stands for itself, with answers 0 or 1.

        Such answers of equal shares have equal distributions, so that labels are exchangeable (Fisher). Numbers with
        equal means may spread unequally, and clusters may differ in size: then permuting alone can raise false alarms.
        """
        if not isinstance(metric.compute, Additive) or not self._alone:
            return False
        kinds = self.equal.of(metric.compute, statistics)
        columns = metric.compute.columns(statistics) if kinds is None else kinds.rows
        return bool(np.isin(columns.data if isinstance(columns, csr_array) else columns, (0, 1)).all())

    def gaps(self, metric: Metric, statistics: Any, label: int) -> Values:
        """The metric on the images given ``label`` less that on all others of known label, for each permutation."""
        if isinstance(metric.compute, Additive):
            sums = self._sums(metric.compute, statistics)
            inside = metric.compute.of(statistics, sums[:, label])
            return inside - metric.compute.of(statistics, sums.sum(1) - sums[:, label])
        labels = np.unique(self.labels[self.known]).tolist()
        other = next((one for one in labels if one != label), label)
        if len(labels) == 2 and (metric.compute, id(statistics), other) in self._gaps:
            return -self._gaps[metric.compute, id(statistics), other][1]  # of two groups each is the other's rest
        group = np.zeros((self.permutations, len(self.labels)), dtype=np.float32)
        group[:, self.known] = self._permuted == label
        rest = self.known.astype(np.float32) - group
        # Both at once: what is laid out for the images known is laid out once.
        inside, outside = np.split(metric.compute(statistics, np.concatenate([group, rest])), 2)
        gap = np.asarray(inside - outside, dtype=np.float64)
        self._gaps[metric.compute, id(statistics), label] = (statistics, gap)
        return gap

    @cached_property
    def _permuted(self) -> Int[np.ndarray, "permutations known"]:
        strata = None if self.strata is None else self.strata[self.known]
        return permuted_labels(self.labels[self.known], self.clusters[self.known], self.permutations, self.seed, strata)

    def _sums(self, compute: Additive, statistics: Any) -> Grouped:
        key = (compute.columns, id(statistics))  # metrics of the same columns share their sums
        if key not in self._cache:
            kinds = self.equal.of(compute, statistics) if self._alone else None
            counted = None if kinds is None else self._counted_alone(kinds)
            found = self._permuted_sums(compute.columns(statistics)[self.known]) if counted is None else counted
            self._cache[key] = (statistics, found)
        return self._cache[key][1]

    @cached_property
    def _alone(self) -> bool:
        """Whether each image stands for itself."""
        return bool(self._design.cluster.max() + 1 == len(self._design.cluster))

    def _counted_alone(self, kinds: Kinds) -> Grouped | None:
        """The sums where every image is alone, from how many of each kind a group gets; None where these are many."""
        labels, groups, design = self.labels[self.known], int(self.labels.max()) + 1, self._design
        stratum, strata = design.kind[design.cluster], int(design.kind.max()) + 1
        copies = Kinds(rows=kinds.rows, kind=kinds.kind[self.known]).counted(stratum, strata)
        if (copies > 0).sum() * MIN_COPIES > len(labels) or (copies > 0).sum(1).max() * groups > MAX_COUNTS:
            return None
        members = np.bincount(stratum * groups + labels, minlength=strata * groups).reshape(strata, groups)
        total = np.zeros((self.permutations * groups, kinds.rows.shape[1]))
        rng = np.random.default_rng(self.seed)
        for own, wanted in zip(copies, members, strict=True):
            held = np.flatnonzero(own)
            counts = permuted_counts(rng, own[held], wanted, self.permutations)
            total += counts.reshape(-1, len(held)) @ kinds.rows[held]
        return total.reshape(self.permutations, groups, -1)

    @cached_property
    def _design(self) -> "_Design":
        strata = None if self.strata is None else self.strata[self.known]
        return _Design.of(self.labels[self.known], self.clusters[self.known], strata)

    def _permuted_sums(self, columns: Any) -> Grouped:
        labels, groups, design = self.labels[self.known], int(self.labels.max()) + 1, self._design
        if not design.mixed.any():
            counted = self._counted(columns, design, groups)
            if counted is not None:
                return counted
        parts = coo_array(columns)
        (image, column), width = parts.coords, columns.shape[1]
        found = np.empty((self.permutations, groups, width))
        few = self.permutations * len(labels) <= LABELS_KEPT
        several = self._permuted if few else _permutations(labels, design, self.permutations, self.seed)
        for permutation, permuted in enumerate(several):
            place = permuted[image].astype(np.int64) * width + column
            found[permutation] = np.bincount(place, parts.data, groups * width).reshape(groups, width)
        return found

    def _counted(self, columns: Any, design: "_Design", groups: int) -> Grouped | None:
        """The sums by distinct cluster, stratum by stratum; None where too many are distinct in any."""
        sums = by_cluster(columns, design.cluster, np.zeros_like(design.cluster), 1)
        total: Grouped | None = None
        for kind in range(int(design.kind.max()) + 1):
            own = np.flatnonzero(design.kind == kind)
            part = permuted_sums(sums[own], design.first[own], groups, self.permutations, [self.seed, kind])
            if part is None:
                return None
            total = part if total is None else total + part
        return total


@dataclass(frozen=True, kw_only=True)
class _Design:
    """Who may change labels with whom: the cluster of each image; of each cluster its first label, whether it holds
    several (``mixed``), and the number of its stratum (``kind``); and blocks of images of one cluster and truth.
    """

    cluster: Int[np.ndarray, "images"]
    first: Int[np.ndarray, "clusters"]
    mixed: Bool[np.ndarray, "clusters"]
    kind: Int[np.ndarray, "clusters"]
    block: Int[np.ndarray, "images"]

    @classmethod
    def of(
        cls,
        labels: Int[np.ndarray, "images"],
        clusters: Int[np.ndarray, "images"],
        strata: Int[np.ndarray, "images"] | None = None,
    ) -> "_Design":
        cluster = numbered(clusters)
        first = _first_label(labels, cluster)
        mixed = np.zeros(len(first), dtype=bool)
        mixed[cluster[labels != first[cluster]]] = True
        if strata is None:
            return cls(cluster=cluster, first=first, mixed=mixed, kind=np.zeros_like(first), block=cluster)
        truth = numbered(strata)
        kind = patterns(cluster, truth)
        rare = np.bincount(kind)[kind] < STRATUM_AT_LEAST
        kind = numbered(np.where(rare, 0, kind + 1))
        return cls(cluster=cluster, first=first, mixed=mixed, kind=kind, block=cluster * (int(truth.max()) + 1) + truth)


def permuted_labels(
    labels: Int[np.ndarray, "images"],
    clusters: Int[np.ndarray, "images"],
    permutations: int,
    seed: int = 0,
    strata: Int[np.ndarray, "images"] | None = None,
) -> Int[np.ndarray, "permutations images"]:
    """Group labels permuted as the design of the data allows, one row per permutation.

    Clusters of one label are permuted as wholes, among clusters whose images have the same truths (``strata``); within
    a cluster of several labels its images of one truth are permuted.
    """
    permuted = np.empty((permutations, len(labels)), dtype=labels.dtype)
    design = _Design.of(labels, clusters, strata)
    for row, permutation in zip(permuted, _permutations(labels, design, permutations, seed), strict=True):
        row[:] = permutation
    return permuted


def _permutations(
    labels: Int[np.ndarray, "images"], design: _Design, permutations: int, seed: int
) -> Iterator[Int[np.ndarray, "images"]]:
    rng = np.random.default_rng(seed)
    pure, inside = np.flatnonzero(~design.mixed), design.mixed[design.cluster]
    pure = pure[np.argsort(design.kind[pure], kind="stable")]
    kinds = design.kind[pure]
    blocks = np.unique(design.block[inside], return_inverse=True)[1]
    order = np.argsort(blocks, kind="stable")
    places, blocks = np.flatnonzero(inside)[order], blocks[order]
    for _ in range(permutations):
        given = design.first.copy()
        given[pure] = design.first[pure[np.lexsort((rng.random(len(pure)), kinds))]]
        row = given[design.cluster]
        row[places] = labels[places[np.lexsort((rng.random(len(places)), blocks))]]
        yield row


def _first_label(labels: Int[np.ndarray, "images"], cluster: Int[np.ndarray, "images"]) -> Int[np.ndarray, "clusters"]:
    first = np.full(int(cluster.max()) + 1, -1)
    first[cluster[::-1]] = labels[::-1]
    return first


def permutation_p(value: float, permuted: Values) -> float:
    """The two-sided p value of a gap among the permuted ones: the share as far from their mean, to either side.

    So of a group that cannot be better than the rest by as much, only the side counts on which it can be worse. Beyond
    all of them, by a normal approximation.
    """
    known = permuted[np.isfinite(permuted)]
    if not np.isfinite(value) or len(known) < MIN_PERMUTATIONS:
        return 1.0
    middle, slack = float(known.mean()), 1e-9 * max(1.0, abs(value))
    beyond = int((np.abs(known - middle) >= abs(value - middle) - slack).sum())
    p = (beyond + 1) / (len(known) + 1)
    spread = float(known.std(ddof=1))
    if beyond > 0 or spread == 0:
        return p
    return min(p, float(2 * stats.norm.sf(abs(value - middle) / spread)))


def permutation_p_below(value: float, permuted: Values) -> float:
    """The one-sided p value of a gap among the permuted ones: the share that is as low; below all as in the other."""
    known = permuted[np.isfinite(permuted)]
    if not np.isfinite(value) or len(known) < MIN_PERMUTATIONS:
        return 1.0
    below = int((known <= value + 1e-9 * max(1.0, abs(value))).sum())
    p = (below + 1) / (len(known) + 1)
    spread = float(known.std(ddof=1))
    if below > 0 or spread == 0:
        return p
    return min(p, float(stats.norm.cdf((value - known.mean()) / spread)))
