"""Scores of an image's probabilities given its true class: squared error, log loss, and top-5."""

import numpy as np
from jaxtyping import Bool, Float, Int

TOP = 5

Truth = Int[np.ndarray, "images"]
Probabilities = Float[np.ndarray, "images classes"]


def squared_distance(truth: Truth, probabilities: Probabilities) -> Float[np.ndarray, "images"]:
    """The Brier score: the squared distance to the one-hot truth, summed over the classes, in [0, 2] (Brier 1950)."""
    own = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return np.square(probabilities.astype(np.float64)).sum(1) - 2 * own + 1


def surprise(truth: Truth, probabilities: Probabilities) -> Float[np.ndarray, "images"]:
    """The log loss in nats; the probability of the truth is clipped to machine epsilon."""
    own = probabilities[np.arange(len(truth)), truth]
    return -np.log(np.maximum(own, np.finfo(own.dtype).eps).astype(np.float64))


def among_top(truth: Truth, probabilities: Probabilities) -> Bool[np.ndarray, "images"]:
    """Whether fewer than five classes are more probable than the truth; ties go to the first class."""
    own = probabilities[np.arange(len(truth)), truth][:, None]
    before = np.arange(probabilities.shape[1]) < truth[:, None]
    return ((probabilities > own) | ((probabilities == own) & before)).sum(1) < TOP
