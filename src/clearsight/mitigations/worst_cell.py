"""The loss of the cell that is served worst, made smooth so that it can be minimised.

The maximum over cells is replaced by the logarithm of the mean of exponentials ("tilted" losses, Li et al. 2021), and
the loss of each cell is drawn towards that of all pictures as if five more had been seen with it: of a cell of three
pictures a maximum would mostly be chance.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp, softmax

SHARPNESS = 10.0  # per unit of loss: the larger, the nearer to the maximum
DRAWN_BY = 5.0  # pictures


def worst_cell(losses: Float[np.ndarray, "n"], cells: Int[np.ndarray, "n"]) -> tuple[float, Float[np.ndarray, "n"]]:
    """The smooth maximum over cells of their mean losses, and its derivative by the loss of each picture.

    ``cells`` are at least 0. The derivatives sum to 1: they are the weights under which one learns for the worst cell.
    """
    counts = np.bincount(cells)
    held = counts > 0
    sums = np.bincount(cells, weights=losses)
    means = (sums[held] + DRAWN_BY * losses.mean()) / (counts[held] + DRAWN_BY)
    value = (logsumexp(SHARPNESS * means) - np.log(len(means))) / SHARPNESS
    own = np.zeros(len(counts))
    own[held] = softmax(SHARPNESS * means) / (counts[held] + DRAWN_BY)
    return float(value), own[cells] + DRAWN_BY * own.sum() / len(cells)
