"""Prediction sets: the classes of a picture that cannot be ruled out, after Romano et al. 2020 (APS) and RAPS.

The conformal score of a class is the probability of all more probable classes and a random part of its own (APS), more
for each class beyond the fifth (RAPS, Angelopoulos et al. 2021, "Uncertainty sets for image classifiers", equation 4).
The random part comes from the probabilities themselves, so the same prediction always has the same set.
"""

import hashlib

import numpy as np
from jaxtyping import Float, Int

PENALTY = 0.01
CLASSES_FREE = 5


def random_parts(probabilities: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n"]:
    """A number in [0, 1) for each row that looks random and depends on nothing but the row."""
    rows = np.ascontiguousarray(probabilities, dtype=np.float32)
    words = [int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=6).digest(), "big") for row in rows]
    return np.array(words, dtype=np.float64) / 2**48


def set_scores(
    probabilities: Float[np.ndarray, "n c"], parts: Float[np.ndarray, "n"] | None = None
) -> Float[np.ndarray, "n c"]:
    """The conformal score of each class of each row; ``parts`` are random numbers in [0, 1), its own where None."""
    parts = random_parts(probabilities) if parts is None else parts
    values = probabilities.astype(np.float64)
    order = np.argsort(-values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    penalty = PENALTY * np.maximum(0, np.arange(1, values.shape[1] + 1) - CLASSES_FREE)
    before = np.cumsum(ordered, axis=1) - ordered
    scores = np.empty_like(values)
    np.put_along_axis(scores, order, before + parts[:, None] * ordered + penalty, axis=1)
    return scores


def prediction_sets(probabilities: Float[np.ndarray, "n c"], threshold: float) -> np.ndarray:
    """Whether each class is in the set of each row: its score is at most the threshold, or it is the most probable."""
    inside = set_scores(probabilities) <= threshold
    inside[np.arange(len(inside)), probabilities.argmax(1)] = True
    return inside


def true_scores(
    probabilities: Float[np.ndarray, "n c"], truth: Int[np.ndarray, "n"], parts: Float[np.ndarray, "n"] | None = None
) -> Float[np.ndarray, "n"]:
    """The conformal score of the true class of each row."""
    return set_scores(probabilities, parts)[np.arange(len(truth)), truth]
