"""Sums over resampled or permuted images, drawn without a weight for every image.

A resampled data set draws clusters with replacement, so the counts of the *distinct* clusters are multinomial, with the
number of their copies as probabilities. Permuted group labels give each group a multivariate hypergeometric number of
every distinct cluster. A million images that are right or wrong in eight groups are sixteen distinct ones: both draws
have exactly the distribution of drawing rows, and take no longer than for a thousand images. Where nearly every cluster
is unique, clusters are drawn one by one, a block of replicates at a time.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array, csr_array

from clearsight.metrics.additive import Columns

DRAWS_AT_ONCE = 4_000_000
# Drawing a count per kind of cluster takes about as long as drawing eight clusters.
MIN_COPIES = 8
MAX_COUNTS = 20_000

Grouped = Float[np.ndarray, "replicates groups columns"]


def by_cluster(
    columns: Columns, cluster: Int[np.ndarray, "images"], group: Int[np.ndarray, "images"], groups: int
) -> csr_array:
    """The columns summed within each cluster and group: sparse ``[clusters, groups * columns]``."""
    parts = coo_array(columns)
    row, column = parts.coords
    width = columns.shape[1]
    place = (cluster[row], group[row].astype(np.int64) * width + column)
    return csr_array((parts.data.astype(np.float64), place), shape=(int(cluster.max()) + 1, groups * width))


def resampled_sums(
    sums: csr_array, kinds: Int[np.ndarray, "clusters"], replicates: int, seed: int
) -> Float[np.ndarray, "replicates columns"]:
    """Sums over resampled clusters: of the n of each kind n - 1 are drawn, times n / (n - 1).

    The only cluster of its kind keeps its weight of 1.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros((replicates, sums.shape[1]))
    for kind in np.unique(kinds):
        own = sums[np.flatnonzero(kinds == kind)]
        members = own.shape[0]
        if members == 1:
            total += own.toarray()
            continue
        cells = distinct(own)
        if cells is None:
            rows = max(1, DRAWS_AT_ONCE // members)
            for start in range(0, replicates, rows):
                block = total[start : start + rows]
                block += drawn(rng, members, len(block)) @ own
        else:
            first, copies = cells
            counts = rng.multinomial(members - 1, copies / members, size=replicates)
            total += counts * (members / (members - 1)) @ own[first]
    return total


def drawn(rng: np.random.Generator, members: int, replicates: int) -> Float[np.ndarray, "replicates members"]:
    """How often each of ``members`` clusters is drawn in n - 1 draws, times n / (n - 1)."""
    counts = np.empty((replicates, members), dtype=np.float32)
    rows = max(1, DRAWS_AT_ONCE // members)
    for start in range(0, replicates, rows):
        block = counts[start : start + rows]
        places = rng.integers(0, members, size=(len(block), members - 1))
        places += members * np.arange(len(block))[:, None]
        block[:] = np.bincount(places.reshape(-1), minlength=block.size).reshape(block.shape)
    counts *= np.float32(members / (members - 1))
    return counts


def permuted_sums(
    sums: csr_array, label: Int[np.ndarray, "clusters"], groups: int, permutations: int, seed: int | list[int]
) -> Grouped | None:
    """Sums by group over clusters of one label each, their labels permuted; None where too many are distinct."""
    cells = distinct(sums)
    if cells is None or len(cells[0]) * groups > MAX_COUNTS:
        return None
    first, copies = cells
    rng = np.random.default_rng(seed)
    left = np.tile(copies, (permutations, 1))
    counts = np.zeros((permutations, groups, len(copies)))
    for group, wanted in enumerate(np.bincount(label, minlength=groups)):
        missing = np.full(permutations, wanted)
        others = left.sum(1)
        for cell in range(len(copies)):
            others -= left[:, cell]
            count = rng.hypergeometric(left[:, cell], others, missing)
            counts[:, group, cell] = count
            missing -= count
        left -= counts[:, group].astype(left.dtype)
    return (counts.reshape(-1, len(copies)) @ sums[first]).reshape(permutations, groups, -1)


def distinct(sums: csr_array) -> tuple[Int[np.ndarray, "cells"], Int[np.ndarray, "cells"]] | None:
    """The first of each kind of row, and how many rows are equal to it; None where few rows are equal."""
    direction = np.random.default_rng(0).normal(size=sums.shape[1])
    _, first, inverse = np.unique(sums @ direction, return_index=True, return_inverse=True)
    if MIN_COPIES * len(first) > sums.shape[0]:
        return None
    # Distinct rows may share a projection by accident, which is ruled out here.
    if (sums - sums[first[inverse]]).count_nonzero():
        return None
    return first, np.bincount(inverse)
