"""What is moved in a picture is moved in its truth: boxes, masks and class maps lie where the content went."""

import numpy as np
import pytest
import torch

from clearsight.corruptions import ELASTIC
from clearsight.corruptions.corruption import SEVERITIES
from clearsight.corruptions.moved_truths import moved
from clearsight.ops import instance_masks
from clearsight.types import Boxes, ClassMap, Instances, Label, Picture

SIZE = (96, 128)
BOXES = torch.tensor([[20.0, 30, 60, 55], [70, 10, 110, 80]])


def painted():
    """White rectangles on black, one in the first and one in the second channel."""
    image = torch.zeros(3, *SIZE, dtype=torch.uint8)
    for channel, (x1, y1, x2, y2) in enumerate(BOXES.int().tolist()):
        image[channel, y1:y2, x1:x2] = 255
    return image


def found(severity, id):
    """The moved picture, where each object is seen in it, and by how much the truth is to be moved."""
    image = ELASTIC(painted(), severity, id)
    return image, [image[channel].numpy() > 127 for channel in range(2)], ELASTIC.displacements(SIZE, severity, id)


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("id", ["a", "b"])
def test_boxes_lie_around_what_is_seen(severity, id):
    _, seen, by = found(severity, id)
    boxes = moved(Boxes.of(BOXES, torch.tensor([0, 1])), by)
    for (x1, y1, x2, y2), where in zip(boxes.xyxy.tolist(), seen, strict=True):
        rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
        assert (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) == pytest.approx((x1, y1, x2, y2), abs=1.01)
    areas = [where.sum() for where in seen]
    assert boxes.areas.tolist() == pytest.approx(areas, rel=0.05) and boxes.labels.tolist() == [0, 1]


@pytest.mark.parametrize("severity", SEVERITIES)
def test_masks_and_class_maps_are_what_is_seen(severity):
    _, seen, by = found(severity, "c")
    bitmaps = painted()[:2] > 0
    masks = instance_masks.of_bitmaps(bitmaps)
    truth = Instances(
        xyxy=BOXES, labels=torch.tensor([1, 0]), ignored=torch.tensor([False, True]),
        areas=instance_masks.areas(masks).float(), masks=masks,
    )  # fmt: skip
    after = moved(truth, by)
    for mask, where in zip(instance_masks.bitmaps(after.masks).numpy(), seen, strict=True):
        assert (mask & where).sum() / (mask | where).sum() > 0.95
    assert after.areas.tolist() == instance_masks.areas(after.masks).tolist() and after.ignored.tolist() == [
        False,
        True,
    ]
    labels = bitmaps[0].to(torch.uint8) + 2 * bitmaps[1].to(torch.uint8)
    map_after = moved(ClassMap(labels=labels), by).labels.numpy()
    assert (map_after == seen[0] + 2 * seen[1]).mean() > 0.99


def test_a_picture_as_truth_moves_like_the_picture():
    image, _, by = found(4, "d")
    after = moved(Picture(image=painted().float() / 255), by)
    assert float((after.image - image.float() / 255).abs().max()) < 0.01


def test_what_has_no_place_stays_and_what_leaves_the_picture_is_gone():
    away = np.full((2, *SIZE), 0.0)
    away[1] = 64  # each pixel shows what lies 64 px to its right
    assert moved(Label(index=3), away) == Label(index=3) and moved(None, away) is None
    after = moved(Boxes.of(BOXES, torch.tensor([0, 1])), away)
    assert after.labels.tolist() == [1] and after.xyxy.tolist() == [[6, 10, 46, 80]]
    masks = instance_masks.of_bitmaps(painted()[:2] > 0)
    truth = Instances(
        xyxy=BOXES, labels=torch.tensor([0, 1]), ignored=torch.zeros(2, dtype=torch.bool),
        areas=instance_masks.areas(masks).float(), masks=masks,
    )  # fmt: skip
    assert moved(truth, away).labels.tolist() == [1] and len(moved(truth, away).masks) == 1


def test_no_object_is_left_no_object():
    nothing = moved(Boxes.of(torch.zeros(0, 4), torch.zeros(0)), np.zeros((2, *SIZE)))
    assert nothing.xyxy.shape == (0, 4) and len(nothing) == 0


def test_the_displacement_is_one_function_of_the_relative_place():
    small, large = (ELASTIC.displacements((side, side), 3, "e") for side in (50, 197))
    assert small.std() * 197 / 50 == pytest.approx(large.std(), rel=0.05)
    at = np.linspace(0, 49, 50).astype(int), np.linspace(0, 196, 50).round().astype(int)
    assert np.allclose(small[:, 7, at[0]] * 197 / 50, large[:, 28, at[1]], atol=0.12)
