"""Copies of training pictures among generated ones, beside what held-out real pictures would be taken for.

Each row has the relative distance to its nearest training picture: over the usual distance to its other neighbours
there (see ``generation.copying``). A generated picture counts as a copy where it is nearer than the nearest hundredth
of held-out real pictures, which saw nothing: so 1% of new pictures count as copies, and more must be explained.
"""

import numpy as np
from jaxtyping import Bool, Float

from clearsight.types import Values, Weights

EXPECTED = 0.01
REAL_AT_LEAST = 100  # with fewer there is no hundredth


def copy_threshold(
    distance: Float[np.ndarray, "images"], generated: Bool[np.ndarray, "images"], weights: Weights
) -> Values:
    """The distance that a hundredth of the real rows stay within; NaN with fewer than 100 of known distance."""
    real = np.flatnonzero(~generated & np.isfinite(distance))
    if len(real) < REAL_AT_LEAST:
        return np.full(len(weights), np.nan)
    order = real[np.argsort(distance[real], kind="stable")]
    upto = np.cumsum(weights[:, order].astype(np.float64), axis=1)
    total = upto[:, -1]
    place = (upto < (EXPECTED * total * (1 + 1e-9))[:, None]).sum(1)
    return np.where(total > 0, distance[order][np.minimum(place, len(order) - 1)], np.nan)


def copy_rate(distance: Float[np.ndarray, "images"], generated: Bool[np.ndarray, "images"], weights: Weights) -> Values:
    """The share of generated rows nearer to a training picture than the threshold of the real rows of a replicate."""
    threshold = copy_threshold(distance, generated, weights)
    made = np.flatnonzero(generated & np.isfinite(distance))
    order = made[np.argsort(distance[made], kind="stable")]
    upto = np.concatenate(
        [np.zeros((len(weights), 1)), np.cumsum(weights[:, order].astype(np.float64), axis=1)], axis=1
    )
    below = np.searchsorted(distance[order], np.nan_to_num(threshold, nan=-1.0), side="left")
    share = np.divide(
        upto[np.arange(len(upto)), below], upto[:, -1], out=np.full(len(upto), np.nan), where=upto[:, -1] > 0
    )
    return np.where(np.isfinite(threshold), share, np.nan)
