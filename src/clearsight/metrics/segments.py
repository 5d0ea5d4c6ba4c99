"""Sums of weights over segments of a ranking, as a sparse matrix that weights are multiplied with."""

import numpy as np
from jaxtyping import Int
from scipy.sparse import csr_array


def summing(
    segment: Int[np.ndarray, "k"], item: Int[np.ndarray, "k"], shape: tuple[int, int], dtype: np.dtype | type = float
) -> csr_array:
    """A sparse matrix of ``shape`` (segments, items) with 1 for each item in its segment.

    Written as rows of a sparse matrix at once: to have them sorted and checked takes longer than to multiply with them.
    """
    if (np.diff(segment) < 0).any():
        order = np.argsort(segment, kind="stable")
        segment, item = segment[order], item[order]
    starts = np.searchsorted(segment, np.arange(shape[0] + 1)).astype(np.int32)
    return csr_array((np.ones(len(item), dtype=dtype), item.astype(np.int32), starts), shape=shape)
