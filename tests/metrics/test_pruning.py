"""What is left out of the work because it changes nothing: images without weight, values asked for again; threads."""

import dataclasses

import numpy as np
import pytest
from simulated_detectors import simulated

from clearsight.metrics import ranking, threads
from clearsight.metrics.classification import ClassificationStatistics, macro_auroc, macro_average_precision
from clearsight.metrics.detection import METRICS
from clearsight.metrics.permutation import Permutations
from clearsight.metrics.replicates import Resampling


@pytest.fixture(scope="module")
def detector():
    return simulated(np.random.default_rng(0), 60)[0]


def _only(statistics, rows):
    """A detector's statistics of some pictures, written out again."""
    place = np.cumsum(rows) - 1
    kept = rows[statistics.row]
    return dataclasses.replace(
        statistics,
        row=place[statistics.row[kept]],
        **{name: getattr(statistics, name)[kept] for name in ("label", "score", "overlap")},
        **{name: getattr(statistics, name)[..., kept] for name in ("matched", "ignored")},
        truths=statistics.truths[rows],
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pictures_without_weight_might_as_well_not_be_there(detector, dtype):
    rng = np.random.default_rng(1)
    rows = rng.random(60) < 0.3
    weights = rng.poisson(1.0, (200, 60)).astype(dtype)
    density = detector.for_groups()[0]
    for metric in (*METRICS, dataclasses.replace(density, compute=_at_density(detector))):
        whole = metric.compute(detector, weights * rows.astype(dtype))
        np.testing.assert_allclose(
            whole, metric.compute(_only(detector, rows), weights[:, rows]), atol=1e-6 if dtype == np.float32 else 1e-12
        )


def _at_density(detector):
    from functools import partial

    from clearsight.metrics.detection import mean_average_precision

    return partial(mean_average_precision, density=detector.truths[:, :, 0].mean(0))


def test_rankings_of_a_group_are_those_of_its_images_alone():
    rng = np.random.default_rng(2)
    truth, rows = rng.integers(0, 3, 90), rng.random(90) < 0.4
    probabilities = rng.dirichlet(np.ones(3), 90).round(2)
    probabilities /= probabilities.sum(1, keepdims=True)
    whole = ClassificationStatistics(class_names=("a", "b", "c"), truth=truth, probabilities=probabilities)
    part = dataclasses.replace(whole, truth=truth[rows], probabilities=probabilities[rows])
    weights = rng.poisson(1.0, (100, 90)).astype(np.float64)
    for measure in (macro_auroc, macro_average_precision):
        np.testing.assert_allclose(measure(whole, weights * rows), measure(part, weights[:, rows]), atol=1e-12)
        assert np.isnan(measure(whole, np.zeros((3, 90)))).all()


def test_threads_give_what_one_gives(detector, monkeypatch):
    weights = np.random.default_rng(3).poisson(1.0, (300, 60)).astype(np.float32)
    one = METRICS[0].compute(detector, weights)
    used = []
    monkeypatch.setattr(threads, "WORTH_IT", 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    pool = threads.ThreadPoolExecutor
    monkeypatch.setattr(
        threads, "ThreadPoolExecutor", lambda *given, **more: used.append(given) or pool(*given, **more)
    )
    np.testing.assert_array_equal(METRICS[0].compute(detector, weights), one)
    assert used == [(3,)]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    np.testing.assert_array_equal(METRICS[0].compute(detector, weights), one)
    assert used == [(3,)], "one thread is no pool"
    assert ranking.in_threads is threads.in_threads


def test_a_group_that_is_asked_for_twice_is_computed_once(detector):
    asked = []

    def compute(statistics, weights):
        asked.append(len(weights))
        return METRICS[6].compute(statistics, weights)

    metric, rows = dataclasses.replace(METRICS[6], compute=compute), np.arange(60) < 20
    weights = Resampling(clusters=np.arange(60), replicates=50)
    first, again = (weights.evaluated(metric, detector, one) for one in (rows, rows.copy()))
    assert asked == [50, 1] and first[0] == again[0] and (first[1] == again[1]).all()
    other = weights.evaluated(metric, detector, ~rows)
    assert len(asked) == 4 and other[0] != first[0]


@pytest.mark.parametrize("groups", [2, 3])
def test_of_two_groups_the_gap_of_one_is_that_of_the_other_turned_round(detector, groups):
    labels = np.random.default_rng(4).integers(0, groups, 60)

    def permuted(order):
        found = Permutations(labels=labels, known=np.arange(60) > 3, clusters=np.arange(60), permutations=20)
        return {label: found.gaps(METRICS[1], detector, label) for label in order}

    forward, backward = permuted(range(groups)), permuted(range(groups)[::-1])
    for label in range(groups):
        np.testing.assert_array_equal(forward[label], backward[label])
