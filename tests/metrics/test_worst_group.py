"""The error of the worst group: an oracle by counting, identities, and its interval where groups are equally good."""

import numpy as np
import pytest

from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.resample import cluster_weights, interval
from clearsight.metrics.worst_group import errors_by_group, group_gap, worst_group_error
from clearsight.types import Evidence


def statistics_of(right, classes=2):
    truth = np.zeros(len(right), dtype=np.int64)
    probabilities = np.where(right[:, None], [[0.9, 0.1]], [[0.2, 0.8]])
    return ClassificationStatistics(class_names=("a", "b"), truth=truth, probabilities=probabilities)


def test_the_worst_group_and_the_gap_are_those_that_counting_gives():
    random = np.random.default_rng(0)
    right, cells = random.random(200) < 0.7, random.integers(-1, 4, 200)
    weights = random.integers(0, 3, (5, 200)).astype(float)
    found = statistics_of(right)
    for row, weight in enumerate(weights):
        errors = []
        for cell in range(4):
            mine = [(weight[k], not right[k]) for k in range(200) if cells[k] == cell]
            errors.append(sum(w for w, wrong in mine if wrong) / sum(w for w, _ in mine))
        assert worst_group_error(cells).compute(found, weights)[row] == pytest.approx(max(errors))
        assert group_gap(cells).compute(found, weights)[row] == pytest.approx(max(errors) - min(errors))
    ones = np.ones((1, 200))
    assert worst_group_error(cells).compute(found, ones)[0] == pytest.approx(np.nanmax(errors_by_group(found, cells)))


def test_one_group_of_all_has_the_error_of_all_and_no_gap():
    right = np.arange(50) % 5 > 0
    cells, ones = np.zeros(50, dtype=np.int64), np.ones((1, 50))
    assert worst_group_error(cells).compute(statistics_of(right), ones)[0] == pytest.approx(0.2)
    assert group_gap(cells).compute(statistics_of(right), ones)[0] == 0


def test_the_interval_of_the_worst_of_equal_groups_holds_what_is_true():
    """A maximum of noisy errors is too high, and its interval must make up for that."""
    covered, above = 0, 0
    for trial in range(60):
        random = np.random.default_rng(trial)
        right, cells = random.random(200) < 0.8, np.repeat(np.arange(4), 50)
        evidence = Evidence(
            task="classification", statistics=statistics_of(right), ids=tuple(map(str, range(200))),
            clusters=np.arange(200),
        )  # fmt: skip
        found = interval(worst_group_error(cells), evidence, cluster_weights(np.arange(200), 200, trial, cells))
        covered += found.low <= 0.2 <= found.high
        above += found.value > 0.2
    assert above > 40
    assert covered >= 54
