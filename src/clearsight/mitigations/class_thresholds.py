"""Class thresholds: one number for each class is added to the logits, so that the worst group and class fares best.

The features and the directions of the last layer stay; only where the border between the classes lies changes, for
all groups alike. So nobody needs to know the group of a picture, and few numbers are fitted: one for each class, and
one that scales the logits, since those of a network that is too sure of itself would say little of the border. They
minimise the smooth maximum over groups and classes of the log loss, and are held near 0 by a penalty.
"""

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from clearsight.mitigations.worst_cell import worst_cell
from clearsight.types import Given, NewLastLayer

PENALTY = 1.0  # on the squares, over the number of pictures


def class_thresholds(given: Given) -> tuple[NewLastLayer, ...]:
    """The last layer with another bias, fitted on held-out pictures: the network has learnt its training pictures."""
    known = given.fit.cells >= 0
    logits, labels, cells = given.fit.logits()[known], given.fit.labels[known], given.fit.cells[known]
    if not len(labels):
        return ()
    true, rows = np.eye(given.classes)[labels], np.arange(len(labels))

    def loss(values: Float[np.ndarray, "size"]) -> tuple[float, Float[np.ndarray, "size"]]:
        scale, added = values[0], values[1:]
        shifted = scale * logits + added
        value, weights = worst_cell(-log_softmax(shifted, axis=1)[rows, labels], cells)
        slope = weights[:, None] * (softmax(shifted, axis=1) - true)
        penalty = PENALTY / len(labels)
        gradient = np.concatenate([[(slope * logits).sum()], slope.sum(0) + penalty * added])
        return value + penalty * float((added**2).sum()) / 2, gradient

    start = np.concatenate([[1.0], np.zeros(given.classes)])
    bounds = [(1e-3, None), *[(None, None)] * given.classes]  # the order of the logits stays
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    scale, added = float(found[0]), found[1:]
    return (
        NewLastLayer(said="fitted on held-out pictures", weight=scale * given.weight, bias=scale * given.bias + added),
    )
