"""The mix of classes among generated pictures as a classifier sees it, corrected for how often that classifier errs.

With C[t, a] the share of real pictures of class t that the classifier takes for class a, a mix p of true classes is
seen as p C. The corrected mix is what solves this for the mix seen among generated pictures (Rogan & Gladen 1978 for
two classes). Real pictures of a replicate give C, its generated ones the mix seen: so an interval holds both errors.
"""

import numpy as np
from jaxtyping import Float, Int

from clearsight.metrics.additive import one_hot
from clearsight.types import Values, Weights

WORST_CONDITION = 1e4  # beyond, classes are not told apart and the correction is noise

Mix = Float[np.ndarray, "replicates classes"]


def mix_seen(answer: Int[np.ndarray, "images"], classes: int, weights: Weights) -> Mix:
    """The share of each answer under the weights; NaN where there is no weight."""
    counts = weights.astype(np.float64) @ one_hot(answer, classes)
    total = counts.sum(1, keepdims=True)
    return np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)


def confusion(
    truth: Int[np.ndarray, "images"], answer: Int[np.ndarray, "images"], classes: int, weights: Weights
) -> Float[np.ndarray, "replicates classes classes"]:
    """The share of each answer among the rows of each true class; NaN for a class without weight."""
    pairs = one_hot(truth * classes + answer, classes**2)
    counts = (weights.astype(np.float64) @ pairs).reshape(-1, classes, classes)
    total = counts.sum(2, keepdims=True)
    return np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)


def corrected_mix(seen: Mix, confused: Float[np.ndarray, "replicates classes classes"]) -> Mix:
    """The mix of true classes that would be seen so; shares may leave [0, 1] by chance, and still sum to 1.

    NaN where a class has no real picture, or where the classifier does not tell the classes apart.
    """
    found = np.full_like(seen, np.nan)
    known = np.isfinite(confused).all((1, 2)) & np.isfinite(seen).all(1)
    known[known] = np.linalg.cond(confused[known]) < WORST_CONDITION
    transposed = np.swapaxes(confused[known], 1, 2)
    found[known] = np.linalg.solve(transposed, seen[known][:, :, None])[:, :, 0]
    return found


def divergence(mix: Mix, reference: Float[np.ndarray, "classes"]) -> Values:
    """Kullback-Leibler divergence of a mix from the reference, in nats, over the classes that the reference has."""
    inside = reference > 0
    shares = mix[:, inside] / np.maximum(mix[:, inside].sum(1, keepdims=True), 1e-300)
    terms = shares * np.log(np.where(shares > 0, shares, 1.0) / reference[inside])
    return np.where(np.isfinite(mix).all(1), terms.sum(1), np.nan)
