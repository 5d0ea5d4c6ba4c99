"""Intervals over training seeds and held-out pictures: identities, and what they cover by simulation."""

import numpy as np
import pytest
from scipy.stats import norm

from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.crossed import Crossed, crossed, interval
from clearsight.metrics.replicates import cluster_weights


def mean_difference(right, weights):
    """Differences in the share of right answers, from rows of 0 and 1 for each of two methods and each seed."""
    apart = right[1].astype(float) - right[0]
    return Crossed(each=apart.mean(1), resampled=apart @ weights.T / weights.sum(1))


def test_a_score_is_the_mean_over_seeds_of_the_metric():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 60)
    runs = [
        ClassificationStatistics(
            class_names=("a", "b", "c"), truth=truth, probabilities=random.dirichlet(np.ones(3), 60)
        )
        for _ in range(4)
    ]
    weights = cluster_weights(np.arange(60), 50)
    accuracy = runs[0].metrics()[0]
    found = crossed(accuracy, runs, weights)
    assert found.value == pytest.approx(np.mean([one.right.mean() for one in runs]))
    by_hand = [[(w * one.right).sum() / w.sum() for w in weights] for one in runs]
    assert found.resampled == pytest.approx(np.array(by_hand), rel=1e-5)
    same = interval(found.minus(found), 60)
    assert same.value == 0 and same.low < 0 < same.high and same.p == 1


def test_variances_of_seeds_and_of_pictures_add():
    random = np.random.default_rng(1)
    found = Crossed(each=random.normal(0.5, 0.1, 6), resampled=random.normal(0.5, 0.1, (6, 400)))
    pictures, seeds = found.resampled.mean(0).var(ddof=1), found.each.var(ddof=1) / 6
    assert interval(found, 50).error == pytest.approx(np.sqrt(pictures + seeds))
    seeds_only = Crossed(each=found.each, resampled=np.tile(found.each[:, None], (1, 400)))
    assert interval(seeds_only, 1000).error == pytest.approx(np.sqrt(seeds + 0.0005**2))
    assert interval(found, 50, 0.99).high > interval(found, 50, 0.95).high


def test_a_few_pictures_that_all_agree_do_not_prove_everything():
    found = Crossed(each=np.ones(5), resampled=np.ones((5, 100)))
    few, many = interval(found, 5), interval(found, 500)
    assert few.low == pytest.approx(1 - 2.776 * 0.1, abs=0.001) and many.low > 0.99


@pytest.mark.parametrize(("seeds", "clusters"), [(1, 50), (5, 1)])
def test_one_seed_or_one_cluster_has_no_interval(seeds, clusters):
    found = interval(Crossed(each=np.ones(seeds), resampled=np.ones((seeds, 10))), clusters)
    assert found.ends is None and found.p == 1


def answers(random, seeds, pictures, of_seed, of_picture, noise, gain):
    """Right answers of two methods on the same pictures, each of a difficulty of its own."""
    difficulty = random.normal(0, 1, pictures)
    deviation = random.normal(0, of_picture, pictures)
    scores = [
        difficulty
        + shift * (gain + deviation)
        + random.normal(0, of_seed, (seeds, 1))
        + random.normal(0, noise, (seeds, pictures))
        for shift in (0, 1)
    ]
    return np.stack(scores) > 0


@pytest.mark.parametrize(
    ("seeds", "pictures", "of_seed", "gain"),
    [(5, 40, 0.3, 0.0), (5, 40, 0.0, 0.0), (5, 200, 0.3, 0.5), (3, 100, 0.2, 0.0), (10, 40, 0.3, 0.0)],
)
def test_intervals_cover_seeds_and_pictures(seeds, pictures, of_seed, gain):
    # Over new seeds and new pictures: the interval of pictures alone covers 15 to 75% where seeds matter.
    random, of_picture, noise = np.random.default_rng(5), 0.3, 0.4
    rest = 1 + of_seed**2 + noise**2
    truth = norm.cdf(gain / np.sqrt(rest + of_picture**2)) - 0.5
    covered = above = 0
    weights = [cluster_weights(np.arange(pictures), 200, k) for k in range(8)]
    for k in range(400):
        right = answers(random, seeds, pictures, of_seed, of_picture, noise, gain)
        found = interval(mean_difference(right, weights[k % 8]), pictures)
        covered += found.low <= truth <= found.high
        above += found.low > truth
    assert covered / 400 >= 0.92 and above / 400 <= 0.05
