import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageColor

from clearsight import drawing
from clearsight.ops import instance_masks
from clearsight.types import Boxes, Detections, InstanceDetections, Instances

NAMES = ("cat", "dog", "bird")


def found(*rows):
    """Detections of (label, x1, y1, x2, y2, score)."""
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)
    return Detections(xyxy=table[:, 1:5], scores=table[:, 5], labels=table[:, 0].long())


def grey(height=200, width=300):
    return torch.full((3, height, width), 128, dtype=torch.uint8)


def near(pixel, colour):
    return all(abs(int(a) - b) < 3 for a, b in zip(pixel, ImageColor.getrgb(colour), strict=True))


@pytest.mark.parametrize("label", [0, 1, 2])
def test_the_box_has_the_colour_of_its_class_on_all_four_sides_and_nothing_inside(label):
    picture = drawing.overlay(found((label, 100, 80, 180, 150, 0.9)), grey(), NAMES, at_least_px=1)
    assert picture.size == (300, 200)
    for place in [(100, 120), (180, 120), (140, 80), (140, 150)]:
        assert near(picture.getpixel(place), drawing.COLOURS[label]), place
    for place in [(140, 120), (30, 180), (250, 30)]:
        assert picture.getpixel(place) == (128, 128, 128)


def test_small_pictures_are_magnified_and_their_boxes_with_them():
    picture = drawing.overlay(found((0, 50, 30, 90, 55, 0.9)), grey(60, 100), NAMES, at_least_px=400)
    assert picture.size == (400, 240) and near(picture.getpixel((200, 180)), drawing.COLOURS[0])


def test_the_input_is_not_painted_on():
    image = grey()
    drawing.overlay(found((0, 10, 20, 100, 100, 0.9)), image, NAMES, at_least_px=1)
    assert (image == 128).all()


def test_labels_of_boxes_at_every_edge_stay_within_the_picture():
    alone = drawing.overlay(found((1, 100, 100, 150, 150, 0.5)), grey(), ("", "long enough name", ""), at_least_px=1)
    corner = drawing.overlay(found((1, 250, 0, 299, 30, 0.5)), grey(), ("", "long enough name", ""), at_least_px=1)
    amounts = [
        sum(min(pixel) > 190 for pixel in np.asarray(picture).reshape(-1, 3).tolist()) for picture in (alone, corner)
    ]
    assert amounts[0] > 20 and amounts[1] > 0.8 * amounts[0], "the white letters are cut off at the edge"


@pytest.mark.parametrize("colour", drawing.COLOURS)
def test_letters_stand_out_from_every_colour(colour):
    def luminance(name):
        linear = [
            v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4
            for v in (c / 255 for c in ImageColor.getrgb(name))
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(colour), luminance(drawing._text_colour(colour))])
    assert (high + 0.05) / (low + 0.05) >= 3  # WCAG 2.1, large or bold text and graphics


@pytest.mark.parametrize(
    "name",
    ["", "<script>alert(1)</script>", "a\nb\x00\x1b[31m", "x" * 5000, "=1+1", "细胞", "\ud800", "🩸" * 40, "\u202eabc"],
)
def test_hostile_names_are_one_short_line(name):
    line = drawing.shown(name)
    assert len(line) <= drawing.MAX_LABEL_LENGTH and line.isprintable()
    drawing.overlay(found((0, 5, 5, 60, 60, 0.9)), grey(), (name,), at_least_px=1)


def test_more_classes_than_colours():
    names = [str(number) for number in range(50)]
    picture = drawing.overlay(found((49, 100, 80, 180, 150, 0.9)), grey(), names, at_least_px=1)
    assert near(picture.getpixel((140, 150)), drawing.COLOURS[49 % len(drawing.COLOURS)])


def test_missed_objects_are_dashed():
    truth = Boxes.of(torch.tensor([[20.0, 60, 100, 160]]), torch.tensor([0]))
    nothing = drawing.overlay(found(), grey(), NAMES, truth=truth, at_least_px=1)
    edge = [nothing.getpixel((x, 60)) for x in range(20, 100)]
    dashes = [near(pixel, drawing.MISSED) for pixel in edge]
    assert 0.3 < sum(dashes) / len(dashes) < 0.8
    hit = drawing.overlay(found((0, 20, 60, 100, 160, 0.9)), grey(), NAMES, truth=truth, at_least_px=1)
    assert not any(near(hit.getpixel((x, 160)), drawing.MISSED) for x in range(20, 100))


side = st.integers(0, 12)
box = st.tuples(side, side, st.integers(1, 8), st.integers(1, 8), st.integers(0, 1), st.booleans())


def slow_missed(prediction, truth):
    """Every pair, in whole pixels, counted one by one."""
    left = []
    for t in range(len(truth)):
        if truth.ignored[t]:
            continue
        cells = [
            {(x, y) for x in range(int(b[0]), int(b[2])) for y in range(int(b[1]), int(b[3]))}
            for b in [truth.xyxy[t], *prediction.xyxy]
        ]
        hits = [
            2 * len(cells[0] & other) >= len(cells[0] | other) and prediction.labels[p] == truth.labels[t]
            for p, other in enumerate(cells[1:])
        ]
        if not any(hits):
            left.append(truth.xyxy[t].tolist())
    return left


@settings(max_examples=150)
@given(st.lists(box, max_size=5), st.lists(box, max_size=5))
def test_missed_agrees_with_counting_pixels(true, seen):
    truth = Boxes.of(
        torch.tensor([[x, y, x + w, y + h] for x, y, w, h, _, _ in true], dtype=torch.float32),
        torch.tensor([label for *_, label, _ in true], dtype=torch.long),
        torch.tensor([ignored for *_, ignored in true], dtype=torch.bool),
    )
    prediction = found(*[(label, x, y, x + w, y + h, 0.5) for x, y, w, h, label, _ in seen])
    assert drawing.missed(prediction, truth).tolist() == slow_missed(prediction, truth)


def discs(*rows):
    """Masks of discs of (y, x, radius) on the grey picture, and their boxes."""
    y, x = torch.arange(200)[:, None] + 0.5, torch.arange(300)[None] + 0.5
    whole = [(y - row[0]).square() + (x - row[1]).square() < row[2] ** 2 for row in rows]
    masks = instance_masks.of_bitmaps(torch.stack(whole) if whole else torch.zeros(0, 200, 300, dtype=torch.bool))
    return masks, masks.windows.float()


def found_masks(labels, *rows):
    masks, xyxy = discs(*rows)
    return InstanceDetections(
        xyxy=xyxy, scores=torch.full((len(rows),), 0.9), labels=torch.tensor(labels, dtype=torch.int64), masks=masks
    )


def true_masks(labels, *rows, ignored=False):
    masks, xyxy = discs(*rows)
    return Instances(
        xyxy=xyxy,
        labels=torch.tensor(labels),
        ignored=torch.full((len(rows),), ignored),
        areas=instance_masks.areas(masks).float(),
        masks=masks,
    )


@pytest.mark.parametrize("scale", [1, 2])
def test_masks_are_tinted_within_a_line_of_their_colour(scale):
    picture = drawing.overlay(found_masks([1], (120, 150, 40)), grey(), NAMES, at_least_px=300 * scale)
    assert picture.size == (300 * scale, 200 * scale)
    inside, outside = picture.getpixel((150 * scale, 130 * scale)), picture.getpixel((185 * scale, 155 * scale))
    mixed = [128 + 0.4 * (side - 128) for side in ImageColor.getrgb(drawing.COLOURS[1])]
    assert all(abs(a - b) < 2 for a, b in zip(inside, mixed, strict=True)) and outside == (128, 128, 128)
    edge = [picture.getpixel((x, 120 * scale)) for x in range(110 * scale, 112 * scale)]
    assert any(near(pixel, drawing.COLOURS[1]) for pixel in edge)


def test_missed_masks_are_dashed_and_found_or_ignored_ones_are_not():
    def dashes(prediction, truth):
        picture = drawing.overlay(prediction, grey(), NAMES, truth=truth, at_least_px=1)
        return sum(near(pixel, drawing.MISSED) for pixel in np.asarray(picture).reshape(-1, 3).tolist())

    truth = true_masks([0], (100, 150, 40))
    assert dashes(found_masks([]), truth) > 50
    assert dashes(found_masks([1], (100, 150, 40)), truth) > 50
    assert dashes(found_masks([0], (100, 150, 25)), truth) > 50
    assert dashes(found_masks([0], (102, 151, 40)), truth) == 0
    assert dashes(found_masks([]), true_masks([0], (100, 150, 40), ignored=True)) == 0
    boxes = Boxes.of(truth.xyxy, truth.labels)
    assert dashes(found_masks([]), boxes) > 50 and dashes(found_masks([0], (102, 151, 40)), boxes) == 0


def test_an_object_without_a_pixel_is_drawn_as_its_label():
    nothing = found_masks([0], (0, 0, 0))
    assert drawing.overlay(nothing, grey(), NAMES, truth=true_masks([0], (0, 0, 0)), at_least_px=1).size == (300, 200)
