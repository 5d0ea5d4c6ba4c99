"""AUROC and FPR95 of pictures of another origin, beside slow counts; what each fitted score is defined to be."""

import numpy as np
import pytest

from clearsight.inference.familiarity import Familiarity, Mahalanobis, Nearest, energy, threshold_of
from clearsight.metrics.out_of_distribution import AUROC, FPR95, OutOfDistributionStatistics


def statistics(seed=0, own=37, others=23, shift=1.0, digits=1):
    """Scores rounded so that many are equal."""
    random = np.random.default_rng(seed)
    score = np.concatenate([random.normal(0, 1, own), random.normal(shift, 1, others)]).round(digits)
    return OutOfDistributionStatistics(score=score, outside=np.arange(own + others) >= own)


def slow_auroc(one, weights):
    """Pairs counted one by one, ties half."""
    won = total = 0.0
    for i in np.flatnonzero(one.outside):
        for j in np.flatnonzero(~one.outside):
            share = 1.0 if one.score[i] > one.score[j] else 0.5 if one.score[i] == one.score[j] else 0.0
            won, total = won + share * weights[i] * weights[j], total + weights[i] * weights[j]
    return won / total


def slow_fpr(one, weights):
    """The least own score at which 95% of the weight of the own pictures is reached, and what passes there."""
    own, total = ~one.outside, weights[~one.outside].sum()
    for threshold in sorted(set(one.score[own])):
        if weights[own & (one.score <= threshold)].sum() >= 0.95 * total - 1e-9:
            break
    return weights[one.outside & (one.score <= threshold)].sum() / weights[one.outside].sum()


@pytest.mark.parametrize("seed", range(4))
def test_both_are_slow_counts_under_any_weights(seed):
    one = statistics(seed)
    weights = np.random.default_rng(seed).integers(0, 4, (5, one.images)).astype(np.float64)
    weights[0] = 1
    assert AUROC.compute(one, weights) == pytest.approx([slow_auroc(one, row) for row in weights])
    assert FPR95.compute(one, weights) == pytest.approx([slow_fpr(one, row) for row in weights])


def test_ends():
    apart = OutOfDistributionStatistics(score=np.arange(10.0), outside=np.arange(10) >= 5)
    ones = np.ones((1, 10))
    assert AUROC.compute(apart, ones) == 1 and FPR95.compute(apart, ones) == 0
    alike = OutOfDistributionStatistics(score=np.zeros(10), outside=np.arange(10) >= 5)
    assert AUROC.compute(alike, ones) == 0.5 and FPR95.compute(alike, ones) == 1
    alone = OutOfDistributionStatistics(score=np.arange(5.0), outside=np.zeros(5, dtype=bool))
    assert np.isnan(FPR95.compute(alone, np.ones((2, 5)))).all()


def features(n, d=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_the_nearest_are_those_of_a_slow_search():
    training, new = features(250), features(7, seed=1)
    fitted = Nearest.fitted(training)
    scaled = training / np.linalg.norm(training, axis=1, keepdims=True)
    slow = [np.sort(np.linalg.norm(scaled - row / np.linalg.norm(row), axis=1))[1] for row in new]
    assert fitted.k == 2 and fitted(new) == pytest.approx(slow, abs=1e-4)
    assert fitted(new * 5) == pytest.approx(fitted(new), abs=1e-4), "only directions count"


def test_mahalanobis_is_the_least_over_the_classes():
    classes = np.repeat([0, 1], 2000)
    mixing = np.array([[2.0, 0.3, 0], [0, 0.5, 0], [0, 0, 1]])
    training = features(4000, 3) @ mixing + np.where(classes[:, None], 6.0, 0.0)
    fitted = Mahalanobis.fitted(training, classes)
    precision = np.linalg.inv(mixing.T @ mixing)
    new = features(5, 3, seed=1) * 4
    slow = [
        min(np.sqrt((row - mean) @ precision @ (row - mean)) for mean in (np.zeros(3), np.full(3, 6.0))) for row in new
    ]
    assert fitted(new) == pytest.approx(slow, rel=0.08)
    assert len(Mahalanobis.fitted(training).means) == 1


def test_energy_is_its_formula_and_does_not_overflow():
    logits = np.array([[1.0, 2.0, 0.5], [1000.0, 0.0, 0.0]])
    assert energy(logits) == pytest.approx([-np.log(np.exp([1.0, 2.0, 0.5]).sum()), -1000.0])


def test_at_most_one_in_twenty_of_the_same_source_is_marked_on_average():
    random, marked = np.random.default_rng(0), []
    for _ in range(400):
        settled = random.normal(size=60)
        marked.append((random.normal(size=200) > threshold_of(settled)).mean())
    assert 0.03 < np.mean(marked) <= 0.05 + 0.003


def test_a_threshold_takes_nineteen_pictures():
    assert threshold_of(np.arange(18.0)) is None and threshold_of(np.arange(19.0)) == 18
    nearest = Nearest.fitted(features(100))
    assert Familiarity.settled(nearest, features(18, seed=1), "hash") is None
    kept = Familiarity.settled(nearest, features(40, seed=1), "hash")
    marks, scores = kept.unlike(features(3, seed=2))
    assert (marks == (scores > kept.threshold)).all() and kept.pictures == 40
