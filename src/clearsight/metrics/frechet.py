"""Fréchet distance between two sets of feature vectors, each taken as a normal distribution (Heusel et al. 2017).

    |m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^(1/2))

Its estimate is too high by an amount that falls as 1/n and differs from generator to generator (Chong & Forsyth 2020),
so it is corrected as Quenouille 1949 does: with F of all rows and F of either half of them, 2 F - (F_a + F_b) / 2 has
no bias of order 1/n, whatever the distribution. What is left may fall below 0 where the two distributions are equal.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from clearsight.types import Values, Weights

ELEMENTS_AT_ONCE = 8_000_000

Features = Float[np.ndarray, "images d"]


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Weighted sums over some rows, for each replicate: 1, the squared weights, the features, their products."""

    weight: Float[np.ndarray, "replicates"]
    squares: Float[np.ndarray, "replicates"]
    first: Float[np.ndarray, "replicates d"]
    second: Float[np.ndarray, "replicates d d"]

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            weight=self.weight + other.weight,
            squares=self.squares + other.squares,
            first=self.first + other.first,
            second=self.second + other.second,
        )

    def known(self) -> Bool[np.ndarray, "replicates"]:
        """Where there is weight on at least two rows, so that there is a covariance."""
        return self.weight**2 > (1 + 1e-9) * self.squares

    def normal(self) -> tuple[Float[np.ndarray, "replicates d"], Float[np.ndarray, "replicates d d"]]:
        """Mean and unbiased covariance; a row that was drawn twice counts as one row of twice the weight."""
        safe = np.where(self.known(), self.weight, 2.0)
        squares = np.where(self.known(), self.squares, 2.0)
        mean = self.first / safe[:, None]
        spread = self.second / safe[:, None, None] - mean[:, :, None] * mean[:, None, :]
        return mean, spread / (1 - squares / safe**2)[:, None, None]


def moments(features: Features, weights: Weights) -> Moments:
    """The weighted sums of rows, in float64; products are made for some pairs of columns at a time, each pair once."""
    rows, size = features.shape
    values = features.astype(np.float64)
    second = np.empty((len(weights), size, size))
    drawn = weights.astype(np.float64)
    above, below = np.triu_indices(size)
    pairs = max(1, ELEMENTS_AT_ONCE // max(1, rows))
    for start in range(0, len(above), pairs):
        one, other = above[start : start + pairs], below[start : start + pairs]
        sums = drawn @ (values[:, one] * values[:, other])
        second[:, one, other] = sums
        second[:, other, one] = sums
    return Moments(weight=drawn.sum(1), squares=(drawn**2).sum(1), first=drawn @ values, second=second)


def distance(one: Moments, other: Moments) -> Values:
    """The Fréchet distance of each replicate, uncorrected; NaN where a side has weight on fewer than two rows."""
    mean, spread = one.normal()
    other_mean, other_spread = other.normal()
    apart = ((mean - other_mean) ** 2).sum(1)
    both = np.trace(spread, axis1=1, axis2=2) + np.trace(other_spread, axis1=1, axis2=2)
    found = apart + both - 2 * _trace_of_root(spread, other_spread)
    return np.where(one.known() & other.known(), found, np.nan)


def corrected_distance(real: tuple[Moments, Moments], generated: tuple[Moments, Moments]) -> Values:
    """The distance without its bias of order 1/n, given the sums of both halves of either side."""
    whole = distance(real[0] + real[1], generated[0] + generated[1])
    halves = distance(real[0], generated[0]) + distance(real[1], generated[1])
    return 2 * whole - halves / 2


def _trace_of_root(one: Float[np.ndarray, "r d d"], other: Float[np.ndarray, "r d d"]) -> Values:
    """tr (A B)^(1/2) of covariances: the roots of the eigenvalues of R' B R with R R' = A, which are those of A B."""
    root = _root(one)
    between = np.linalg.eigvalsh(np.swapaxes(root, 1, 2) @ other @ root)
    return np.sqrt(np.clip(between, 0, None)).sum(1)


def _root(covariances: Float[np.ndarray, "r d d"]) -> Float[np.ndarray, "r d d"]:
    """R with R R' = A: by Cholesky, or by eigenvalues, which takes ten times as long, where some A is singular."""
    try:
        return np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariances)
        found: Float[np.ndarray, "r d d"] = vectors * np.sqrt(np.clip(values, 0, None))[:, None, :]
        return found
