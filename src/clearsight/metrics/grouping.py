"""Statistics with metrics of their own for comparing groups, where a plain metric depends on the group's content."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int, Shaped

from clearsight.types import Confidences, Metric

BITS = 62


@runtime_checkable
class ComparableByGroup(Protocol):
    """Statistics with metrics for comparing groups; the others are compared by their headline metric."""

    @property
    def images(self) -> int:
        """How many images: the length of a row of weights."""
        ...

    def metrics(self) -> tuple[Metric, ...]:
        """Every metric of this task, the headline first."""
        ...

    def by_class(self) -> Mapping[str, "ComparableByGroup"]:
        """The same statistics restricted to one class each."""
        ...

    def confidences(self) -> Confidences | None:
        """Confidences and whether the predictions are correct."""
        ...

    def for_groups(self) -> tuple[Metric, ...]:
        """The metrics that are comparable between groups: independent of how common objects are, for one."""
        ...

    def positives(self) -> Int[np.ndarray, "images"]:
        """How many things there are to be found in each picture."""
        ...

    def strata(self) -> Int[np.ndarray, "images"]:
        """What is true of each picture, as one number: group labels are permuted among pictures of the same truth."""
        ...

    def group_rule(self) -> str:
        """In one sentence, to which group an error is attributed."""
        ...


def coded(values: Shaped[np.ndarray, "n"]) -> tuple[np.ndarray, Int[np.ndarray, "n"]]:
    """The distinct values, sorted, and the index of each given value among them.

    As ``numpy.unique``, but strings are compared by a hash, which is many times faster.
    """
    if values.dtype.kind != "U" or values.itemsize == 0:
        names, place = np.unique(values, return_inverse=True)
        return names, place.reshape(-1)
    letters = np.ascontiguousarray(values).view(np.uint32).reshape(len(values), -1).astype(np.uint64)
    factors = np.random.default_rng(0).integers(0, 2**63, letters.shape[1], dtype=np.uint64) | np.uint64(1)
    _, first, place = np.unique(letters @ factors, return_index=True, return_inverse=True)
    found = values[first]
    # Hash collisions are rare, but must not merge two values.
    if (found[place] != values).any():
        names, place = np.unique(values, return_inverse=True)
        return names, place.reshape(-1)
    order = np.argsort(found)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return found[order], rank[place]


def patterns(cluster: Int[np.ndarray, "images"], value: Int[np.ndarray, "images"]) -> Int[np.ndarray, "clusters"]:
    """One number per cluster, equal for clusters whose images have the same set of values."""
    clusters, values = int(cluster.max()) + 1, int(value.max()) + 1
    if clusters == len(cluster):
        alone = np.empty(clusters, dtype=np.int64)
        alone[cluster] = value
        return numbered(alone)
    # A set is encoded as the sum of its members' codes: bits, or where there are too many values random numbers.
    codes = np.random.default_rng(0).integers(0, 2**63, values, dtype=np.uint64)
    if values <= BITS:
        codes = np.uint64(1) << np.arange(values - 1, -1, -1, dtype=np.uint64)
    held = np.unique(cluster * values + value)
    starts = np.searchsorted(held // values, np.arange(clusters))
    return np.unique(np.add.reduceat(codes[held % values], starts), return_inverse=True)[1]


def numbered(values: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """The values as numbers from 0 without gaps, in the same order; quick where they are hardly larger than many."""
    if not len(values) or values.min() < 0 or values.max() > 4 * len(values):
        return np.unique(values, return_inverse=True)[1].reshape(-1)
    there = np.bincount(values) > 0
    return (np.cumsum(there) - 1)[values]


def held(shows: Bool[np.ndarray, "images classes"]) -> Int[np.ndarray, "images"]:
    """One number per image, equal for images that show the same classes."""
    return np.unique(np.packbits(shows, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
