"""Classifier two-sample test (Lopez-Paz & Oquab 2017): how well a classifier tells generated from real pictures.

The classifier is a logistic regression on features, and each row is scored by one that was fitted on the other folds.
Folds hold whole clusters and equal shares of both kinds, so a constant score is worth an area of 0.5.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit

FOLDS = 5
RIDGE = 1.0  # on standardised features: the prior of scikit-learn's default
STEPS, TOLERANCE = 50, 1e-8

Features = Float[np.ndarray, "images d"]


def out_of_fold_scores(
    features: Features, generated: Bool[np.ndarray, "images"], clusters: Int[np.ndarray, "images"], seed: int = 0
) -> Float[np.ndarray, "images"]:
    """For each row the log odds of being generated, by a regression fitted on the other folds.

    NaN for all where a kind has fewer clusters than there are folds.
    """
    fold = folds(generated, clusters, seed)
    scores = np.full(len(generated), np.nan)
    if any(len(np.unique(fold[generated == kind])) < FOLDS for kind in (False, True)):
        return scores
    for held_out in range(FOLDS):
        chosen = fold == held_out
        mean, spread = features[~chosen].mean(0), features[~chosen].std(0)
        values = (features - mean) / np.where(spread > 0, spread, 1.0)
        coefficients = logistic_regression(values[~chosen], generated[~chosen])
        scores[chosen] = values[chosen] @ coefficients[:-1] + coefficients[-1]
    return scores


def folds(
    generated: Bool[np.ndarray, "images"], clusters: Int[np.ndarray, "images"], seed: int = 0, count: int = FOLDS
) -> Int[np.ndarray, "images"]:
    """A fold for each row: whole clusters, dealt out by turns within each kind, in an order that the seed fixes."""
    fold = np.zeros(len(generated), dtype=np.int64)
    for kind in (False, True):
        rows = np.flatnonzero(generated == kind)
        names, place = np.unique(clusters[rows], return_inverse=True)
        turns = np.random.default_rng([seed, int(kind)]).permutation(len(names)) % count
        fold[rows] = turns[place]
    return fold


def logistic_regression(
    features: Float[np.ndarray, "n d"], positive: Bool[np.ndarray, "n"]
) -> Float[np.ndarray, "d_plus_one"]:
    """Coefficients and intercept, the coefficients under a ridge, by Newton's method with halved steps."""
    values = np.column_stack([features.astype(np.float64), np.ones(len(features))])
    ridge = np.append(np.full(features.shape[1], RIDGE), 0.0)
    found = np.zeros(values.shape[1])

    def loss(at: Float[np.ndarray, "k"]) -> float:
        odds = values @ at
        return float(np.logaddexp(0, odds).sum() - odds[positive].sum() + (ridge * at**2).sum() / 2)

    now = loss(found)
    for _ in range(STEPS):
        share = expit(values @ found)
        slope = values.T @ (share - positive) + ridge * found
        curve = (values * (share * (1 - share))[:, None]).T @ values + np.diag(ridge + 1e-9)
        step, length = np.linalg.solve(curve, slope), 1.0
        while loss(found - length * step) > now and length > 1e-6:
            length /= 2
        found, before = found - length * step, now
        now = loss(found)
        if before - now <= TOLERANCE * max(1.0, abs(now)):
            break
    return found
