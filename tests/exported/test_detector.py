"""The room of exported models, with an engine written in the test: what lies around the model file."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from clearsight.exported import Description, ExportedDetector, Found, description, load_exported
from clearsight.exported.agreement import agreement, compared_from
from clearsight.ops import views
from clearsight.ops.instance_masks import pasted
from clearsight.prediction import plain_rows
from clearsight.prediction.exported import predict_exported
from clearsight.prediction.overlays import instance_ids
from clearsight.types import InstanceDetections


def described(**changes):
    return Description(**{
        "kind": "onnx", "files": {}, "task": "detection", "model": "yolo", "class_names": ("a", "b"), "size_px": 64,
        "multiple": 32, "fill": 114, "threshold": 0.5, "input": {}, "output": {},
    } | changes)  # fmt: skip


def detector(boxes, scores, labels, **changes):
    arrays = np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(labels, np.int64)
    return ExportedDetector(None, described(**changes), lambda canvas: list(arrays))


def smooth(height, width, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("size", [(48, 64), (64, 64), (37, 100), (200, 90), (20, 30), (1, 300)])
def test_a_picture_lies_on_its_canvas_as_in_a_run(size):
    picture = smooth(*size)
    tensor = torch.from_numpy(picture.transpose(2, 0, 1).copy())
    canvas = views.canvas_for(size, 64, 32)
    placement = views.Placement(size=size, placed=views.fitted(size, 64))
    expected = views.paste(tensor, canvas, placement).permute(1, 2, 0).numpy()
    laid = detector([], [], []).laid(picture)
    assert laid.shape == (1, *canvas, 3)
    # Both resize in whole numbers, each with its own rounding.
    assert np.abs(laid[0].astype(int) - expected.astype(int)).max() <= 1


def test_boxes_come_back_to_the_picture_and_are_cut_to_it():
    found = detector([[8, 4, 16, 12], [60, 20, 90, 40], [65, 33, 70, 40]], [0.9, 0.8, 0.7], [0, 1, 1])(smooth(64, 128))
    np.testing.assert_allclose(found.boxes, [[16, 8, 32, 24], [120, 40, 128, 64]], atol=1e-4)
    assert found.labels.tolist() == [0, 1] and found.boxes.dtype == np.float32


def test_the_deployed_threshold_holds_unless_another_is_asked_for():
    here = detector([[0, 0, 9, 9]] * 3, [0.9, 0.5, 0.4], [0, 1, 0])
    assert len(here(smooth(64, 64))) == 2
    assert len(here(smooth(64, 64), min_score=0.3)) == 3 and len(here(smooth(64, 64), min_score=0.95)) == 0


@pytest.mark.parametrize("picture", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_arrays_that_are_no_pictures_are_refused(picture):
    with pytest.raises(ValueError, match="Expected uint8 of shape"):
        detector([], [], [])(picture)


def test_agreement_pairs_objects_of_a_class_and_says_the_largest_difference():
    one = Found(
        boxes=np.array([[0, 0, 10, 10], [20, 20, 40, 40], [50, 50, 60, 60]], np.float32),
        scores=np.array([0.9, 0.8, 0.7], np.float32), labels=np.array([0, 0, 1]),
    )  # fmt: skip
    other = Found(
        boxes=np.array([[20, 20, 40, 42], [0, 0.25, 10, 10], [50, 50, 60, 60]], np.float32),
        scores=np.array([0.81, 0.9, 0.7], np.float32), labels=np.array([0, 0, 0]),
    )  # fmt: skip
    found = agreement(one, other)
    assert (found.objects, found.moved, found.unpaired) == (3, 1, 2)
    assert found.box_px == pytest.approx(2) and found.score == pytest.approx(0.01, abs=1e-6)
    assert not found.within(0.02, 0.01, 0) and agreement(one, one).within(0, 0, 0)
    assert agreement(one, other, scale=4).moved == 0


def with_masks(boxes, labels):
    """A detector that finds discs in these boxes, and what a run with the same answers would say."""
    grid = (np.arange(28) + 0.5) / 14 - 1
    disc = np.clip(1.5 - np.hypot(grid[:, None], grid[None]), 0, 1).astype(np.float32)
    boxes = np.array(boxes, np.float32)
    scores = np.linspace(0.9, 0.6, len(boxes), dtype=np.float32)
    answers = [boxes, scores, np.array(labels), np.repeat(disc[None], len(boxes), axis=0)]
    settings = {"settings": {"mask_threshold": 0.7}}
    made = ExportedDetector(None, described(size_px=96, inside=settings), lambda canvas: answers)
    masks = pasted(torch.from_numpy(answers[3]), torch.from_numpy(boxes), (64, 96), 0.7)
    tensors = (torch.from_numpy(part) for part in answers[:3])
    return made, InstanceDetections(**dict(zip(("xyxy", "scores", "labels"), tensors, strict=True)), masks=masks)


def test_masks_are_written_as_a_run_writes_them(tmp_path):
    made, expected = with_masks([[10, 5, 50, 45], [30.4, 20.2, 70.8, 63.6], [0, 0, 8, 60]], [0, 1, 1])
    Image.fromarray(smooth(64, 96)).save(tmp_path / "a.png")
    found = predict_exported(made, tmp_path / "a.png", out=tmp_path / "out", formats=("json", "coco", "yolo"))
    rows = plain_rows.rows(expected, ("a", "b"))
    assert [{name: row[name] for name in rows[0]} for row in found.rows] == rows
    assert min(row["area"] for row in rows) > 100
    ids = np.asarray(Image.open(tmp_path / "out" / "masks" / "a.png"))
    assert np.array_equal(ids, instance_ids(expected.masks)) and ids.max() == 3
    lines = (tmp_path / "out" / "labels" / "a.txt").read_text().splitlines()
    assert len(lines) == 3 and all(len(line.split()) > 10 for line in lines)
    with Image.open(tmp_path / "out" / "overlays" / "a.jpg") as overlay:
        # The middle of the first object is tinted blue, a corner of the picture as it was.
        middle = np.asarray(overlay)[25, 20].astype(int) - smooth(64, 96)[25, 20]
        assert abs(np.asarray(overlay)[2, 90].astype(int) - smooth(64, 96)[2, 90]).max() < 30
        assert abs(middle).max() > 15


def test_a_mask_lies_on_the_box_as_it_was_before_it_was_cut():
    made, _ = with_masks([[60, 10, 140, 50]], [0])
    found = made(smooth(64, 96))
    ((window, crop),) = found.crops((64, 96), 0.7)
    assert found.boxes[0].tolist() == [60, 10, 96, 50] and window == [60, 10, 96, 50]
    assert crop[20, -1] and not crop[0, 0] and crop[:, -1].sum() > 30  # the middle of the disc, not its edge


def test_without_masks_there_are_no_crops():
    with pytest.raises(ValueError, match="have no masks"):
        detector([[0, 0, 9, 9]], [0.9], [0])(smooth(64, 64)).crops((64, 64))


def test_agreement_of_weak_objects_and_of_masks():
    one = Found(
        boxes=np.array([[0, 0, 10, 10], [20, 20, 40, 40]], np.float32), scores=np.array([0.012, 0.011], np.float32),
        labels=np.array([0, 0]), masks=np.full((2, 4, 4), 0.5, np.float32),
    )  # fmt: skip
    other = Found(boxes=one.boxes, scores=one.scores, labels=one.labels, masks=one.masks + np.float32(0.1))
    assert agreement(one, one).objects == 0 and not agreement(one, one).within(1, 1, 1)
    least = compared_from([one])
    assert least == pytest.approx(0.011) and compared_from([]) == 0.02
    found = agreement(one, other, least_score=least)
    assert found.objects == 2 and found.mask == pytest.approx(0.1, abs=1e-6)
    assert found.within(0, 0, 0.2) and not found.within(0, 0, 0.05)


def test_regions_are_searched_where_the_model_does_not_find_them_itself():
    pytest.importorskip("cv2")
    given = []

    def engine(canvas, boxes):
        given.append(boxes)
        return [boxes[:1], np.array([0.9], np.float32), np.array([0])]

    inside = {"regions": {"search": "", "longer_px": 64, "most": 20}}
    picture = np.full((40, 64, 3), 30, np.uint8)
    picture[10:30, 20:50] = 220
    found = ExportedDetector(None, described(inside=inside), engine)(picture)
    (boxes,) = given
    assert found.boxes.tolist() == [[0, 0, 64, 40]] and boxes[0].tolist() == [0, 0, 64, 40]
    assert boxes.dtype == np.float32 and (np.abs(boxes - [20, 10, 50, 30]).max(1) <= 2).any()


@pytest.mark.parametrize("change", [
    {"inside": {"regions": {"longer_px": 0}}}, {"inside": 3}, {"class_names": []}, {"class_names": [1]},
    {"size_px": 0}, {"size_px": "64"}, {"multiple": None}, {"fill": 300}, {"threshold": 2}, {"files": None},
])  # fmt: skip
def test_a_damaged_json_is_named(tmp_path, change):
    model = tmp_path / "model.onnx"
    model.write_bytes(b"model")
    content = described().as_dict() | {"files": {"model.onnx": description.digest(model)}}
    description.beside(model).write_text(json.dumps(content))
    assert description.read(model).class_names == ("a", "b")
    description.beside(model).write_text(json.dumps(content | change))
    with pytest.raises(ValueError, match="is damaged"):
        load_exported(model)


@pytest.mark.parametrize(("change", "words"), [
    ({"format": "other"}, "not written by"), ({"version": 99}, "newer clearsight"), ({"files": {}}, "changed or cut"),
])  # fmt: skip
def test_a_json_of_something_else_is_refused(tmp_path, change, words):
    model = tmp_path / "model.onnx"
    model.write_bytes(b"model")
    content = described().as_dict() | {"files": {"model.onnx": description.digest(model)}}
    description.beside(model).write_text(json.dumps(content | change))
    with pytest.raises(ValueError, match=words):
        load_exported(model)


@pytest.mark.parametrize(("name", "words"), [("gone.onnx", "no file"), ("model.h5", "not an exported model")])
def test_files_that_are_none_are_refused(tmp_path, name, words):
    with pytest.raises(ValueError, match=words):
        load_exported(tmp_path / name)
