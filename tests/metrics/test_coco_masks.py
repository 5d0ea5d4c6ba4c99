"""Average precision of masks equals pycocotools on the same masks, in every corner of the protocol."""

import numpy as np
import pytest
import torch
from coco_masks import SIZE, evaluated, random_pictures
from coco_reference import average
from hypothesis import given, settings
from hypothesis import strategies as st

from clearsight.metrics.instance_segmentation import METRICS, InstanceStatistics
from clearsight.ops import instance_masks
from clearsight.tasks import InstanceSegmentation
from clearsight.types import InstanceDetections, Instances

EVERY = slice(0, 10)
WANTED = [(0, EVERY), (0, slice(0, 1)), (0, slice(5, 6)), (1, EVERY), (2, EVERY), (3, EVERY)]
BY_NAME = {metric.name: metric for metric in METRICS}


def _statistics(found, true, classes):
    return InstanceSegmentation().statistics(found, true, [str(index) for index in range(classes)])


def _values(statistics, metrics=METRICS[:6], dtype=np.float64):
    return [metric.compute(statistics, np.ones((1, statistics.images), dtype=dtype))[0] for metric in metrics]


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    pictures=st.integers(1, 8),
    classes=st.integers(1, 4),
    crowd=st.sampled_from([0.0, 0.15, 0.5]),
    most=st.sampled_from([0, 3, 9]),
    ties=st.booleans(),
)
def test_equals_pycocotools(seed, pictures, classes, crowd, most, ties):
    found, true, *maps = random_pictures(seed, pictures, classes, crowd, most, ties)
    if not sum(len(one) for one in found):
        return
    theirs = evaluated(found, true, *maps, classes)
    expected = [average(theirs, area, ious) for area, ious in WANTED]
    statistics = _statistics(found, true, classes)
    np.testing.assert_allclose(_values(statistics), expected, atol=1e-9)
    np.testing.assert_allclose(_values(statistics, dtype=np.float32), expected, atol=1e-6)
    boxes = evaluated(found, true, *maps, classes, "bbox")
    ours = _values(statistics, [BY_NAME["box AP"], BY_NAME["box AP50"]])
    np.testing.assert_allclose(ours, [average(boxes, 0, EVERY), average(boxes, 0, slice(0, 1))], atol=1e-9)


def test_the_random_pictures_tell_masks_from_boxes():
    statistics = _statistics(*random_pictures(3, 8)[:2], 3)
    mask, box = _values(statistics, [BY_NAME["mask AP"], BY_NAME["box AP"]])
    assert 0.05 < mask < 0.95 and abs(mask - box) > 0.002


def test_only_the_best_hundred_of_a_class_count():
    whole = np.zeros((121, *SIZE), dtype=bool)
    whole[:119, 50:60, 50:60], whole[119:, 5:15, 5:15] = True, True
    masks = instance_masks.of_bitmaps(torch.from_numpy(whole))
    found = InstanceDetections(
        xyxy=masks.windows[:120].float(),
        scores=torch.linspace(0.9, 0.1, 120),
        labels=torch.zeros(120, dtype=torch.int64),
        masks=masks.select(torch.arange(120)),
    )
    true = Instances(
        xyxy=masks.windows[120:].float(),
        labels=torch.zeros(1, dtype=torch.int64),
        ignored=torch.zeros(1, dtype=torch.bool),
        areas=torch.tensor([100.0]),
        masks=masks.select(torch.tensor([120])),
    )
    statistics = _statistics([found], [true], 1)
    assert len(statistics.score) == 100
    theirs = evaluated([found], [true], [whole[:120]], [whole[120:]], 1)
    assert _values(statistics)[0] == 0.0 == average(theirs, 0, EVERY)
    better = _statistics([found.select(torch.arange(119, 19, -1))], [true], 1)
    assert _values(better)[0] == pytest.approx(1 / 100)  # the last of a hundred


@pytest.mark.parametrize("seed", range(4))
def test_parts_join_to_the_whole(seed):
    found, true, *_ = random_pictures(seed, 9, 3)
    whole = _statistics(found, true, 3).with_options(threshold=0.3)
    parts = [_statistics(found[i : i + 4], true[i : i + 4], 3).with_options(threshold=0.3) for i in (0, 4, 8)]
    joined = InstanceStatistics.joined(parts)
    weights = np.random.default_rng(seed).integers(0, 4, (5, 9)).astype(float)
    for metric in METRICS:
        np.testing.assert_allclose(metric.compute(joined, weights), metric.compute(whole, weights), equal_nan=True)
    for name, own in whole.by_class().items():
        np.testing.assert_allclose(_values(joined.by_class()[name], METRICS), _values(own, METRICS), equal_nan=True)
        assert len(own.boundary) == len(own.score) == own.box_matched.shape[1]


@pytest.mark.parametrize("seed", range(4))
def test_pictures_counted_twice_are_pictures_twice(seed):
    found, true, *_ = random_pictures(seed, 6, 2)
    twice = [0, 0, 2, 3, 3, 3]
    weights = np.bincount(twice, minlength=6)[None].astype(float)
    statistics = _statistics(found, true, 2)
    repeated = _statistics([found[i] for i in twice], [true[i] for i in twice], 2)
    for metric in METRICS:
        expected = metric.compute(repeated, np.ones((1, 6)))
        np.testing.assert_allclose(metric.compute(statistics, weights), expected, equal_nan=True, atol=1e-12)
