"""Last-layer group DRO: the features stay, a new linear layer is fitted for the group and class that fares worst.

Group DRO (Sagawa et al. 2020) on features that are frozen, where it is a convex problem: the smooth maximum over groups
of the log loss, and a penalty on the squared weights. Without a strong penalty the maximum is that of chance (their
section 4), so that several strengths are offered. It takes seconds, and nobody needs to know the group of a picture
to predict.
"""

from functools import partial

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from clearsight.mitigations.frozen_features import layers
from clearsight.mitigations.worst_cell import worst_cell
from clearsight.types import Given, NewLastLayer

STRENGTHS = (0.001, 0.01, 0.1)  # as in last-layer: smaller ones hold the layer nearer to 0
MAX_STEPS = 200


def last_layer_dro(given: Given) -> tuple[NewLastLayer, ...]:
    """A layer for each strength and choice of pictures that holds every class."""
    return layers(given, STRENGTHS, partial(_fitted, classes=given.classes))


def _fitted(
    features: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, "n"],
    cells: Int[np.ndarray, "n"],
    strength: float,
    classes: int,
) -> tuple[Float[np.ndarray, "classes c"], Float[np.ndarray, "classes"]]:
    loss = partial(_loss, features=features, labels=labels, cells=cells, penalty=1 / (strength * len(labels)))
    start = np.zeros(classes * (features.shape[1] + 1))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_STEPS}).x.reshape(classes, -1)
    return found[:, :-1], found[:, -1]


def _loss(
    flat: Float[np.ndarray, "size"],
    features: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, "n"],
    cells: Int[np.ndarray, "n"],
    penalty: float,
) -> tuple[float, Float[np.ndarray, "size"]]:
    """The worst cell's loss and the penalty, with the gradient; each row of ``flat`` is a class, its bias last."""
    layer = flat.reshape(-1, features.shape[1] + 1)
    logits = features @ layer[:, :-1].T + layer[:, -1]
    value, weights = worst_cell(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels], cells)
    slope = weights[:, None] * (softmax(logits, axis=1) - np.eye(len(layer))[labels])
    gradient = np.concatenate([slope.T @ features + penalty * layer[:, :-1], slope.sum(0)[:, None]], axis=1)
    return value + penalty * float((layer[:, :-1] ** 2).sum()) / 2, gradient.ravel()
