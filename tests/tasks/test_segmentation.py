"""The segmentation task: what it refuses, its baseline, and its speed."""

import time

import numpy as np
import pytest
import torch

from clearsight import catalogue
from clearsight.tasks import SemanticSegmentation
from clearsight.types import ClassMap, Segmentation, Task

NAMES = ("a", "b", "c")
ZEROS = torch.zeros(4, 5)


def _map(labels):
    return ClassMap(labels=torch.as_tensor(labels, dtype=torch.uint8))


def _found(labels, confidence=None):
    labels = torch.as_tensor(labels, dtype=torch.uint8)
    return Segmentation(labels=labels, confidence=torch.ones(labels.shape) if confidence is None else confidence)


def test_is_found_in_the_catalogue():
    task = catalogue.find("tasks", "segmentation").load()()
    assert isinstance(task, Task)
    assert task.name == "segmentation" and task.truth_type is ClassMap
    assert task.settle(task.statistics([], [], NAMES)) == {}


@pytest.mark.parametrize(
    ("prediction", "truth", "message"),
    [
        (_found(ZEROS), None, "Each picture needs one"),
        (_found(torch.zeros(5, 4)), _map(ZEROS), "4 x 5 and 5 x 4 px"),
        (_found(ZEROS + 3), _map(ZEROS), "a predicted class map holds the class id 3"),
        (_found(ZEROS + 255), _map(ZEROS), "a predicted class map holds the class id 255"),
        (_found(ZEROS), _map(ZEROS + 3), "a true class map holds the class id 3.*or 255"),
        (_found(ZEROS, ZEROS * float("nan")), _map(ZEROS), "Expected probabilities"),
        (_found(ZEROS, ZEROS + 1.5), _map(ZEROS), "Expected probabilities"),
        (_found(ZEROS, ZEROS - 0.5), _map(ZEROS), "Expected probabilities"),
    ],
)
def test_bad_input_is_refused(prediction, truth, message):
    with pytest.raises(ValueError, match=message):
        SemanticSegmentation().statistics([prediction], [truth], NAMES)


def test_confusion_is_truth_by_prediction():
    truth = [[0, 0, 1], [2, 255, 255]]
    found = [[0, 1, 1], [0, 0, 2]]
    statistics = SemanticSegmentation().statistics([_found(found)], [_map(truth)], NAMES)
    assert statistics.confusion[0].tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_baseline_knows_what_is_where():
    rng = np.random.default_rng(0)
    truths, sizes = [], []
    for _ in range(20):
        height, width = rng.integers(30, 60, 2).tolist()
        labels = np.zeros((height, width), dtype=np.uint8)
        labels[height // 2 :] = 1  # below
        labels[rng.random(labels.shape) < 0.2] = 2
        labels[:3, :3] = 255
        truths.append(_map(labels))
        sizes.append((height, width))
    predict = SemanticSegmentation().baseline(iter(truths), sizes, NAMES)
    guess = predict((40, 64))
    assert guess.labels.shape == guess.confidence.shape == (40, 64)
    assert (guess.labels[:18] == 0).all() and (guess.labels[22:] == 1).all()
    assert guess.confidence.mean().item() == pytest.approx(0.8, abs=0.03)
    predictions = [predict(size) for size in sizes]
    statistics = SemanticSegmentation().statistics(predictions, truths, NAMES)
    assert statistics.metrics()[2].compute(statistics, np.ones((1, 20)))[0] == pytest.approx(0.8, abs=0.02)


def test_baseline_without_any_truth_or_pixel():
    nothing = [_map(torch.full((4, 4), 255))]
    for truths in ([], nothing):
        guess = SemanticSegmentation().baseline(truths, [(4, 4)] * len(truths), NAMES)((3, 3))
        assert (guess.labels == 0).all() and guess.confidence.isfinite().all()


def test_a_picture_is_counted_in_milliseconds():
    rng = np.random.default_rng(0)
    truth = np.kron(rng.integers(0, 11, (12, 16)), np.ones((30, 30))).astype(np.uint8)
    found = np.roll(truth, 2, axis=1)
    names = tuple(map(str, range(11)))
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        SemanticSegmentation().statistics([_found(found)], [_map(truth)], names)
        best = min(best, time.perf_counter() - start)
    # About 5 ms; a distance transform for each class would take 200.
    assert best < 0.1
