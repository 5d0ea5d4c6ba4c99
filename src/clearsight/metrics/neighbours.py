"""Nearest neighbours between real and generated feature vectors: precision, recall, density and coverage.

Around each vector lies a ball that reaches its k-th nearest neighbour of its own kind. Precision is the share of the
generated that lie in some real ball, recall the share of the real that lie in some generated ball (Kynkäänniemi et al.
2019). Density counts in how many real balls a generated one lies, over k; coverage is the share of real balls with a
generated one inside (Naeem et al. 2020).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

NEIGHBOURS = 5
ROWS_AT_ONCE = 1024

Features = Float[np.ndarray, "n d"]


@dataclass(frozen=True, kw_only=True)
class Balls:
    """For each generated row in how many real balls it lies; for each real row whether it is reached and covered.

    Reached: it lies in a generated ball. Covered: a generated row lies in its own ball.
    """

    real_balls: Int[np.ndarray, "generated"]
    reached: Bool[np.ndarray, "real"]
    covered: Bool[np.ndarray, "real"]


def balls(real: Features, generated: Features, k: int = NEIGHBOURS) -> Balls:
    """What lies in whose balls; with k rows of a kind or fewer its balls reach all of their own kind."""
    radii, other_radii = reaches(real, k), reaches(generated, k)
    count = np.zeros(len(generated), dtype=np.int64)
    reached, covered = np.zeros(len(real), dtype=bool), np.zeros(len(real), dtype=bool)
    for start in range(0, len(real), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        apart = distances(real[block], generated)
        inside = apart <= radii[block, None]
        count += inside.sum(0)
        covered[block] = inside.any(1)
        reached[block] = (apart <= other_radii).any(1)
    return Balls(real_balls=count, reached=reached, covered=covered)


def reaches(features: Features, k: int = NEIGHBOURS) -> Float[np.ndarray, "n"]:
    """The distance of each row to its k-th nearest other row; to its farthest where there are not so many."""
    found = np.zeros(len(features))
    k = min(k, len(features) - 1)
    for start in range(0, len(features) if k > 0 else 0, ROWS_AT_ONCE):
        apart = distances(features[start : start + ROWS_AT_ONCE], features)
        # The row itself is among them, at distance 0: the k-th nearest other one is at place k.
        apart[np.arange(len(apart)), start + np.arange(len(apart))] = -1.0
        found[start : start + len(apart)] = np.partition(apart, k, axis=1)[:, k]
    return found


def distances(one: Features, other: Features) -> Float[np.ndarray, "n m"]:
    """The Euclidean distance of each pair, in float64."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T
    return np.sqrt(np.maximum(squares, 0.0))
