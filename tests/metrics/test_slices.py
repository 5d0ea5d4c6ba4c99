"""Slices: the coordinates beside slow references, what the search may look at, and what it finds."""

import numpy as np
import pytest
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from clearsight.metrics import slices
from clearsight.metrics.slices import coordinates, discovery_half, nearest, ridge_coefficients, surely_apart

CHANNELS = 24


def pictures(count, share=0.0, seed=0):
    """Features of unequal strength, scores near 1; a share of pictures lies aside in one direction and scores 0.5."""
    random = np.random.default_rng(seed)
    planted = random.random(count) < share
    features = random.normal(size=(count, CHANNELS)) * np.linspace(1, 0.2, CHANNELS)
    direction = random.normal(size=CHANNELS) * np.linspace(1, 0.2, CHANNELS)
    features[planted] += 3 * direction / np.linalg.norm(direction)
    score = np.where(planted, random.beta(2, 2, count), random.beta(8, 1, count))
    return features @ np.linalg.qr(random.normal(size=(CHANNELS, CHANNELS)))[0], score, planted


def test_the_components_are_those_of_standardised_features_up_to_sign_and_scale():
    features, score, _ = pictures(300)
    fitted = np.arange(300) < 200
    found = coordinates(features, score, fitted)[:, :-1]
    scaler = StandardScaler().fit(features[fitted])
    count = found.shape[1]
    reference = PCA(count).fit(scaler.transform(features[fitted])).transform(scaler.transform(features))
    for column in range(count):
        assert abs(np.corrcoef(found[:, column], reference[:, column])[0, 1]) > 1 - 1e-6
    assert (found[fitted] ** 2).sum(1).mean() == pytest.approx(1)
    assert found[fitted].std(0) / found[fitted].std(0)[0] == pytest.approx(
        reference[fitted].std(0) / reference[fitted].std(0)[0]
    )


def test_the_predicted_error_is_as_wide_as_all_components_and_follows_the_error():
    features, score, planted = pictures(600, share=0.2)
    fitted = np.arange(600) < 300
    predicted = coordinates(features, score, fitted)[:, -1]
    assert predicted[fitted].std() == pytest.approx(1)
    assert stats.spearmanr(predicted[~fitted], score[~fitted])[0] < -0.3
    assert predicted[~fitted & planted].mean() > predicted[~fitted & ~planted].mean() + 1


def test_ridge_has_the_penalty_of_least_generalised_cross_validation_error():
    random = np.random.default_rng(1)
    values = random.normal(size=(60, 7))
    values -= values.mean(0)
    target = values @ random.normal(size=7) + 3 * random.normal(size=60) + 5
    aimed = target - target.mean()
    best, reference = np.inf, np.zeros(7)
    for penalty in slices.PENALTIES * np.linalg.norm(values, 2) ** 2:  # by the formula, with the hat matrix
        inverse = np.linalg.inv(values.T @ values + penalty * np.eye(7))
        hat = values @ inverse @ values.T
        error = ((aimed - hat @ aimed) ** 2).sum() / (1 - np.trace(hat) / 60) ** 2
        if error < best:
            best, reference = error, inverse @ values.T @ aimed
    np.testing.assert_allclose(ridge_coefficients(values, target), reference, rtol=1e-8)


def test_a_part_is_surely_apart_by_two_standard_errors_less():
    random = np.random.default_rng(2)
    score, first = random.normal(size=400), np.arange(400) < 60
    difference = score[first].mean() - score[~first].mean()
    error = difference / stats.ttest_ind(score[first], score[~first], equal_var=False)[0]
    assert surely_apart(score, first, ~first) == pytest.approx(difference + 2 * error)
    for many in (10, 150):  # too few, too many
        part = np.arange(400) < many
        assert surely_apart(score, part, ~part) == np.inf


def test_the_nearest_centre_is_the_nearest_in_every_block(monkeypatch):
    random = np.random.default_rng(3)
    points, centres = random.normal(size=(50, 4)), random.normal(size=(6, 4))
    reference = np.linalg.norm(points[:, None] - centres[None], axis=2).argmin(1)
    monkeypatch.setattr(slices, "ROWS_AT_ONCE", 7)
    assert (nearest(points, centres) == reference).all()


def test_halves_hold_whole_clusters_and_about_as_many():
    clusters = np.repeat(np.arange(40), 5)
    half = discovery_half(clusters, seed=3)
    assert half.sum() == 100
    assert not set(clusters[half]) & set(clusters[~half])
    assert (discovery_half(clusters, seed=4) != half).any()


def test_a_planted_slice_is_found():
    features, score, planted = pictures(1500, share=0.08)
    half = discovery_half(np.arange(1500))
    first, *_ = slices.slices(features, score, half)
    held_out = planted & ~half
    assert (first & held_out).sum() / held_out.sum() > 0.5
    assert planted[first & ~half].mean() > 0.6


def test_scores_of_the_test_half_are_not_looked_at():
    features, score, _ = pictures(800, share=0.1)
    half = discovery_half(np.arange(800))
    found = slices.slices(features, score, half)
    other = slices.slices(features, np.where(half, score, np.nan), half)
    assert len(found) == len(other) > 0
    assert all((one == two).all() for one, two in zip(found, other, strict=True))


def test_no_picture_is_in_two_slices_and_each_is_large_enough():
    features, score, _ = pictures(2000, share=0.3)
    half = discovery_half(np.arange(2000))
    found = np.array(slices.slices(features, score, half))
    assert 1 <= len(found) <= slices.SLICES_AT_MOST
    assert found.sum(0).max() == 1
    assert (found[:, half].sum(1) >= slices.PICTURES_AT_LEAST).all()
    assert all(score[one & half].mean() < score[~one & half].mean() for one in found)


def test_what_cannot_be_searched_has_no_slices():
    features, score, _ = pictures(400, share=0.2)
    half = discovery_half(np.arange(400))
    assert slices.slices(features, np.full(400, 0.5), half) == ()
    assert slices.slices(features[:150], score[:150], half[:150]) == ()
    assert slices.slices(features, np.full(400, np.nan), half) == ()
    assert all(not one.all() for one in slices.slices(np.ones((400, 3)), score, half))


def test_features_that_are_not_finite_are_in_no_slice_and_constant_ones_do_not_count():
    features, score, _ = pictures(800, share=0.15)
    half = discovery_half(np.arange(800))
    broken = np.arange(800) % 50 == 0
    wider = np.column_stack([features, np.full(800, 7.0)])
    wider[broken, 0] = np.inf
    found = slices.slices(wider, score, half)
    assert found and not any((one & broken).any() for one in found)
