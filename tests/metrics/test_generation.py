"""Metrics of generated pictures against slow loops, and what must hold of each under weights."""

import dataclasses

import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.linear_model import LogisticRegression

from clearsight.metrics import frechet, group_mix, two_sample
from clearsight.metrics.copies import copy_threshold
from clearsight.metrics.generation import GenerationStatistics
from clearsight.metrics.kernel_distance import kernel_distance
from clearsight.metrics.neighbours import NEIGHBOURS, balls
from clearsight.metrics.resample import share_shown
from clearsight.types import Statistics

NAMES = ("a", "b", "c")


def made(seed=0, real=120, generated=150, size=3, shift=0.3):
    random = np.random.default_rng(seed)
    rows = real + generated
    kind = np.arange(rows) >= real
    features = random.normal(size=(rows, size)) + shift * kind[:, None]
    clusters = np.where(kind, 1000 + np.arange(rows), np.arange(rows) // 2)
    return GenerationStatistics(
        generated=kind,
        features=features.astype(np.float32),
        second=(features @ random.normal(size=(size, 2))).astype(np.float32),
        clusters=clusters,
        distance=random.random(rows),
        answer=random.integers(0, 3, rows),
        truth=random.integers(0, 3, rows),
        class_names=NAMES,
        training_mix=(0.5, 0.3, 0.2),
    )


STATISTICS = made()
METRICS = STATISTICS.metrics()
EVERY_METRIC = pytest.mark.parametrize("metric", METRICS, ids=[metric.name for metric in METRICS])


def weights(count=6, seed=0):
    return np.random.default_rng(seed).poisson(1.0, (count, STATISTICS.images)).astype(float)


def value(name, statistics, drawn=None):
    metric = next(metric for metric in statistics.metrics() if metric.name == name)
    return metric.compute(statistics, np.ones((1, statistics.images)) if drawn is None else drawn)


def test_is_statistics():
    assert isinstance(STATISTICS, Statistics) and len({metric.name for metric in METRICS}) == len(METRICS)
    assert STATISTICS.each()[1].shape == (STATISTICS.images,) and np.isnan(STATISTICS.each()[1][:120]).all()
    with pytest.raises(ValueError, match="no option"):
        STATISTICS.with_options(threshold=0.5)


@EVERY_METRIC
def test_scale_of_weights_does_not_matter(metric):
    expected = metric.compute(STATISTICS, weights())
    assert np.isfinite(expected).all()
    for scale in (2.0, 0.3, 150 / 149):
        np.testing.assert_allclose(metric.compute(STATISTICS, scale * weights()), expected, rtol=1e-7, atol=1e-9)


@EVERY_METRIC
def test_many_replicates_are_the_same_one_by_one(metric):
    drawn = weights(40)
    apart = np.concatenate([metric.compute(STATISTICS, row[None]) for row in drawn])
    np.testing.assert_allclose(metric.compute(STATISTICS, drawn), apart, rtol=1e-8, atol=1e-9)


@EVERY_METRIC
def test_single_precision_of_the_weights_is_enough(metric):
    found = metric.compute(STATISTICS, weights().astype(np.float32))
    np.testing.assert_allclose(found, metric.compute(STATISTICS, weights()), rtol=1e-4, atol=1e-4)


@EVERY_METRIC
def test_without_weight_nothing_is_defined(metric):
    assert np.isnan(metric.compute(STATISTICS, np.zeros((2, STATISTICS.images)))).all()


def test_the_values_are_bounded_as_said():
    for metric in METRICS:
        found = metric.compute(STATISTICS, weights(30))
        assert (found >= metric.bounds[0]).all() and (found <= metric.bounds[1]).all(), metric.name


def test_frechet_distance_against_scipy():
    drawn = weights()[3]
    sides = []
    for kind in (False, True):
        rows = STATISTICS.generated == kind
        values = STATISTICS.features[rows].astype(float)
        spread = np.cov(values.T, aweights=drawn[rows])
        sides.append((np.average(values, axis=0, weights=drawn[rows]), spread))
    (mean, spread), (other, other_spread) = sides
    root = np.real(sqrtm(spread @ other_spread))
    expected = ((mean - other) ** 2).sum() + np.trace(spread + other_spread - 2 * root)
    found = value("Fréchet distance, uncorrected", STATISTICS, drawn[None])
    assert found == pytest.approx([expected], rel=1e-9)


def test_frechet_distance_of_features_that_do_not_vary():
    same = np.tile([1.0, 2.0, 3.0], (50, 1))
    one = frechet.moments(same, np.ones((1, 50)))
    assert frechet.distance(one, one) == pytest.approx([0.0], abs=1e-9)
    other = frechet.moments(same + 2, np.ones((1, 50)))
    assert frechet.distance(one, other) == pytest.approx([12.0])


def test_the_correction_takes_the_bias_off():
    """Equal distributions: uncorrected far above 0, corrected about 0; over 60 data sets."""
    sets = [made(seed, 100, 100, size=8, shift=0.0) for seed in range(60)]
    plain = np.array([value("Fréchet distance, uncorrected", one)[0] for one in sets])
    corrected = np.array([value("Fréchet distance", one)[0] for one in sets])
    assert plain.mean() > 0.4
    assert abs(corrected.mean()) < 3 * corrected.std() / np.sqrt(60) + 0.05 * plain.mean()


def test_halves_keep_clusters_whole():
    half = STATISTICS.half
    for kind in (False, True):
        rows = STATISTICS.generated == kind
        assert abs(half[rows].mean() - 0.5) < 0.02
    assert (half[0:120:2] == half[1:120:2]).all()


def test_kernel_distance_against_a_loop():
    random = np.random.default_rng(1)
    one, other = random.normal(size=(12, 3)), random.normal(size=(9, 3)) + 0.5
    clusters, other_clusters = np.repeat(np.arange(6), 2), np.array([0, 0, 0, 1, 2, 3, 4, 5, 6])
    drawn, other_drawn = random.poisson(1.0, (4, 12)).astype(float), random.poisson(1.0, (4, 9)).astype(float)

    def mean(first, second, w, v, apart):
        total = pairs = 0.0
        for i in range(len(first)):
            for j in range(len(second)):
                if apart(i, j):
                    total += w[i] * v[j] * (float(first[i] @ second[j]) / 3 + 1) ** 3
                    pairs += w[i] * v[j]
        return total / pairs

    found = kernel_distance((one, other), (clusters, other_clusters), (drawn, other_drawn))
    for row in range(4):
        w, v = drawn[row], other_drawn[row]
        expected = (
            mean(one, one, w, w, lambda i, j: clusters[i] != clusters[j])
            + mean(other, other, v, v, lambda i, j: other_clusters[i] != other_clusters[j])
            - 2 * mean(one, other, w, v, lambda i, j: True)
        )
        assert found[row] == pytest.approx(expected, rel=1e-9)
    alone = np.zeros(12, dtype=int)
    assert np.isnan(kernel_distance((one, other), (alone, other_clusters), (drawn, other_drawn))).all()


def test_neighbours_against_a_loop():
    real = STATISTICS.features[~STATISTICS.generated].astype(float)
    fake = STATISTICS.features[STATISTICS.generated].astype(float)

    def reach(values, index):
        return sorted(np.linalg.norm(values - values[index], axis=1))[NEIGHBOURS]

    radii, other = [reach(real, i) for i in range(len(real))], [reach(fake, i) for i in range(len(fake))]
    held = [[np.linalg.norm(r - f) <= radius for r, radius in zip(real, radii, strict=True)] for f in fake]
    reached = [any(np.linalg.norm(r - f) <= radius for f, radius in zip(fake, other, strict=True)) for r in real]
    found = balls(real, fake)
    assert found.real_balls.tolist() == np.sum(held, axis=1).tolist()
    assert found.reached.tolist() == reached and found.covered.tolist() == np.any(held, axis=0).tolist()
    assert value("precision", STATISTICS) == pytest.approx([np.any(held, axis=1).mean()])
    assert value("density", STATISTICS) == pytest.approx([np.sum(held) / NEIGHBOURS / len(fake)])
    assert value("recall", STATISTICS) == pytest.approx([np.mean(reached)])
    assert value("coverage", STATISTICS) == pytest.approx([np.any(held, axis=0).mean()])


def test_logistic_regression_against_scikit_learn():
    random = np.random.default_rng(0)
    features = random.normal(size=(300, 5))
    positive = random.random(300) < 1 / (1 + np.exp(-2 * features[:, 0] - 0.5))
    found = two_sample.logistic_regression(features, positive)
    other = LogisticRegression(C=1 / two_sample.RIDGE, tol=1e-10, max_iter=1000).fit(features, positive)
    np.testing.assert_allclose(found, [*other.coef_[0], other.intercept_[0]], atol=1e-5)


def test_sets_that_are_apart_are_told_apart_and_equal_ones_are_not():
    far = value("two-sample AUC", made(shift=20.0))
    assert far == pytest.approx([1.0])
    equal = [value("two-sample AUC", made(seed, 200, 200, shift=0.0))[0] for seed in range(40)]
    assert abs(np.mean(equal) - 0.5) < 0.02
    assert np.isnan(value("two-sample AUC", made(real=9, generated=50)))
    scores = STATISTICS.scores
    assert (np.isfinite(scores) == ~STATISTICS.half).all(), "no row is scored by what learned from it"


def test_copy_rate_against_a_loop():
    drawn = weights()
    found = value("copy rate", STATISTICS, drawn)
    distance, kind = STATISTICS.distance, STATISTICS.generated
    for row, result in zip(drawn, found, strict=True):
        passed, threshold = 0.0, None
        for place in sorted(np.flatnonzero(~kind), key=lambda i: distance[i]):
            passed += row[place]
            if threshold is None and passed >= 0.01 * row[~kind].sum():
                threshold = distance[place]
        expected = row[kind & (distance < threshold)].sum() / row[kind].sum()
        assert result == pytest.approx(expected)


def test_copies_are_not_told_from_few_real_pictures():
    few = made(real=99)
    assert np.isnan(value("copy rate", few)).all()
    assert np.isnan(copy_threshold(few.distance, few.generated, np.ones((1, few.images)))).all()


def test_the_mix_of_answers_is_compared_with_that_of_training():
    count = 1000
    answer = np.repeat([0, 1, 2], [500, 300, 200])
    statistics = dataclasses.replace(
        made(real=count, generated=count),
        answer=np.concatenate([np.zeros(count, dtype=np.int64), answer]),
        training_mix=(0.5, 0.3, 0.2),
    )
    assert value("class divergence", statistics)[0] == pytest.approx(0, abs=1e-12)
    assert value("classes made", statistics)[0] == 3
    assert group_mix.divergence(np.array([[1.0, 0.0]]), np.array([0.25, 0.75]))[0] == pytest.approx(np.log(4))


def test_joined_parts_are_the_whole():
    parts = [made(seed) for seed in range(2)]
    whole = GenerationStatistics.joined(parts)
    assert whole.images == 2 * parts[0].images
    assert len(np.unique(whole.clusters)) == sum(len(np.unique(part.clusters)) for part in parts)
    assert (whole.features[:270] == parts[0].features).all()


def test_classes_are_only_judged_where_a_classifier_knows_them():
    without = dataclasses.replace(STATISTICS, class_names=(), training_mix=())
    assert not [metric for metric in without.metrics() if "class" in metric.name]


def test_the_share_of_the_bias_that_resampling_shows():
    assert share_shown(1.0) == 1.0
    assert share_shown(2 / 3) == pytest.approx(0.587401, abs=1e-6)
