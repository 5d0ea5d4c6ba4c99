from dataclasses import replace

import numpy as np
import pytest

from clearsight.metrics.calibration import calibration_error
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.temperature import at_temperature, best_temperature


def softmax(logits):
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def drawn(images=4000, classes=5, seed=0):
    """Logits, and truths drawn from their softmax: as they are, they are calibrated."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (images, classes))
    chances = softmax(logits).cumsum(1)
    return logits, np.minimum((random.random((images, 1)) > chances).sum(1), classes - 1)


@pytest.mark.parametrize("off", [0.4, 1.0, 3.0], ids=["too modest", "calibrated", "too sure"])
def test_it_undoes_what_made_the_confidence_wrong(off):
    logits, truth = drawn()
    given = softmax(logits * off).astype(np.float32)
    assert best_temperature(truth, given) == pytest.approx(off, rel=0.06)
    statistics = ClassificationStatistics(class_names=tuple("abcde"), truth=truth, probabilities=given)
    calibrated = replace(statistics, probabilities=at_temperature(given, best_temperature(truth, given)))
    before, after = (
        calibration_error(one.confidences(), np.arange(len(truth)), 50, 0) for one in (statistics, calibrated)
    )
    assert after.value <= after.null_95 and (off == 1.0 or before.value > 5 * after.value)
    assert np.array_equal(calibrated.probabilities.argsort(1, kind="stable"), given.argsort(1, kind="stable"))
    assert np.array_equal(calibrated.predicted, statistics.predicted)


def test_the_least_surprise_by_a_slow_search():
    logits, truth = drawn(30, 3, seed=1)
    wrong = 1 / (30 + 2)

    def surprise(temperature):
        logs = np.log(softmax(logits / temperature))
        total = 0.0
        for row, own in zip(logs, truth, strict=True):
            total -= (1 - wrong) * row[own] + wrong / 2 * sum(row[k] for k in range(3) if k != own)
        return total

    grid = np.geomspace(0.05, 20, 4000)
    best = grid[np.argmin([surprise(temperature) for temperature in grid])]
    assert best_temperature(truth, softmax(logits)) == pytest.approx(best, rel=5e-3)


def test_a_few_pictures_that_are_all_right_make_no_certainty():
    logits = np.tile([2.0, 0.0, 0.0], (10, 1))
    temperature = best_temperature(np.zeros(10, dtype=int), softmax(logits))
    assert softmax(logits / temperature)[0, 0] == pytest.approx(11 / 12, abs=1e-3), "as if one of twelve were wrong"


def test_probabilities_at_a_temperature_by_hand_and_where_there_is_nothing_to_find():
    logits = np.array([[1.0, 2.0, -1.0], [0.0, -300.0, 5.0]])
    assert np.allclose(at_temperature(softmax(logits), 0.5), softmax(logits * 2), atol=1e-12)
    assert np.array_equal(at_temperature(np.array([[0.0, 1.0]]), 0.3), [[0.0, 1.0]]), "certainty stays certainty"
    assert best_temperature(np.zeros(0, dtype=int), np.zeros((0, 3))) == 1.0
    assert at_temperature(np.zeros((0, 3)), 2.0).shape == (0, 3)
