"""Masks go where their pictures go."""

import resource
import tracemalloc

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearsight.ops import instance_masks, views
from clearsight.types import Boxes, ClassMap, InstanceDetections, Instances, Sample

SIZE = (40, 60)


def instances(whole: torch.Tensor) -> Instances:
    masks = instance_masks.of_bitmaps(whole)
    boxes = Boxes.of(masks.windows, torch.arange(len(whole)))
    return Instances(
        xyxy=boxes.xyxy, labels=boxes.labels, ignored=boxes.ignored, areas=whole.sum((1, 2)).float(), masks=masks
    )


def scene() -> Sample:
    """Three discs; the class map tells them apart too."""
    y, x = torch.arange(SIZE[0])[:, None] + 0.5, torch.arange(SIZE[1])[None] + 0.5
    discs = [(y - cy).square() + (x - cx).square() < r * r for cy, cx, r in ((10, 12, 8), (25, 40, 12), (33, 8, 6))]
    image = (torch.stack(discs).any(0) * 255).byte().expand(3, *SIZE).clone()
    return Sample(id="a", image=image, truth=instances(torch.stack(discs)))


def as_class_map(truth: Instances) -> torch.Tensor:
    labels = torch.zeros(truth.masks.size, dtype=torch.uint8)
    for label, mask in zip(truth.labels.tolist(), instance_masks.bitmaps(truth.masks), strict=True):
        labels[mask] = label + 1
    return labels


@given(st.integers(20, 90), st.integers(30, 120), st.integers(-30, 20), st.integers(-30, 20))
def test_masks_are_placed_like_class_maps_and_boxes_like_boxes(height, width, top, left):
    placement = views.Placement(size=SIZE, placed=(height, width), top=top, left=left)
    truth = scene().truth
    moved = views.placed(truth, (64, 96), placement)
    assert isinstance(moved, Instances) and moved.masks.size == (64, 96)
    labels = views.placed(ClassMap(labels=as_class_map(truth)), (64, 96), placement).labels
    assert torch.equal(as_class_map(moved), labels * (labels != 255))
    plain = Boxes(xyxy=truth.xyxy, labels=truth.labels, ignored=truth.ignored, areas=truth.areas)
    boxes = views.placed(plain, (64, 96), placement)
    assert torch.equal(moved.xyxy, boxes.xyxy) and torch.equal(moved.labels, boxes.labels)
    assert torch.equal(moved.areas, instance_masks.areas(moved.masks).float())
    assert (moved.ignored | ~boxes.ignored).all()


def test_an_object_seen_only_as_a_corner_of_its_box_is_ignored():
    triangle = torch.ones(1, 20, 20, dtype=torch.bool).tril()[:, :, :]
    placement = views.Placement(size=(20, 20), placed=(20, 20), top=0, left=-13)
    moved = views.placed(instances(triangle), (20, 20), placement)
    assert moved.ignored.tolist() == [True]  # 7 of 20 columns, but 28 of 210 pixels


@pytest.mark.parametrize("way", ["horizontal", "vertical"])
def test_masks_are_mirrored_with_the_picture(way):
    sample = scene()
    once = views.mirror(sample, way)
    assert torch.equal(instance_masks.bitmaps(once.truth.masks).any(0), once.image[0] > 0)
    twice = views.mirror(once, way)
    assert torch.equal(twice.truth.masks.windows, sample.truth.masks.windows)
    assert torch.equal(twice.truth.masks.runs, sample.truth.masks.runs)


def found_in(truth: Instances) -> InstanceDetections:
    return InstanceDetections(
        xyxy=truth.xyxy, scores=torch.linspace(1, 0.5, len(truth)), labels=truth.labels, masks=truth.masks
    )


@given(st.integers(1, 3), st.integers(0, 20), st.integers(0, 20))
def test_what_is_found_on_a_canvas_comes_back(scale, top, left):
    truth = scene().truth
    placement = views.Placement(size=SIZE, placed=(SIZE[0] * scale, SIZE[1] * scale), top=top, left=left)
    back = views.bring_back(found_in(views.placed(truth, (160, 240), placement)), placement)
    assert isinstance(back, InstanceDetections) and back.masks.size == SIZE
    assert torch.equal(instance_masks.bitmaps(back.masks), instance_masks.bitmaps(truth.masks))
    assert torch.allclose(back.xyxy, truth.xyxy, atol=1e-4)


def test_what_lies_outside_the_picture_goes_with_its_mask():
    whole = torch.zeros(2, 50, 50, dtype=torch.bool)
    whole[0, 45:49, 3:9], whole[1, 5:20, 5:20] = True, True
    back = views.bring_back(found_in(instances(whole)), views.Placement(size=(40, 50), placed=(40, 50)))
    assert back.labels.tolist() == [1] and instance_masks.areas(back.masks).tolist() == [225]


def test_a_hundred_objects_on_four_megapixels_stay_small():
    answers = torch.ones(100, 28, 28)
    corner = torch.arange(100)[:, None] * 5.0
    boxes = torch.cat([corner, corner, corner + 1000, corner + 1000], dim=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    masks = instance_masks.pasted(answers, boxes, (2000, 2000))
    placement = views.Placement(size=(2000, 2000), placed=(1600, 1600), top=10, left=10)
    truth = Instances(
        xyxy=boxes,
        labels=torch.zeros(100, dtype=torch.int64),
        ignored=torch.zeros(100, dtype=torch.bool),
        areas=instance_masks.areas(masks).float(),
        masks=masks,
    )
    moved = views.mirrored(views.placed(truth, (1640, 1640), placement), (1640, 1640), "horizontal")
    views.bring_back(found_in(moved), placement)
    instance_masks.aligned(masks, boxes, torch.arange(100), 28)
    index = torch.arange(100).numpy()
    instance_masks.overlaps(masks, masks, index.repeat(100), torch.arange(100).repeat(100).numpy())
    instance_masks.rle(masks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # One window of doubles is 8 MB, one block of looked-up stretches some 200 MB; all bitmaps would be 400 MB, and in
    # floats 1.6 GB.
    assert peak < 350e6
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 500e6
