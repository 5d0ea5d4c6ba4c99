"""What the probabilities of an image say of its true class: squared distance, surprise, and rank."""

import numpy as np
from jaxtyping import Bool, Float, Int

TOP = 5

Truth = Int[np.ndarray, "images"]
Probabilities = Float[np.ndarray, "images classes"]


def squared_distance(truth: Truth, probabilities: Probabilities) -> Float[np.ndarray, "images"]:
    """The squared distance from certainty of the truth, summed over the classes, in [0, 2] (Brier 1950)."""
    own = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return np.square(probabilities.astype(np.float64)).sum(1) - 2 * own + 1


def surprise(truth: Truth, probabilities: Probabilities) -> Float[np.ndarray, "images"]:
    """Minus the logarithm of the truth's probability in nats, which is taken as no smaller than can be computed."""
    own = probabilities[np.arange(len(truth)), truth]
    return -np.log(np.maximum(own, np.finfo(own.dtype).eps).astype(np.float64))


def among_top(truth: Truth, probabilities: Probabilities) -> Bool[np.ndarray, "images"]:
    """Whether fewer than five classes are more probable than the truth; of equally probable ones the first is."""
    own = probabilities[np.arange(len(truth)), truth][:, None]
    before = np.arange(probabilities.shape[1]) < truth[:, None]
    return ((probabilities > own) | ((probabilities == own) & before)).sum(1) < TOP
