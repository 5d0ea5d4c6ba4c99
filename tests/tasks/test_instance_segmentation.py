"""Masks become statistics: the same findings as boxes, trivial baselines, and errors that say what is wrong."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from coco_masks import random_pictures

from clearsight.metrics.instance_segmentation import METRICS
from clearsight.ops import instance_masks
from clearsight.tasks import InstanceSegmentation
from clearsight.types import Boxes, Detections, InstanceDetections, Instances, Task

TASK = InstanceSegmentation()
NAMES = ["cell", "disc", "other"]
BY_NAME = {metric.name: metric for metric in METRICS}


def value(statistics, name):
    return float(BY_NAME[name].compute(statistics, np.ones((1, statistics.images)))[0])


def instances(whole, labels, ignored=None):
    masks = instance_masks.of_bitmaps(whole)
    return Instances(
        xyxy=masks.windows.float(),
        labels=torch.tensor(labels, dtype=torch.int64),
        ignored=torch.zeros(len(labels), dtype=torch.bool) if ignored is None else torch.tensor(ignored),
        areas=whole.sum((1, 2)).float(),
        masks=masks,
    )


def as_found(truth, scores=None):
    return InstanceDetections(
        xyxy=truth.xyxy,
        scores=torch.ones(len(truth)) if scores is None else torch.tensor(scores),
        labels=truth.labels,
        masks=truth.masks,
    )


def disc(size, at, radius):
    y, x = torch.arange(size[0])[:, None] + 0.5, torch.arange(size[1])[None] + 0.5
    return (y - at[0]).square() + (x - at[1]).square() < radius**2


def test_it_is_a_task():
    assert isinstance(TASK, Task) and TASK.name == "instance-segmentation" and TASK.truth_type is Instances


def test_the_truth_is_perfect():
    truth = instances(torch.stack([disc((60, 80), (20, 20), 12), disc((60, 80), (40, 60), 15)]), [0, 1])
    statistics = TASK.statistics([as_found(truth)], [truth], NAMES)
    for name in ("mask AP", "box AP", "mask IoU", "boundary IoU", "recall at the deployed threshold"):
        assert value(statistics, name) == pytest.approx(1.0)
    assert statistics.truths[0, :, 0].tolist() == [1, 1, 0] and statistics.positives().tolist() == [2]


def test_right_boxes_with_wrong_masks_are_wrong():
    size = (60, 60)
    ring = disc(size, (30, 30), 20) & ~disc(size, (30, 30), 17)
    truth, found = instances(disc(size, (30, 30), 20)[None], [0]), as_found(instances(ring[None], [0]))
    statistics = TASK.statistics([found], [truth], NAMES)
    assert value(statistics, "box AP") == pytest.approx(1.0) and value(statistics, "mask AP50") == 0.0
    expected = float((ring & disc(size, (30, 30), 20)).sum() / disc(size, (30, 30), 20).sum())
    assert statistics.overlap[0] == pytest.approx(expected) and statistics.boundary[0] == 0.0


def test_outlines_count_only_masks_shown_that_meet_an_object():
    size = (100, 100)
    truth = instances(torch.stack([disc(size, (30, 30), 20), disc(size, (70, 70), 15)]), [0, 0])
    guess = instances(
        torch.stack([disc(size, (31, 30), 20), disc(size, (70, 70), 15), disc(size, (90, 9), 5)]), [0] * 3
    )
    shown = TASK.statistics([as_found(guess, [0.9, 0.4, 0.8])], [truth], NAMES)
    alone = shown.boundary[shown.score > 0.85][0]
    assert 0.2 < alone < 1.0 and value(shown, "boundary IoU") == pytest.approx(alone)
    assert value(shown.with_options(threshold=0.3), "boundary IoU") == pytest.approx((alone + 1) / 2)


def test_every_audit_finds_what_it_asks_for():
    found, true, *_ = random_pictures(1, 8)
    statistics = TASK.statistics(found, true, NAMES)
    statistics = statistics.with_options(**TASK.settle(statistics))
    claims = statistics.confidences()
    assert len(claims.score) and "mask" in claims.claim and claims.score.min() >= statistics.threshold
    name, each = statistics.each()
    assert "mask AP" in name and each.shape == (8,)
    assert [metric.name for metric in statistics.for_groups()][0] == "mask AP at equal density"
    assert statistics.cause is not None and len(statistics.cause) == len(statistics.score)
    kinds = type(statistics)
    assert all(isinstance(own, kinds) for own in statistics.by_class().values())


def test_guesses_have_the_usual_shape():
    sizes = [(60, 80), (60, 80), (120, 160)]
    truths = [
        instances(disc((60, 80), (30, 40), 16)[None], [1]),
        instances(disc((60, 80), (32, 41), 14)[None], [1]),
        instances(disc((120, 160), (60, 80), 32)[None], [1]),
    ]
    rule = TASK.baseline(iter(truths), sizes, NAMES)
    guess = rule((60, 80))
    assert isinstance(guess, InstanceDetections) and guess.masks.size == (60, 80) and set(guess.labels.tolist()) == {1}
    sides = guess.xyxy[:, 2:] - guess.xyxy[:, :2]
    fill = instance_masks.areas(guess.masks) / sides.prod(1)
    assert torch.allclose(fill, torch.full_like(fill, torch.pi / 4), atol=0.08)  # a disc in its square
    statistics = TASK.statistics([rule(size) for size in sizes], truths, NAMES)
    assert value(statistics, "mask AP50") > 0.3


def test_nothing_learned_guesses_nothing():
    empty = instances(torch.zeros(0, 30, 30, dtype=torch.bool), [])
    guess = TASK.baseline([empty], [(30, 30)], NAMES)((30, 30))
    assert len(guess) == 0 and len(guess.masks) == 0
    statistics = TASK.statistics([guess], [empty], NAMES)
    assert np.isnan(value(statistics, "mask AP")) and np.isnan(value(statistics, "boundary IoU"))
    assert TASK.statistics([], [], NAMES).images == 0


def test_what_does_not_fit_is_said():
    truth = instances(disc((60, 80), (30, 40), 16)[None], [1])
    found = as_found(truth)
    boxes = Boxes(xyxy=truth.xyxy, labels=truth.labels, ignored=truth.ignored, areas=truth.areas)
    with pytest.raises(ValueError, match="without the masks of its objects"):
        TASK.statistics([found], [boxes], NAMES)
    other = replace(found, masks=replace(found.masks, size=(61, 80)))
    with pytest.raises(ValueError, match="80 x 61 and 80 x 60 px"):
        TASK.statistics([other], [truth], NAMES)
    with pytest.raises(ValueError, match="class id 7"):
        TASK.statistics([replace(found, labels=torch.tensor([7]))], [truth], NAMES)
    with pytest.raises(AssertionError):
        TASK.statistics([Detections(xyxy=truth.xyxy, scores=found.scores, labels=truth.labels)], [truth], NAMES)
