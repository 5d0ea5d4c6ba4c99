"""Per-group thresholds: each group has numbers of its own added to the logits, so that its classes fare alike.

Nothing is trained. Whoever predicts must know the group of each picture, and treats people by it: that is forbidden in
places, such as different cutoffs by race or sex in employment tests in the United States (Civil Rights Act of 1991,
section 106). The numbers minimise the log loss with all classes of the group counting the same, and are held near 0
by a penalty, so that a group of few pictures changes little.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from clearsight.types import Given, GroupOffsets

PENALTY = 1.0  # on the squares, beside the sum over the pictures of a group


def group_thresholds(given: Given) -> tuple[GroupOffsets, ...]:
    """One table of numbers, by group and class, fitted on the held-out pictures."""
    fit, logits = given.fit, given.fit.logits()
    groups = int(max(given.train.groups.max(initial=-1), fit.groups.max(initial=-1))) + 1
    rows = [_offsets(logits[fit.groups == group], fit.labels[fit.groups == group]) for group in range(groups)]
    return (GroupOffsets(said="fitted on held-out pictures", offsets=np.stack(rows)),)


def _offsets(logits: Float[np.ndarray, "n classes"], labels: Int[np.ndarray, "n"]) -> Float[np.ndarray, "classes"]:
    classes = logits.shape[1]
    if not len(labels):
        return np.zeros(classes)
    counts = np.bincount(labels, minlength=classes)
    weights = len(labels) / (np.count_nonzero(counts) * counts[labels])
    true = np.eye(classes)[labels]

    def loss(offsets: Float[np.ndarray, "classes"]) -> tuple[float, Float[np.ndarray, "classes"]]:
        shifted = logits + offsets
        value = -(weights * log_softmax(shifted, axis=1)[np.arange(len(labels)), labels]).sum()
        slope = (weights[:, None] * (softmax(shifted, axis=1) - true)).sum(0)
        return float(value + PENALTY * (offsets**2).sum() / 2), slope + PENALTY * offsets

    found = minimize(loss, np.zeros(classes), jac=True, method="L-BFGS-B").x
    return np.asarray(found, dtype=np.float64)
