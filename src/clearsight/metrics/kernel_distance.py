"""Kernel distance (KID; Bińkowski et al. 2018): the squared maximum mean discrepancy of two sets of feature vectors.

The kernel is (x.y / d + 1)³. The estimate is unbiased under any weights: no row is paired with itself, however often it
was drawn, nor with another row of its cluster. So it may fall below 0 where the two distributions are equal.
"""

import numpy as np
from jaxtyping import Float, Int

from clearsight.types import Values, Weights

ROWS_AT_ONCE = 1024

Features = Float[np.ndarray, "images d"]


def kernel(one: Features, other: Features) -> Float[np.ndarray, "n m"]:
    """The cubic polynomial kernel of each pair, less 1: the distance does not depend on a constant."""
    base = one @ other.T / one.shape[1] + 1
    return base * base * base - 1  # a power by an exponent takes ten times as long


def kernel_distance(
    sides: tuple[Features, Features],
    clusters: tuple[Int[np.ndarray, "n"], Int[np.ndarray, "m"]],
    weights: tuple[Weights, Weights],
) -> Values:
    """The squared discrepancy of each replicate; NaN where a side has weight on fewer than two clusters."""
    one, other = (side.astype(np.float64) for side in sides)
    # Sums over single rows are made in the precision of the weights, at twice the speed in float32.
    drawn, other_drawn = (side if side.dtype == np.float32 else side.astype(np.float64) for side in weights)
    across = _across(one, other, drawn, other_drawn)
    totals = drawn.sum(1, dtype=np.float64) * other_drawn.sum(1, dtype=np.float64)
    crossed = np.divide(across, totals, out=np.full(len(totals), np.nan), where=totals > 0)
    return _within(one, clusters[0], drawn) + _within(other, clusters[1], other_drawn) - 2 * crossed


def _within(features: Features, clusters: Int[np.ndarray, "n"], weights: Weights) -> Values:
    """The mean kernel of all pairs of rows of different clusters."""
    total, pairs = _among(features, weights), weights.sum(1, dtype=np.float64) ** 2
    place, sizes = np.unique(clusters, return_inverse=True, return_counts=True)[1:]
    alone = sizes[place] == 1
    squares = weights[:, alone].astype(np.float64) ** 2
    own = (np.einsum("nd,nd->n", features[alone], features[alone]) / features.shape[1] + 1) ** 3 - 1
    total, distinct = total - squares @ own, pairs - squares.sum(1)
    for cluster in np.flatnonzero(sizes > 1):
        rows = place == cluster
        some = weights[:, rows]
        total = total - _among(features[rows], some)
        distinct = distinct - some.sum(1, dtype=np.float64) ** 2
    known = distinct > 1e-9 * pairs  # what cancellation leaves of no pairs is no pair
    return np.divide(total, distinct, out=np.full(len(total), np.nan), where=known)


def _across(one: Features, other: Features, weights: Weights, other_weights: Weights) -> Values:
    """The sum over all pairs of a row of either side of weight x kernel x weight, some rows at a time."""
    found = np.zeros(len(weights))
    for start in range(0, len(one), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        found += _weighted(other_weights, kernel(other, one[block]), weights[:, block])
    return found


def _among(features: Features, weights: Weights) -> Values:
    """The sum over all pairs of rows of one side, a row with itself among them; each block of pairs is made once."""
    found = np.zeros(len(weights))
    for start in range(0, len(features), ROWS_AT_ONCE):
        block, after = slice(start, start + ROWS_AT_ONCE), slice(start + ROWS_AT_ONCE, None)
        found += _weighted(weights[:, block], kernel(features[block], features[block]), weights[:, block])
        found += 2 * _weighted(weights[:, after], kernel(features[after], features[block]), weights[:, block])
    return found


def _weighted(weights: Weights, pairs: Float[np.ndarray, "n m"], other_weights: Weights) -> Values:
    """The sum of weight x pair x weight; sums over rows in the precision of the weights, their sum in float64."""
    sums = weights @ pairs.astype(weights.dtype)
    return np.einsum("rm,rm->r", other_weights, sums, dtype=np.float64)
