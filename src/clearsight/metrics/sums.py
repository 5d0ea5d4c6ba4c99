"""Sums over resampled or permuted images, drawn without a weight for every image.

A resampled data set draws clusters with replacement, so the counts of the *distinct* clusters are multinomial, with the
number of their copies as probabilities. Permuted group labels give each group a multivariate hypergeometric number of
every distinct cluster. A million images that are right or wrong in eight groups are sixteen distinct ones: both draws
have exactly the distribution of drawing rows, and take no longer than for a thousand images.

Where nearly every cluster is unique, sums over very many clusters of which no few decide are drawn from the normal
distribution that they tend to (central limit theorem), with their mean and covariance. Others are drawn cluster by
cluster, a block of replicates at a time.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array, csr_array

from clearsight.metrics.additive import Columns

DRAWS_AT_ONCE = 4_000_000
# Drawing a count per kind of cluster takes about as long as drawing eight clusters.
MIN_COPIES = 8
MAX_COUNTS = 20_000
SAMPLED = 4096
# From so many clusters on sums may be drawn as normal, if each column has so many clusters' worth of variation: its
# skewness and its kurtosis then move a quantile at 2.5% by less than two hundredths of a standard error.
NORMAL_FROM = 20_000
WORTH_AT_LEAST = 5_000
DENSE_AT_MOST = 40_000_000

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
        if cells is not None:
            first, kind = cells
            total += resampled_counts(rng, np.bincount(kind), replicates) @ own[first]
            continue
        normal = _normal(rng, own, replicates)
        if normal is not None:
            total += normal
            continue
        rows = max(1, DRAWS_AT_ONCE // members)
        for start in range(0, replicates, rows):
            block = total[start : start + rows]
            block += drawn(rng, members, len(block)) @ own
    return total


def resampled_counts(
    rng: np.random.Generator, copies: Int[np.ndarray, "kinds"], replicates: int
) -> Float[np.ndarray, "replicates kinds"]:
    """How often each kind is drawn, of which there are so many copies: in n - 1 of n draws, times n / (n - 1)."""
    members = int(copies.sum())
    if members < 2:
        return np.tile(copies.astype(np.float64), (replicates, 1))
    return rng.multinomial(members - 1, copies / members, size=replicates) * (members / (members - 1))


def _normal(
    rng: np.random.Generator, own: csr_array, replicates: int
) -> Float[np.ndarray, "replicates columns"] | None:
    """Sums over n - 1 of n rows, times n / (n - 1), as a normal distribution; None where that is no good one."""
    members = own.shape[0]
    held = np.flatnonzero(np.bincount(own.indices, minlength=own.shape[1]))
    if members < NORMAL_FROM or members * len(held) > DENSE_AT_MOST:
        return None
    values = own[:, held].toarray()
    mean = values.mean(0)
    squares = (values - mean) ** 2
    spread, fourth = squares.sum(0), (squares**2).sum(0)
    varying = spread > 1e-12 * members * np.maximum(1.0, mean**2)
    if (spread[varying] ** 2 < WORTH_AT_LEAST * fourth[varying]).any():
        return None
    covariance = (values - mean).T @ (values - mean) * (members / (members - 1))
    total = np.zeros((replicates, own.shape[1]))
    total[:, held] = rng.multivariate_normal(mean * members, covariance, replicates, method="eigh")
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
    first, kind = cells
    wanted = np.bincount(label, minlength=groups)
    counts = permuted_counts(np.random.default_rng(seed), np.bincount(kind), wanted, permutations)
    return (counts.reshape(-1, len(first)) @ sums[first]).reshape(permutations, groups, -1)


def permuted_counts(
    rng: np.random.Generator, copies: Int[np.ndarray, "kinds"], members: Int[np.ndarray, "groups"], permutations: int
) -> Float[np.ndarray, "permutations groups kinds"]:
    """How many of each kind every group gets, where so many copies of each are dealt out to groups of so many."""
    left = np.tile(copies, (permutations, 1))
    counts = np.zeros((permutations, len(members), len(copies)))
    for group, wanted in enumerate(members):
        missing = np.full(permutations, wanted)
        others = left.sum(1)
        for cell in range(len(copies)):
            others -= left[:, cell]
            count = rng.hypergeometric(left[:, cell], others, missing)
            counts[:, group, cell] = count
            missing -= count
        left -= counts[:, group].astype(left.dtype)
    return counts


def distinct(sums: csr_array) -> tuple[Int[np.ndarray, "kinds"], Int[np.ndarray, "rows"]] | None:
    """The first of each kind of row, and the kind of each row; None where few rows are equal."""
    direction = np.random.default_rng(0).normal(size=sums.shape[1])
    projected = sums @ direction
    some = projected[:: max(1, len(projected) // SAMPLED)]
    if len(some) >= SAMPLED and len(np.unique(some)) > 0.9 * len(some):
        return None  # to sort all of them would take long, and find little
    _, first, inverse = np.unique(projected, return_index=True, return_inverse=True)
    if MIN_COPIES * len(first) > sums.shape[0]:
        return None
    # Distinct rows may share a projection by accident, which is ruled out here.
    if (sums - sums[first[inverse]]).count_nonzero():
        return None
    return first, inverse
