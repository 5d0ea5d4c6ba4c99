"""Regression metrics against NumPy, weights against repeated rows, and intervals that cover."""

import numpy as np
import pytest

from clearsight.metrics.regression import RegressionStatistics
from clearsight.metrics.resample import cluster_weights, interval
from clearsight.tasks import Regression
from clearsight.types import Estimate, Evidence, Value


def made(rows=60, seed=0, noise=0.5):
    random = np.random.default_rng(seed)
    truth = random.normal(500, 1, rows)
    return RegressionStatistics(truth=truth, estimate=truth + random.normal(0.1, noise, rows), target="Weight")


def oracle(truth, estimate):
    error = [b - a for a, b in zip(truth, estimate, strict=True)]
    mean = sum(truth) / len(truth)
    return {
        "R2": 1 - sum(e * e for e in error) / sum((t - mean) ** 2 for t in truth),
        "MAE": sum(map(abs, error)) / len(error),
        "RMSE": (sum(e * e for e in error) / len(error)) ** 0.5,
        "median absolute error": float(np.median(np.abs(error))),
        "bias": sum(error) / len(error),
    }


@pytest.mark.parametrize("rows", [7, 60])
def test_whole_weights_are_repeated_rows(rows):
    statistics = made(rows)
    counts = np.random.default_rng(1).integers(0, 4, (5, rows)).astype(float)
    for metric in statistics.metrics():
        values = metric.compute(statistics, counts)
        for value, times in zip(values, counts.astype(int), strict=True):
            expected = oracle(np.repeat(statistics.truth, times), np.repeat(statistics.estimate, times))
            assert value == pytest.approx(expected[metric.name], abs=1e-9), metric.name


def test_what_cannot_be_said_is_nan():
    equal = RegressionStatistics(truth=np.full(5, 3.0), estimate=np.arange(5.0))
    assert np.isnan(equal.metrics()[0].compute(equal, np.ones((1, 5)))[0])
    assert all(np.isnan(m.compute(equal, np.zeros((1, 5)))[0]) for m in equal.metrics())


def test_parts_join_in_order():
    whole = made(10)
    parts = [
        RegressionStatistics(truth=whole.truth[s], estimate=whole.estimate[s]) for s in (slice(0, 4), slice(4, 10))
    ]
    assert (RegressionStatistics.joined(parts).estimate == whole.estimate).all()


def test_the_interval_of_r2_covers_the_truth():
    truth, held = 1 - 0.25, 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        values = random.normal(0, 1, 80)
        statistics = RegressionStatistics(truth=values, estimate=values + random.normal(0, 0.5, 80))
        evidence = Evidence(task="regression", statistics=statistics, ids=("",) * 80, clusters=np.arange(80))
        found = interval(statistics.metrics()[0], evidence, cluster_weights(evidence.clusters, 200, seed))
        held += found.low <= truth <= found.high
    assert 0.90 <= held / 300 <= 0.99


def test_the_task_keeps_values_and_guesses_their_mean():
    task, truths = Regression(), [Value(value=1.0), Value(value=4.0)]
    found = task.statistics([Estimate(value=2.0), Estimate(value=3.0)], truths, ())
    assert found.residuals.tolist() == [1.0, -1.0]
    assert task.baseline(truths, [(1, 1)] * 2, ())((1, 1)) == Estimate(value=2.5)
    with pytest.raises(ValueError, match="1 of 1 rows have no true value"):
        task.statistics([Estimate(value=2.0)], [None], ())
