"""Weights by which every cell, each pair of a group and a class, counts the same."""

import numpy as np
from jaxtyping import Float, Int


def balancing(cells: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """A weight for each picture, 1 on average, so that all cells have the same sum; 1 where the group is not known."""
    known = cells >= 0
    counts = np.bincount(cells[known])
    weights = np.ones(len(cells))
    weights[known] = known.sum() / (np.count_nonzero(counts) * counts[cells[known]])
    return weights
