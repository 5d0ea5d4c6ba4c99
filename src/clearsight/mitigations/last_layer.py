"""Last-layer retraining: the features stay, a new linear layer is fitted on balanced groups (Kirichenko et al. 2023).

The features of a network that leans on the wrong thing mostly hold the right thing as well; only its last layer leans.
The new one is a logistic regression on features of held-out pictures, and another on these and the training pictures,
at several strengths of the penalty. It takes seconds. What differs from the paper: all pictures are used, with weights
by which every group and class counts the same, where the paper draws equally many of each; the penalty is the sum of
squares.
"""

from functools import partial

import numpy as np
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression

from clearsight.mitigations.balance import balancing
from clearsight.mitigations.frozen_features import layers
from clearsight.types import Given, NewLastLayer

STRENGTHS = (0.001, 0.01, 0.1, 1.0)  # scikit-learn's C: smaller ones hold the layer nearer to 0
MAX_STEPS = 500


def last_layer(given: Given) -> tuple[NewLastLayer, ...]:
    """A layer for each strength and choice of pictures that holds every class."""
    return layers(given, STRENGTHS, partial(_fitted, classes=given.classes))


def _fitted(
    features: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, "n"],
    cells: Int[np.ndarray, "n"],
    strength: float,
    classes: int,
) -> tuple[Float[np.ndarray, "classes c"], Float[np.ndarray, "classes"]]:
    """The logistic regression on standardised features, as weight and bias."""
    regression = LogisticRegression(C=strength, max_iter=MAX_STEPS, tol=1e-3)
    # Proportions alone would make the penalty stronger on fewer pictures, so weights are 1 on average.
    regression.fit(features, labels, sample_weight=balancing(cells))
    weight, bias = regression.coef_, regression.intercept_
    if classes == 2:  # scikit-learn gives one row, that of the second class against the first
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias
