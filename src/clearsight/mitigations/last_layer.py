"""Last-layer retraining: the features stay, a new linear layer is fitted on balanced groups (Kirichenko et al. 2023).

The features of a network that leans on the wrong thing mostly hold the right thing as well; only its last layer leans.
The new one is a logistic regression on features of held-out pictures, and another on these and the training pictures,
at several strengths of the penalty. It takes seconds. What differs from the paper: all pictures are used, with weights
by which every group and class counts the same, where the paper draws equally many of each; the penalty is the sum of
squares.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression

from clearsight.mitigations.balance import balancing
from clearsight.types import Given, NewLastLayer

STRENGTHS = (0.001, 0.01, 0.1, 1.0)  # scikit-learn's C: smaller ones hold the layer nearer to 0
MAX_STEPS = 500


def last_layer(given: Given) -> tuple[NewLastLayer, ...]:
    """A layer for each strength and choice of pictures that holds every class."""
    return tuple(
        _fitted(features, labels, cells, given.classes, strength, where)
        for where, features, labels, cells in _materials(given)
        for strength in STRENGTHS
    )


def _materials(
    given: Given,
) -> Iterator[tuple[str, Float[np.ndarray, "n c"], Int[np.ndarray, "n"], Int[np.ndarray, "n"]]]:
    """Pictures of known groups: those held out, and those together with the training pictures."""
    for where, parts in (("held-out pictures", [given.fit]), ("all pictures", [given.fit, given.train])):
        cells = np.concatenate([part.cells for part in parts])
        labels = np.concatenate([part.labels for part in parts])[cells >= 0]
        if len(np.unique(labels)) == given.classes:
            features = np.concatenate([part.features() for part in parts])[cells >= 0]
            yield where, features, labels, cells[cells >= 0]


def _fitted(
    features: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, "n"],
    cells: Int[np.ndarray, "n"],
    classes: int,
    strength: float,
    where: str,
) -> NewLastLayer:
    """The logistic regression on standardised features, written as a layer on the features themselves."""
    mean, scale = features.mean(0), features.std(0)
    scale = np.where(scale > 1e-6 * max(float(scale.max()), 1e-30), scale, np.inf)  # constant features say nothing
    regression = LogisticRegression(C=strength, max_iter=MAX_STEPS, tol=1e-3)
    # Proportions alone would make the penalty stronger on fewer pictures, so weights are 1 on average.
    regression.fit((features - mean) / scale, labels, sample_weight=balancing(cells))
    weight, bias = regression.coef_, regression.intercept_
    if classes == 2:  # scikit-learn gives one row, that of the second class against the first
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    weight = weight / scale
    return NewLastLayer(said=f"{where}, C {strength:g}", weight=weight, bias=bias - weight @ mean)
