"""The corrected mix of groups: against what was simulated, and whether its intervals cover."""

import numpy as np
import pytest
from group_mixes import coverage, simulated

from clearsight.metrics import group_mix
from clearsight.metrics.group_mix import GroupMixStatistics, balanced_accuracy, corrected_mix, mix_of, share_interval
from clearsight.metrics.rates import jeffreys


def test_the_corrected_mix_is_the_true_one_and_the_mix_seen_is_not():
    mix = np.array([0.05, 0.15, 0.8])
    statistics, _ = simulated(np.random.default_rng(0), [40_000, 40_000, 40_000], {1.0: mix}, 100_000, 1.0)
    found, corrected = (values[0] for values in mix_of(statistics, 1.0, np.ones((1, statistics.images))))
    assert corrected == pytest.approx(mix, abs=0.01) and corrected.sum() == pytest.approx(1)
    assert np.abs(found - mix).max() > 0.2


def test_each_truncation_has_its_mix():
    mixes = {1.0: [0.5, 0.5], 0.6: [0.1, 0.9]}
    statistics, _ = simulated(np.random.default_rng(1), [5000, 5000], mixes, 20_000, 2.0)
    assert statistics.truncations == (1.0, 0.6)
    for scale, mix in mixes.items():
        assert mix_of(statistics, scale, np.ones((1, statistics.images)))[1][0] == pytest.approx(mix, abs=0.02)


def test_weights_stand_for_pictures_repeated():
    statistics, _ = simulated(np.random.default_rng(2), [30, 20], {1.0: [0.3, 0.7]}, 40, 1.0)
    times = np.random.default_rng(3).integers(0, 3, statistics.images)
    rows = np.repeat(np.arange(statistics.images), times)
    repeated = GroupMixStatistics(
        attribute="kind", group_names=("a", "b"), training_mix=(0.6, 0.4),
        probabilities=statistics.probabilities[rows], truth=statistics.truth[rows],
        truncation=statistics.truncation[rows],
    )  # fmt: skip
    ones = np.ones((1, len(rows)))
    for one, other in zip(mix_of(statistics, 1.0, times[None]), mix_of(repeated, 1.0, ones), strict=True):
        np.testing.assert_allclose(one, other)
    assert balanced_accuracy(statistics, times[None]) == pytest.approx(balanced_accuracy(repeated, ones))


def test_balanced_accuracy_counts_groups_alike():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.6, 0.4], [0.5, 0.5]])
    statistics = GroupMixStatistics(
        attribute="kind", group_names=("a", "b"), training_mix=(0.5, 0.5), probabilities=probabilities,
        truth=np.array([0, 0, 0, 0, 1, -1]), truncation=np.array([np.nan] * 5 + [1.0]),
    )  # fmt: skip
    assert balanced_accuracy(statistics, np.ones((1, 6)))[0] == (3 / 4 + 0) / 2


def test_groups_that_are_not_told_apart_are_not_corrected():
    seen, blind = np.array([[0.5, 0.5]]), np.full((1, 2, 2), 0.5)
    assert np.isnan(corrected_mix(seen, blind)).all()
    assert corrected_mix(seen, np.eye(2)[None])[0].tolist() == [0.5, 0.5]


def test_an_interval_is_no_narrower_than_without_errors_and_none_where_it_is_unknown():
    assert share_interval(-0.01, np.full(1000, -0.01), 200) == jeffreys(0, 200)
    wide = share_interval(0.3, np.random.default_rng(0).normal(0.3, 0.2, 1000), 200)
    assert wide[0] == 0 and wide[1] > 0.6
    assert share_interval(float("nan"), np.ones(1000), 200) is None
    assert share_interval(0.3, np.array([0.3] * 850 + [np.nan] * 150), 200) is None


def test_an_interval_holds_the_error_of_the_confusion_matrix():
    """With few held-out pictures the confusion matrix is what is uncertain: without it, intervals miss the truth."""
    settings = {"mix": [0.3, 0.7], "held_out": [40, 40], "made": 4000, "apart": 0.8, "sets": 150}
    assert coverage(**settings).min() > 0.9
    fixed = 0
    for number in range(150):
        statistics, _ = simulated(np.random.default_rng(number), [40, 40], {1.0: [0.3, 0.7]}, 4000, 0.8)
        value = mix_of(statistics, 1.0, np.ones((1, statistics.images)))[1][0, 0]
        real = statistics.truth >= 0
        confused = group_mix.confusion(
            statistics.truth[real], statistics.probabilities[real], np.ones((1, int(real.sum())))
        )[0]
        error = statistics.probabilities[~real, 0].std() / np.sqrt(4000) / (confused[0, 0] - confused[1, 0])
        fixed += abs(value - 0.3) < 1.96 * error
    assert fixed < 75


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"mix": [0.3, 0.7], "held_out": [500, 500], "made": 1000, "apart": 2.0},
        {"mix": [0.3, 0.7], "held_out": [500, 500], "made": 1000, "apart": 0.5},
        {"mix": [0.3, 0.7], "held_out": [100, 100], "made": 1000, "apart": 0.3},
        {"mix": [0.01, 0.99], "held_out": [100, 900], "made": 1000, "apart": 2.0},
        {"mix": [0.4, 0.6], "held_out": [100, 900], "made": 500, "apart": 6.0},
        {"mix": [0.3, 0.7], "held_out": [200, 400], "made": 1000, "apart": 1.0, "cluster": 4},
        {"mix": [0.1, 0.01, 0.1, 0.1, 0.69], "held_out": [153, 41, 141, 113, 530], "made": 978, "apart": 1.5},
    ],
)
def test_intervals_cover(settings):
    """95 +- 2, with room for the chance of 1,000 simulated sets."""
    held = coverage(**settings, sets=1000)
    assert held.min() > 0.93 - 0.008 and held.max() < 0.97 + 0.008, held
