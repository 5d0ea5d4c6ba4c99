"""The detection task: statistics from boxes, the threshold, the baseline, and what it refuses."""

import numpy as np
import pytest
import torch
from coco_reference import random_pictures

from clearsight import catalogue
from clearsight.metrics.detection import METRICS, precision, recall
from clearsight.tasks import Detection
from clearsight.tasks.detection import best_threshold
from clearsight.types import Boxes, Detections, Task

NAMES = ("a", "b", "c")


def _found(xyxy, scores, labels):
    return Detections(
        xyxy=torch.tensor(xyxy, dtype=torch.float32).reshape(-1, 4),
        scores=torch.tensor(scores, dtype=torch.float32),
        labels=torch.tensor(labels, dtype=torch.int64),
    )


def test_is_found_in_the_catalogue():
    task = catalogue.find("tasks", "detection").load()()
    assert isinstance(task, Task)
    assert task.name == "detection"


def test_order_of_detections_does_not_matter():
    predictions, truths = random_pictures(3)
    shuffled = []
    for each in predictions:
        order = torch.randperm(len(each), generator=torch.Generator().manual_seed(0))
        shuffled.append(Detections(xyxy=each.xyxy[order], scores=each.scores[order], labels=each.labels[order]))
    a, b = (Detection().statistics(p, truths, NAMES) for p in (predictions, shuffled))
    np.testing.assert_array_equal(a.matched, b.matched)
    np.testing.assert_array_equal(a.row, b.row)


def test_truth_is_counted_per_picture_class_and_area():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 50, 50], [0, 0, 200, 200], [0, 0, 50, 50]])
    truth = Boxes.of(boxes, torch.tensor([0, 0, 1, 1]), ignored=torch.tensor([False, False, False, True]))
    empty = Boxes.of(torch.zeros(0, 4), torch.zeros(0))
    statistics = Detection().statistics([_found([], [], []), _found([], [], [])], [truth, empty], NAMES)
    assert statistics.truths[0].tolist() == [[2, 1, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0]]
    assert statistics.truths[1].sum() == 0


@pytest.mark.parametrize(
    ("predictions", "truths", "message"),
    [
        ([_found([0, 0, 1, 1], [0.5], [0])], [None], "needs one"),
        ([_found([0, 0, 1, 1], [0.5], [0])], [], "needs one"),
        ([_found([0, 0, 1, 1], [float("nan")], [0])], [Boxes.of(torch.zeros(0, 4), torch.zeros(0))], "finite"),
        ([_found([0, 0, float("inf"), 1], [0.5], [0])], [Boxes.of(torch.zeros(0, 4), torch.zeros(0))], "finite"),
        ([_found([0, 0, 1, 1], [0.5], [3])], [Boxes.of(torch.zeros(0, 4), torch.zeros(0))], "class id 3"),
        ([_found([], [], [])], [Boxes.of(torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([-1]))], "class id -1"),
    ],
)
def test_bad_input_is_refused(predictions, truths, message):
    with pytest.raises(ValueError, match=message):
        Detection().statistics(predictions, truths, NAMES)


def _weighted_f1(statistics, threshold):
    """F1 of every class at a threshold from its recall and precision, weighted by the class's objects."""
    total, weight, ones = 0.0, 0, np.ones((1, statistics.images))
    for each in statistics.with_options(threshold=threshold).by_class().values():
        objects = int(each.positives().sum())
        r, p = recall(each, ones)[0], precision(each, ones)[0]
        if objects and p > 0 and r > 0:
            total += objects * 2 * p * r / (p + r)
        weight += objects
    return total / weight


@pytest.mark.parametrize("seed", range(5))
def test_best_threshold_has_the_highest_f1(seed):
    predictions, truths = random_pictures(seed, pictures=15)
    statistics = Detection().statistics(predictions, truths, NAMES)
    best = _weighted_f1(statistics, best_threshold(statistics))
    everywhere = [_weighted_f1(statistics, score) for score in np.unique(statistics.score)]
    assert best == pytest.approx(max(everywhere), abs=1e-12)
    assert min(everywhere) < best - 0.05


def test_best_threshold_where_nothing_is_right():
    predictions, _ = random_pictures(0, pictures=3)
    empty = [Boxes.of(torch.zeros(0, 4), torch.zeros(0))] * 3
    assert best_threshold(Detection().statistics(predictions, empty, NAMES)) == 0.5
    assert best_threshold(Detection().statistics([], [], NAMES)) == 0.5


def test_baseline_never_looks_but_knows_where_things_are():
    rng = np.random.default_rng(0)
    sizes, truths = [], []
    for _ in range(60):
        height, width = int(rng.integers(100, 200)), int(rng.integers(100, 200))
        # One object of class b, about a third of the picture, always near its top left corner.
        x, y = rng.uniform(0, 0.08, 2)
        box = torch.tensor([[x * width, y * height, (x + 0.33) * width, (y + 0.33) * height]])
        truths.append(Boxes.of(box, torch.tensor([1])))
        sizes.append((height, width))
    predict = Detection().baseline(truths[:40], sizes[:40], NAMES)
    predictions = [predict(size) for size in sizes[40:]]
    for size, each in zip(sizes[40:], predictions, strict=True):
        assert ((each.xyxy >= 0) & (each.xyxy <= torch.tensor([size[1], size[0]] * 2) + 1e-3)).all()
        assert (each.scores.diff() <= 0).all() and each.scores.max() <= 1
        assert (each.labels == 1).all()
    statistics = Detection().statistics(predictions, truths[40:], NAMES)
    assert METRICS[1].compute(statistics, np.ones((1, 20)))[0] > 0.9


def test_baseline_without_any_truth_finds_nothing():
    empty = [Boxes.of(torch.zeros(0, 4), torch.zeros(0))]
    assert len(Detection().baseline(empty, [(10, 10)], NAMES)((10, 10))) == 0
