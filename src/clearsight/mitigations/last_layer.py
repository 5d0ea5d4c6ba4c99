"""Last-layer retraining: the features stay, a new linear layer is fitted on balanced groups (Kirichenko et al. 2023).

The features of a network that leans on the wrong thing mostly hold the right thing as well; only its last layer leans.
The new one is a logistic regression on features of held-out pictures, and another on these and the training pictures,
at several strengths of the penalty. It takes seconds. What differs from the paper: all pictures are used, with weights
by which every group and class counts the same, where the paper draws equally many of each; the penalty is the sum of
squares.
"""

import numpy as np
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression

from clearsight.mitigations.balance import balancing
from clearsight.mitigations.frozen_features import Standardised, materials
from clearsight.types import Given, NewLastLayer

STRENGTHS = (0.001, 0.01, 0.1, 1.0)  # scikit-learn's C: smaller ones hold the layer nearer to 0
MAX_STEPS = 500


def last_layer(given: Given) -> tuple[NewLastLayer, ...]:
    """A layer for each strength and choice of pictures that holds every class."""
    return tuple(
        _fitted(features, labels, cells, given.classes, strength, where)
        for where, features, labels, cells in materials(given)
        for strength in STRENGTHS
    )


def _fitted(
    features: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, "n"],
    cells: Int[np.ndarray, "n"],
    classes: int,
    strength: float,
    where: str,
) -> NewLastLayer:
    """The logistic regression on standardised features, written as a layer on the features themselves."""
    standardised = Standardised.of(features)
    regression = LogisticRegression(C=strength, max_iter=MAX_STEPS, tol=1e-3)
    # Proportions alone would make the penalty stronger on fewer pictures, so weights are 1 on average.
    regression.fit(standardised.of_features(features), labels, sample_weight=balancing(cells))
    weight, bias = regression.coef_, regression.intercept_
    if classes == 2:  # scikit-learn gives one row, that of the second class against the first
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    weight, bias = standardised.layer(weight, bias)
    return NewLastLayer(said=f"{where}, C {strength:g}", weight=weight, bias=bias)
