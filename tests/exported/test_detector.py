"""The room of exported models, with an engine written in the test: what lies around the model file."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from clearsight.exported import Description, ExportedDetector, Found, description, load_exported
from clearsight.exported.agreement import agreement
from clearsight.ops import views


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
    assert not found.within(0.02, 0.01) and agreement(one, one).within(0, 0)
    assert agreement(one, other, scale=4).moved == 0


@pytest.mark.parametrize("change", [
    {"class_names": []}, {"class_names": [1]}, {"size_px": 0}, {"size_px": "64"}, {"multiple": None}, {"fill": 300},
    {"threshold": 2}, {"files": None},
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
