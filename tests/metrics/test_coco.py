"""Average precision equals pycocotools on the same detections, in every corner of the protocol."""

import numpy as np
import pytest
from coco_reference import average, evaluated, random_pictures
from hypothesis import given, settings
from hypothesis import strategies as st

from clearsight.metrics.detection import METRICS
from clearsight.tasks.detection import Detection
from clearsight.types import Boxes, Detections

EVERY = slice(0, 10)


def _ours(predictions, truths, classes, dtype=np.float64):
    statistics = Detection().statistics(predictions, truths, [str(index) for index in range(classes)])
    weights = np.ones((1, len(truths)), dtype=dtype)
    return statistics, [metric.compute(statistics, weights)[0] for metric in METRICS[:6]]


def _theirs(predictions, truths, classes):
    evaluation = evaluated(predictions, truths, classes)
    wanted = [(0, EVERY), (0, slice(0, 1)), (0, slice(5, 6)), (1, EVERY), (2, EVERY), (3, EVERY)]
    return [average(evaluation, area, ious) for area, ious in wanted]


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    pictures=st.integers(1, 16),
    classes=st.integers(1, 4),
    crowd=st.sampled_from([0.0, 0.1, 0.5]),
    most=st.sampled_from([0, 3, 8, 40]),
    ties=st.booleans(),
)
def test_equals_pycocotools(seed, pictures, classes, crowd, most, ties):
    predictions, truths = random_pictures(seed, pictures, classes, crowd, most, ties)
    if not sum(len(p) for p in predictions):
        return
    expected = _theirs(predictions, truths, classes)
    np.testing.assert_allclose(_ours(predictions, truths, classes)[1], expected, atol=1e-9)
    np.testing.assert_allclose(_ours(predictions, truths, classes, np.float32)[1], expected, atol=1e-6)


def test_recall_exactly_at_a_threshold():
    """Twenty objects, seven found: a recall of exactly 0.35, which COCO's own threshold lies a rounding above."""
    side = np.arange(20) * 40.0
    boxes = np.stack([side, side * 0, side + 20, side * 0 + 20], axis=1)
    import torch

    truths = [Boxes.of(torch.tensor(boxes), torch.zeros(20))]
    found = np.concatenate([boxes[:7], boxes[7:9] + 1000])
    scores = torch.tensor([0.9] * 7 + [0.95, 0.8])
    order = torch.argsort(-scores, stable=True)
    predictions = [
        Detections(
            xyxy=torch.tensor(found, dtype=torch.float32)[order],
            scores=scores[order],
            labels=torch.zeros(9, dtype=torch.int64),
        )
    ]
    value = _ours(predictions, truths, 1)[1][1]
    assert value == pytest.approx(_theirs(predictions, truths, 1)[1], abs=1e-12)
    assert value == pytest.approx(35 * (7 / 8) / 101, abs=1e-12)


def test_only_the_best_hundred_of_a_class_count():
    import torch

    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    scores = torch.linspace(0.9, 0.1, 120)
    far = torch.tensor([[500.0, 500.0, 510.0, 510.0]]).repeat(119, 1)
    predictions = [
        Detections(xyxy=torch.cat([far, boxes]), scores=scores, labels=torch.zeros(120, dtype=torch.int64)),
    ]
    statistics, values = _ours(predictions, [Boxes.of(boxes, torch.zeros(1))], 1)
    assert len(statistics.score) == 100
    assert values[0] == 0.0 == _theirs(predictions, [Boxes.of(boxes, torch.zeros(1))], 1)[0]
