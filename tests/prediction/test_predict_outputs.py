import contextlib
import io
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import clearsight as cs
from clearsight.ops import instance_masks, masks
from clearsight.prediction.tallies import Tally
from clearsight.run import Run
from clearsight.types import InstanceDetections, Scores
from clearsight.verbs.predict import Predicted, results

LOW = 0.015


@pytest.fixture(scope="module")
def pictures(rectangles, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for name, number in (("a", 50), ("b", 51)):
        shutil.copy(rectangles / "JPEGImages" / f"scene{number:03}.png", folder / f"{name}.png")
    return folder


def discs(size):
    """Two overlapping discs and a small one, as bitmaps."""
    y, x = np.mgrid[: size[0], : size[1]]
    circles = [(20, 20, 12), (30, 26, 10), (50, 50, 5)]
    return torch.from_numpy(np.stack([(x - a) ** 2 + (y - b) ** 2 <= r * r for a, b, r in circles]))


@pytest.fixture
def with_masks(monkeypatch):
    """Every picture holds the three discs, whatever it shows."""

    def predictor(*_, **__):
        def predict(images):
            for image in images:
                bitmaps = discs(image.shape[1:])
                found = instance_masks.of_bitmaps(bitmaps)
                yield InstanceDetections(
                    xyxy=found.windows.float(),
                    scores=torch.tensor([0.9, 0.8, 0.7]),
                    labels=torch.tensor([0, 1, 0]),
                    masks=found,
                )

        return predict

    monkeypatch.setattr("clearsight.loading.trained.predictor", predictor)


def test_classes_choose_among_objects(tiny_run, pictures):
    every = cs.predict(tiny_run, pictures, min_score=LOW)
    leaves = cs.predict(tiny_run, pictures, min_score=LOW, classes=["leaf"])
    label = every.class_names.index("leaf")
    for one, other in zip(every.predictions, leaves.predictions, strict=True):
        assert torch.equal(one.xyxy[one.labels == label], other.xyxy) and (other.labels == label).all()
    assert 0 < sum(map(len, leaves.predictions)) < sum(map(len, every.predictions))
    with pytest.raises(ValueError, match="no class 'laef'. Did you mean leaf"):
        cs.predict(tiny_run, pictures, classes=["brick", "laef"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_score": 1.5}, "min_score is 1.5"),
        ({"classes": ["x"]}, "no class 'x'"),
        ({"formats": ["xml"]}, "no format 'xml'"),
    ],
)
def test_options_are_checked_before_files_are_read(tiny_run, tmp_path, options, said):
    (tmp_path / "bad.png").write_text("no picture")
    with pytest.raises(ValueError, match=said):
        cs.predict(tiny_run, tmp_path, **options)


def test_crops_are_the_objects(tiny_run, pictures, tmp_path):
    found = cs.predict(tiny_run, pictures, out=tmp_path / "x", min_score=LOW, crops=True, overlays=False)
    files = sorted(path.name for path in (tmp_path / "x" / "crops").iterdir())
    assert len(files) == sum(map(len, found.predictions)) > 2
    first = found.predictions[0]
    name = f"a-001-{found.class_names[int(first.labels[0])]}-{float(first.scores[0]):.2f}.jpg"
    assert name in files
    x1, y1, x2, y2 = first.xyxy[0].tolist()
    box = (int(np.floor(x1)), int(np.floor(y1)), int(np.ceil(x2)), int(np.ceil(y2)))
    with Image.open(pictures / "a.png") as whole, Image.open(tmp_path / "x" / "crops" / name) as crop:
        part = np.asarray(whole.convert("RGB").crop(box), dtype=int)
        assert crop.size == (part.shape[1], part.shape[0])
        assert np.abs(np.asarray(crop, dtype=int) - part).mean() < 12


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools
def test_masks_are_written_in_every_form(tiny_run, with_masks, pictures, tmp_path):
    from pycocotools import mask as reference
    from pycocotools.coco import COCO

    out = tmp_path / "x"
    found = cs.predict(tiny_run, pictures, out=out, min_score=0.1, crops=True, formats=["json", "coco", "yolo"])
    with Image.open(pictures / "a.png") as picture:
        size = picture.size[::-1]
    bitmaps = discs(size).numpy()
    with Image.open(out / "masks" / "a.png") as ids:
        assert ids.mode == "I;16"
        expected = np.where(bitmaps[0], 1, np.where(bitmaps[1], 2, np.where(bitmaps[2], 3, 0)))
        assert (np.asarray(ids) == expected).all()
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(out / "coco.json"))
    assert [one["name"] for one in coco.loadCats([1, 2])] == list(found.class_names)
    for one, bitmap in zip(coco.loadAnns(coco.getAnnIds(imgIds=1)), bitmaps, strict=True):
        assert (reference.decode(one["segmentation"]).astype(bool) == bitmap).all()
    lines = (out / "labels" / "a.txt").read_text().splitlines()
    for line, bitmap, label in zip(lines, bitmaps, (0, 1, 0), strict=True):
        words = line.split()
        corners = np.array(words[1:-1], dtype=float).reshape(-1, 2) * size[::-1]
        assert int(words[0]) == label and (masks.filled(corners.round(), size) == bitmap).all()
    with Image.open(out / "crops" / "a-002-leaf-0.80.png" if found.class_names[1] == "leaf" else
                    out / "crops" / "a-002-brick-0.80.png") as crop:  # fmt: skip
        x1, y1, x2, y2 = (int(side) for side in found.predictions[0].xyxy[1].tolist())
        assert crop.mode == "RGBA" and (np.asarray(crop)[..., 3] == bitmaps[1, y1:y2, x1:x2] * 255).all()


def test_masks_are_written_without_overlays_too(tiny_run, with_masks, pictures, tmp_path):
    cs.predict(tiny_run, pictures, out=tmp_path / "x", min_score=0.1, overlays=False)
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == ["masks", "predictions.csv", "predictions.json"]
    assert len(list((tmp_path / "x" / "masks").iterdir())) == 2


def test_supervision_gets_the_same(tiny_run, with_masks, pictures):
    import supervision

    found = cs.predict(tiny_run, pictures, min_score=0.75)
    first, _ = found.to_supervision()
    assert isinstance(first, supervision.Detections) and len(first) == 2
    assert (first.xyxy == found.predictions[0].xyxy.numpy()).all() and first.class_id.tolist() == [0, 1]
    assert first.confidence.tolist() == pytest.approx([0.9, 0.8])
    assert (first.mask == discs((64, 64)).numpy()[:2]).all()
    assert first["class_name"].tolist() == list(found.class_names)
    assert len(first[first.class_id == 1]) == 1


def test_supervision_of_boxes_of_nothing_and_where_it_is_not_installed(tiny_run, pictures, monkeypatch):
    found = cs.predict(tiny_run, pictures, min_score=LOW).to_supervision()
    assert len(found) == 2 and found[0].mask is None and len(found[0]) > 0
    none = cs.predict(tiny_run, pictures, min_score=1.0)
    assert [len(one) for one in none.to_supervision()] == [0, 0]
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(ValueError, match="pip install supervision"):
        none.to_supervision()


def test_windows_on_objects_through_the_verb(tiny_run, rectangles, tmp_path):
    """Four scenes side by side, seen through windows of one scene: about what each scene alone gives."""
    files = sorted((rectangles / "JPEGImages").glob("*.png"))[50:54]
    sheet = Image.new("RGB", (256, 64))
    for number, file in enumerate(files):
        sheet.paste(Image.open(file), (64 * number, 0))
    sheet.save(tmp_path / "sheet.png")
    alone = sum(map(len, cs.predict(tiny_run, files, min_score=0.03).predictions))
    (found,) = cs.predict(tiny_run, tmp_path / "sheet.png", window=64, min_score=0.03).predictions
    assert alone / 2 <= len(found) <= alone * 2
    assert float(found.xyxy[:, 2].max()) > 128 and float(found.xyxy[:, 0].min()) < 64
    with pytest.raises(ValueError, match="from 0 to 0.8"):
        cs.predict(tiny_run, tmp_path / "sheet.png", window=64, overlap=0.9)


def test_labels_above_their_settled_thresholds():
    scores = Scores(probabilities=torch.tensor([0.2, 0.6, 0.31]))
    found = Predicted(
        files=("a.png",), predictions=(scores,), class_names=("x", "y", "z"), folder=None, thresholds=(0.1, 0.7, 0.3)
    )
    assert results(found) == [
        {"image_id": 1, "file_name": "a.png", "labels": ["x", "z"], "probabilities": {"x": 0.2, "y": 0.6, "z": 0.31}}
    ]
    tally = Tally(("x", "y", "z"), (0.1, 0.7, 0.3))
    tally.add(scores)
    assert tally.lines() == [("class", "found"), ("x", "1"), ("y", "0"), ("z", "1")]


def test_hostile_class_names_stay_in_the_folder(tiny_run, with_masks, pictures, tmp_path):
    shutil.copytree(tiny_run.path, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    run.change(class_names=("../../etc/passwd", "a\n<b>/" + "c" * 300))
    out = tmp_path / "deep" / "out"
    cs.predict(run, pictures, out=out, min_score=0.1, crops=True, formats=["json", "csv", "coco", "yolo"])
    assert len(list((out / "crops").iterdir())) == 6 and [path.name for path in (tmp_path / "deep").iterdir()] == [
        "out"
    ]
    assert [one["name"] for one in json.loads((out / "coco.json").read_text())["categories"]] == list(
        run.config.class_names
    )


MEASURED = """
import resource, sys
import clearsight as cs
if __name__ == "__main__":
    found = cs.predict(sys.argv[1], sys.argv[2:-1], out=sys.argv[-1], window=640, min_score=0.05, keep=False)
    print(found.count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_pictures_of_100_megapixels_take_less_than_2_gb(tiny_run, tmp_path, ending):
    tile = np.random.default_rng(0).integers(200, 256, (500, 500, 3), dtype=np.uint8)
    tile[100:300, 150:350] = (200, 40, 40)
    sheet = Image.fromarray(np.tile(tile, (20, 20, 1)))
    sheet.save(tmp_path / f"0.{ending}", **({"quality": 90} if ending == "jpg" else {"compress_level": 1}))
    shutil.copy(tmp_path / f"0.{ending}", tmp_path / f"1.{ending}")
    del sheet
    files = [str(tmp_path / f"{number}.{ending}") for number in (0, 1)]
    words = [sys.executable, "-c", MEASURED, str(tiny_run.path), *files, str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0 and not done.stderr, done.stderr
    count, peak = map(int, done.stdout.split())
    assert count == 2 and peak < 2e9, f"{peak / 1e9:.2f} GB"
    with Image.open(tmp_path / "out" / "overlays" / "0.jpg") as drawn:
        assert max(drawn.size) <= 4096
    assert len(json.loads((tmp_path / "out" / "predictions.json").read_text())) > 100
