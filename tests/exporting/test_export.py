"""From a run to a file and back: every format finds what the run finds, and bad files are one clear error each."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import clearsight as cs
from clearsight import cli
from clearsight.architectures.yolo import Yolo
from clearsight.exported import description, formats
from clearsight.loading import trained
from clearsight.prediction.exported import predict_exported
from clearsight.sources.samples import pictures as picture_files

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml", "torchscript": ".pt"}
for _format, _library in formats.LIBRARIES.items():
    pytest.importorskip(_library)


@pytest.fixture(scope="module")
def models(tiny_run, tmp_path_factory):
    """The run in every format; tests must not change them."""
    folder = tmp_path_factory.mktemp("models")
    return {to: cs.export(tiny_run, to=to, out=folder / f"model{suffix}") for to, suffix in SUFFIXES.items()}


@pytest.fixture(scope="module")
def pictures(rectangles, tmp_path_factory):
    """Four scenes, one of them wide, one turned by its EXIF, so that there are several canvases."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in (50, 51):
        shutil.copy(rectangles / "JPEGImages" / f"scene{number:03d}.png", folder)
    with Image.open(rectangles / "JPEGImages" / "scene052.png") as scene:
        scene.crop((0, 10, 64, 42)).save(folder / "wide.png")
        turned = Image.Exif()
        turned[0x0112] = 6
        scene.crop((0, 0, 64, 40)).save(folder / "turned.jpg", quality=95, exif=turned)
    return folder


@pytest.mark.parametrize("to", SUFFIXES)
def test_a_file_finds_what_its_run_finds(models, tiny_run, pictures, to):
    made, predictor = models[to], trained.predictor(tiny_run, device="cpu", batch=1)
    load = cs.load_exported(made.path, threads=1)
    files = sorted(pictures.iterdir())
    seen = 0
    for file, expected in zip(files, predictor(picture_files.decode(file) for file in files), strict=True):
        found = load(file, min_score=0.0)
        for box, score, label in zip(expected.xyxy[:3], expected.scores[:3], expected.labels[:3], strict=True):
            same = (found.labels == int(label)) & (np.abs(found.scores - float(score)) < 5e-3)
            assert (np.abs(found.boxes - box.numpy()).max(1)[same] < 0.5).any()
            seen += 1
    assert seen > 3


@pytest.mark.parametrize("to", SUFFIXES)
def test_what_was_checked_and_where_it_is_from_is_kept(models, tiny_run, to):
    made = models[to]
    content = json.loads(made.path.with_name(made.path.name + ".json").read_text())
    assert content["class_names"] == ["brick", "leaf"] and content["kind"] == to and content["multiple"] == 32
    assert content["threshold"] == tiny_run.config.settings["deployed"]["threshold"]
    assert content["run"]["data_fingerprint"] == tiny_run.config.fingerprint
    assert content["check"]["objects"] >= 10 and content["check"]["score"] < 1e-4
    assert 0 < content["check"]["least_score"] <= 0.02
    assert "16 pictures of the split val" in content["check"]["pictures"]
    assert str(tiny_run.path.parent) not in json.dumps(content)
    assert {"model.xml", "model.bin"} == content["files"].keys() if to == "openvino" else len(content["files"]) == 1


def test_nothing_is_overwritten_and_nothing_left_behind(models, tiny_run):
    path = models["onnx"].path
    before = sorted(file.name for file in path.parent.iterdir())
    with pytest.raises(ValueError, match="exists already"):
        cs.export(tiny_run, out=path)
    assert sorted(file.name for file in path.parent.iterdir()) == before
    assert not [name for name in before if name.startswith(".")]


@pytest.mark.parametrize(("options", "words"), [
    ({"to": "tflite"}, "onnx, openvino, torchscript"), ({"out": "model.xml"}, "ending in .onnx"),
])  # fmt: skip
def test_what_cannot_be_written_is_refused(tiny_run, options, words):
    with pytest.raises(ValueError, match=words):
        cs.export(tiny_run, **options)


def test_a_folder_that_is_not_there_is_named(tiny_run, tmp_path):
    with pytest.raises(ValueError, match="could not write model"):
        cs.export(tiny_run, out=tmp_path / "no" / "model.onnx")


@pytest.mark.parametrize("fault", ["moved", "weaker", "lost"])
def test_a_file_that_finds_something_else_fails_and_is_not_left(tiny_run, tmp_path, monkeypatch, fault):
    honest = Yolo.found

    def lying(self, images):
        boxes, scores, labels = honest(self, images)
        if fault == "lost":
            return boxes[1:], scores[1:], labels[1:]
        return boxes + float(fault == "moved"), scores * (0.9 if fault == "weaker" else 1), labels

    monkeypatch.setattr(Yolo, "found", lying)
    with pytest.raises(ValueError, match="does not find what the run finds"):
        cs.export(tiny_run, to="torchscript", out=tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())


def test_a_missing_library_is_named_with_what_to_install(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"pip install '\.\[export\]'"):
        cs.export(tiny_run, out=tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_without_the_data_made_up_pictures_are_used_and_said(tiny_run, tmp_path, capsys):
    shutil.copytree(tiny_run.path, tmp_path / "run")
    content = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(content | {"data": str(tmp_path / "gone")}))
    made = cs.export(tmp_path / "run", to="torchscript")
    assert made.path == tmp_path / "run" / "model.pt"
    assert "made-up" in made.said and "made-up" in made.description.check["pictures"]
    assert "cannot be read" in capsys.readouterr().err


def other_onnx(path):
    import onnx

    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    graph = onnx.helper.make_graph([node], "other", values[:1], values[1:])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), str(path))


def test_a_model_of_another_tool_is_refused(models, tmp_path):
    other_onnx(tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="not exported by clearsight"):
        cs.load_exported(tmp_path / "model.onnx")
    shutil.copy(f"{models['onnx'].path}.json", tmp_path)
    with pytest.raises(ValueError, match="changed or cut short"):
        cs.load_exported(tmp_path / "model.onnx")


@pytest.mark.parametrize("to", SUFFIXES)
def test_broken_files_are_one_clear_error(models, tmp_path, to):
    source = models[to].path
    for file in source.parent.glob("model*"):
        shutil.copy(file, tmp_path)
    path = tmp_path / source.name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="changed or cut short"):
        cs.load_exported(path)
    path.with_name(path.name + ".json").unlink()
    with pytest.raises(ValueError, match="cannot be read as"):
        cs.load_exported(path)


@pytest.mark.parametrize("to", SUFFIXES)
def test_a_json_that_is_missing_is_named(models, tmp_path, to):
    for file in models[to].path.parent.glob("model*"):
        if file.suffix != ".json":
            shutil.copy(file, tmp_path)
    with pytest.raises(ValueError, match=r"json is missing"):
        cs.load_exported(tmp_path / models[to].path.name)


def test_calibration_travels_with_the_export_and_a_damaged_one_is_refused(models, tiny_run, pictures, tmp_path):
    made = models["onnx"]
    kept = trained.opened(tiny_run).config.settings["deployed"]["calibration"]
    content = json.loads(description.beside(made.path).read_text())
    assert content["calibration"] == json.loads(json.dumps(kept)) and len(kept) == 2
    for file in made.path.parent.glob("model.onnx*"):
        shutil.copy(file, tmp_path)
    place = description.beside(tmp_path / made.path.name)
    slope, offset = 2.0, -1.0
    content["calibration"] = [[[slope, offset]] * 3] * len(made.description.class_names)
    place.write_text(json.dumps(content))
    (row, *_) = predict_exported(tmp_path / made.path.name, pictures / "wide.png", min_score=0.0).rows
    logit = slope * np.log(row["score"] / (1 - row["score"])) + offset
    assert row["confidence"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=2e-4)
    for bad in ([[[1.0, 0.0]] * 3], [[[1.0, 0.0]] * 2] * 2, [[["a", 0.0]] * 3] * 2, 3):
        place.write_text(json.dumps(content | {"calibration": bad}))
        with pytest.raises(ValueError, match="slope and an offset"):
            cs.load_exported(tmp_path / made.path.name)
    place.write_text(json.dumps({name: value for name, value in content.items() if name != "calibration"}))
    old = predict_exported(tmp_path / made.path.name, pictures / "wide.png", min_score=0.0)
    assert old.rows and "confidence" not in old.rows[0], "files of an earlier version are read as they were"


WITHOUT_TORCH = """
import sys
from pathlib import Path
sys.modules["torch"] = None
from clearsight.cli import main
main()
"""


def command(*words):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *map(str, words)], capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_predicting_needs_no_torch_and_writes_what_a_run_writes(models, tiny_run, pictures, tmp_path, to):
    done = command("predict", models[to].path, pictures, "--out", tmp_path / "new", "--min-score", "0")
    assert done.returncode == 0, done.stderr
    cs.predict(tiny_run, pictures, out=tmp_path / "old", min_score=0.0)
    new, old = (json.loads((tmp_path / name / "predictions.json").read_text()) for name in ("new", "old"))
    assert len(new) > 3 and list(old[0]) == list(new[0]) and "confidence" in new[0]
    for file in pictures.iterdir():
        best = next(row for row in old if row["file_name"] == str(file))
        alike = [row for row in new if row["file_name"] == str(file) and row["category_id"] == best["category_id"]]
        assert any(
            np.abs(np.subtract(row["bbox"], best["bbox"])).max() < 0.5
            and abs(row["score"] - best["score"]) < 5e-3
            and abs(row["confidence"] - best["confidence"]) < 1e-2
            for row in alike
        )
    tables = [
        list(csv.DictReader((tmp_path / name / "predictions.csv").read_text().splitlines())) for name in ("new", "old")
    ]
    assert [row.keys() for row in tables[0]] == [row.keys() for row in tables[1]]
    assert {file.name for file in (tmp_path / "new" / "overlays").iterdir()} == {
        f"{file.stem}.jpg" for file in pictures.iterdir()
    }
    with Image.open(tmp_path / "new" / "overlays" / "turned.jpg") as overlay:
        assert overlay.size == (40, 64)


def test_the_command_prints_rows_and_refuses_bad_files(models, pictures, tmp_path):
    done = command("predict", models["onnx"].path, pictures / "wide.png", "--json", "--min-score", "0")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert rows and {row["file_name"] for row in rows} == {str(pictures / "wide.png")}
    (tmp_path / "bad.png").write_bytes(b"no picture")
    done = command("predict", models["onnx"].path, tmp_path, "--json")
    assert done.returncode == 2 and "cannot be read as pictures" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(("words", "said"), [
    (["--crops"], "--crops does not go"), (["--window", "64"], "--window does not go"),
    (["--every", "2"], "--every does not go"), (["--frames", "3"], "--frames does not go"),
    (["--seconds", "1"], "--seconds does not go"), (["--classes", "brik"], "Did you mean brick"),
])  # fmt: skip
def test_options_it_cannot_do_are_refused(models, pictures, words, said, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["clearsight", "predict", str(models["onnx"].path), str(pictures), *words])
    with pytest.raises(SystemExit):
        cli.main()
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("word", "said"), [("clip.mp4", "is a video"), ("camera:0", "is a camera"), ("0", "camera")])
def test_videos_and_cameras_are_refused(models, word, said):
    with pytest.raises(ValueError, match=said):
        predict_exported(models["onnx"].path, word)


def test_objects_of_some_classes_alone(models, pictures):
    every = predict_exported(models["onnx"].path, pictures, min_score=0.0)
    some = predict_exported(models["onnx"].path, pictures, min_score=0.0, classes=["leaf"])
    names = [row["category_name"] for row in every.rows]
    assert len(some.rows) == names.count("leaf") and {row["category_name"] for row in some.rows} <= {"leaf"}


def test_a_run_that_finds_nothing_cannot_be_checked(tiny_run, tmp_path, monkeypatch):
    honest = Yolo._reduced
    monkeypatch.setattr(Yolo, "_reduced", lambda self, *given: tuple(part[:0] for part in honest(self, *given)))
    with pytest.raises(ValueError, match="finds nothing at all"):
        cs.export(tiny_run, to="torchscript", out=tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())


def test_a_size_that_comes_often_finds_the_same_in_a_model_of_its_own(models, monkeypatch):
    monkeypatch.setattr(formats, "STATIC_AFTER", 1)
    engine, _ = formats.open_engine(models["openvino"].path, 1)
    canvas = np.random.default_rng(3).integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)
    first, *others = [engine(canvas) for _ in range(3)]
    assert list(engine.own) == [canvas.shape] and len(first[1]) > 0
    for other in others:
        for one, two in zip(first, other, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-3)
    assert len(engine(canvas[:, :32])) == 3 and len(engine.own) == 1


def test_boxes_of_a_canvas_of_any_size_are_the_networks_own(models, tiny_run):
    network = trained.load(tiny_run)
    engine, mark = formats.open_engine(models["onnx"].path, 1)
    assert mark["format"] == "clearsight"
    for height, width in ((32, 32), (64, 96), (160, 64)):
        random = np.random.default_rng(height)
        canvas = random.integers(0, 256, (1, height, width, 3), dtype=np.uint8)
        expected = network.predict(torch.from_numpy(canvas).permute(0, 3, 1, 2) / 255)[0]
        boxes, scores, labels = engine(canvas)
        assert len(scores) == len(expected) and labels.tolist() == expected.labels.tolist()
        np.testing.assert_allclose(scores, expected.scores.numpy(), atol=1e-4)
        np.testing.assert_allclose(boxes, expected.xyxy.numpy(), atol=0.05)


def test_the_example_without_clearsight_finds_the_same(models, pictures, tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "guides" / "export.md").read_text(encoding="utf-8")
    example = text.split("## Without clearsight")[1].split("```python\n")[1].split("```")[0]
    for file in models["onnx"].path.parent.glob("model.onnx*"):
        shutil.copy(file, tmp_path)
    shutil.copy(pictures / "turned.jpg", tmp_path / "photo.jpg")
    # However little the run learnt, its best objects are compared.
    scores = cs.load_exported(models["onnx"].path)(pictures / "turned.jpg", min_score=0.0).scores
    about = json.loads((tmp_path / "model.onnx.json").read_text()) | {"threshold": float(scores[:3].min())}
    (tmp_path / "model.onnx.json").write_text(json.dumps(about))
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    expected = cs.load_exported(models["onnx"].path)(pictures / "turned.jpg", min_score=about["threshold"])
    assert len(done.stdout.splitlines()) == len(expected) > 0
    for line, box in zip(done.stdout.splitlines(), expected.boxes, strict=True):
        np.testing.assert_allclose(json.loads(line[line.index("[") :]), box, atol=0.2)
