"""Classifier two-sample test (Lopez-Paz & Oquab 2017): how well a classifier tells generated from real pictures.

The classifier is a logistic regression on features, fitted on half of the rows; only the other half is scored. Rows of
several folds would score each other: where the two kinds are alike, these scores go up and down together, and an
interval from resampling them is far too narrow (82% instead of 95% in a simulation of 300 and 300 rows in 5 folds).
Halves hold whole clusters and equal shares of both kinds.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit

CLUSTERS_AT_LEAST = 10
RIDGE = 1.0  # on standardised features: the prior of scikit-learn's default
STEPS, TOLERANCE = 50, 1e-8

Features = Float[np.ndarray, "images d"]


def held_out_scores(
    features: Features, generated: Bool[np.ndarray, "images"], clusters: Int[np.ndarray, "images"], seed: int = 0
) -> Float[np.ndarray, "images"]:
    """For each row of one half the log odds of being generated, by a regression fitted on the other half.

    NaN for the rows it was fitted on; for all where a kind has fewer than ten clusters.
    """
    scores = np.full(len(generated), np.nan)
    if any(len(np.unique(clusters[generated == kind])) < CLUSTERS_AT_LEAST for kind in (False, True)):
        return scores
    fitted = folds(generated, clusters, seed, count=2) == 1
    mean, spread = features[fitted].mean(0), features[fitted].std(0)
    values = (features - mean) / np.where(spread > 0, spread, 1.0)
    coefficients = logistic_regression(values[fitted], generated[fitted])
    scores[~fitted] = values[~fitted] @ coefficients[:-1] + coefficients[-1]
    return scores


def folds(
    generated: Bool[np.ndarray, "images"], clusters: Int[np.ndarray, "images"], seed: int = 0, *, count: int
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
