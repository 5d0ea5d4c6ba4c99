import csv
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import clearsight as cs
from clearsight.prediction.inputs import found_files, unique_names
from clearsight.run import Run
from clearsight.types import Detections
from clearsight.verbs.predict import Predicted, results

LOW = 0.015


@pytest.fixture(scope="module")
def pictures(rectangles, tmp_path_factory):
    """Four pictures in two folders: two share a name, one is wider than high and large, and a text lies beside them."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "more").mkdir()
    source = rectangles / "JPEGImages"
    shutil.copy(source / "scene050.png", folder / "a.png")
    shutil.copy(source / "scene051.png", folder / "more" / "a.png")
    shutil.copy(source / "scene052.png", folder / "B.PNG")
    noise = np.random.default_rng(0).integers(200, 256, (48, 64, 3), dtype=np.uint8)
    noise[12:36, 32:52] = (200, 40, 40)
    Image.fromarray(noise).resize((320, 240), Image.Resampling.NEAREST).save(folder / "wide.jpg", quality=95)
    (folder / "notes.txt").write_text("no picture")
    return folder


def pixels(file):
    with Image.open(file) as picture:
        return np.asarray(picture, dtype=int)


@pytest.fixture
def broken(pictures, tmp_path):
    """A folder with two good pictures and two bad ones."""
    shutil.copy(pictures / "a.png", tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes((pictures / "a.png").read_bytes()[:300])
    (tmp_path / "3.jpg").write_text("hello")
    shutil.copy(pictures / "B.PNG", tmp_path / "4.png")
    return tmp_path


def test_files_folders_and_patterns_name_pictures_once(pictures):
    names = [str(path.relative_to(pictures)) for path in found_files([pictures])]
    assert names == ["B.PNG", "a.png", "more/a.png", "wide.jpg"]
    again = found_files([pictures / "wide.jpg", f"{pictures}/*.png", pictures, str(pictures / "**" / "a.png")])
    assert [str(path.relative_to(pictures)) for path in again] == ["wide.jpg", "a.png", "B.PNG", "more/a.png"]


@pytest.mark.parametrize("word", ["nothing.png", "no-*.png", "more*"])
def test_words_that_name_no_picture_are_refused(pictures, word):
    with pytest.raises(ValueError, match="there is no picture"):
        found_files([pictures / word])


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a[1].png")
    assert found_files([tmp_path / "a[1].png"]) == [tmp_path / "a[1].png"]


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no pictures in"):
        found_files([tmp_path])


def test_names_are_the_pictures_own_and_all_different(tmp_path):
    files = [tmp_path / name for name in ("a/x.png", "b/x.jpg", "c/x-1.png", "d/X.png", "y.png", "e/x-2.png")]
    names = unique_names(files)
    assert names[2] == "x-1" and names[4] == "y" and names[5] == "x-2"
    assert len({name.casefold() for name in names}) == len(names)


def test_what_is_found_is_written_once_in_every_form(tiny_run, pictures, tmp_path):
    out = tmp_path / "deep" / "found"
    found = cs.predict(tiny_run, pictures, out=out, min_score=LOW)
    assert sorted(path.name for path in out.iterdir()) == ["overlays", "predictions.csv", "predictions.json"]
    assert sorted(path.name for path in (out / "overlays").iterdir()) == ["B.jpg", "a-2.jpg", "a-3.jpg", "wide.jpg"]
    assert [path.name for path in out.parent.iterdir()] == ["found"], "nothing unfinished is left"
    rows = json.loads((out / "predictions.json").read_text())
    assert rows == results(found) and len(rows) == sum(len(one) for one in found.predictions) > 2
    for row in rows:
        file = found.files[row["image_id"] - 1]
        width, height = pixels(file).shape[1::-1]
        x, y, w, h = row["bbox"]
        assert row["file_name"] == str(file) and row["category_name"] == found.class_names[row["category_id"] - 1]
        assert x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= width + 0.02 and y + h <= height + 0.02
        assert LOW <= row["score"] <= 1
    with open(out / "predictions.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(rows)
    for line, row in zip(table, rows, strict=True):
        x, y, w, h = row["bbox"]
        assert [float(line[key]) for key in ("x1", "y1", "x2", "y2")] == pytest.approx([x, y, x + w, y + h], abs=0.011)
        assert (line["file_name"], line["category_name"]) == (row["file_name"], row["category_name"])


def test_boxes_are_in_the_pictures_own_pixels(tiny_run, pictures):
    (found,) = cs.predict(tiny_run, [pictures / "wide.jpg"], min_score=LOW).predictions
    red = torch.tensor([160.0, 60, 260, 180])
    best = found.xyxy[0]
    low, high = torch.maximum(best[:2], red[:2]), torch.minimum(best[2:], red[2:])
    shared = (high - low).clamp(min=0).prod()
    union = (best[2:] - best[:2]).prod() + (red[2:] - red[:2]).prod() - shared
    assert shared / union > 0.3, f"the best box {best.tolist()} is not where the rectangle is"


def test_overlays_are_the_pictures_with_boxes(tiny_run, pictures, tmp_path):
    cs.predict(tiny_run, [pictures / "wide.jpg"], out=tmp_path / "x", min_score=LOW)
    drawn, plain = pixels(tmp_path / "x" / "overlays" / "wide.jpg"), pixels(pictures / "wide.jpg")
    assert drawn.shape == plain.shape
    changed = (np.abs(drawn - plain).max(2) > 40).mean()
    assert 0.005 < changed < 0.7


def test_the_batch_makes_no_difference(tiny_run, pictures):
    one, four = (cs.predict(tiny_run, pictures, batch=batch, min_score=LOW).predictions for batch in (1, 4))
    assert [len(a) for a in one] == [len(b) for b in four]


def test_the_settled_threshold_is_used_unless_another_is_given(tiny_run, pictures):
    threshold = tiny_run.config.settings["deployed"]["threshold"]
    settled, every, none = (cs.predict(tiny_run, pictures, min_score=score) for score in (None, 0.0, 1.0))
    assert all((one.scores >= threshold).all() for one in settled.predictions)
    assert sum(map(len, every.predictions)) > sum(map(len, settled.predictions)) > 0 == sum(map(len, none.predictions))
    assert every.folder is None


def test_without_overlays_only_the_tables_are_written(tiny_run, pictures, tmp_path):
    cs.predict(tiny_run, pictures / "a.png", out=tmp_path / "x", overlays=False)
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == ["predictions.csv", "predictions.json"]


def test_a_picture_without_a_find_makes_an_empty_table_and_an_overlay(tiny_run, pictures, tmp_path):
    cs.predict(tiny_run, pictures / "a.png", out=tmp_path / "x", min_score=1.0)
    assert json.loads((tmp_path / "x" / "predictions.json").read_text()) == []
    assert (tmp_path / "x" / "predictions.csv").read_text().splitlines() == [
        "file_name,category_name,score,x1,y1,x2,y2"
    ]
    assert (tmp_path / "x" / "overlays" / "a.jpg").is_file()


def test_a_folder_that_holds_something_is_not_touched(tiny_run, pictures, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(ValueError, match="not empty.*--out"):
        cs.predict(tiny_run, pictures, out=tmp_path)
    with pytest.raises(ValueError, match="not empty"):
        cs.predict(tiny_run, pictures, out=tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_may_be_used_and_a_neighbour_is_left_alone(tiny_run, pictures, tmp_path):
    (tmp_path / "x.partial").mkdir()
    (tmp_path / "x.partial" / "mine.txt").write_text("keep")
    (tmp_path / "x").mkdir()
    cs.predict(tiny_run, pictures / "a.png", out=tmp_path / "x")
    assert (tmp_path / "x" / "predictions.json").is_file() and (tmp_path / "x.partial" / "mine.txt").is_file()


def test_all_bad_pictures_are_named_at_once_and_nothing_is_written(tiny_run, broken):
    with pytest.raises(ValueError, match="2 of 4 files") as error:
        cs.predict(tiny_run, broken, out=broken / "out")
    assert "2.png" in str(error.value) and "3.jpg" in str(error.value) and "--skip-bad" in str(error.value)
    assert sorted(path.name for path in broken.iterdir()) == ["1.png", "2.png", "3.jpg", "4.png"]


def test_bad_pictures_are_left_out_and_named_where_asked(tiny_run, broken):
    found = cs.predict(tiny_run, broken, out=broken / "out", skip_bad=True)
    assert [path.name for path in found.files] == ["1.png", "4.png"]
    assert len(found.skipped) == 2 and "2.png" in found.skipped[0] and "3.jpg" in found.skipped[1]
    assert len(list((broken / "out" / "overlays").iterdir())) == 2


def test_a_picture_that_breaks_on_the_way_leaves_nothing_half_written(tiny_run, broken, pictures):
    whole = (pictures / "a.png").read_bytes()
    for name in ("2.png", "3.jpg"):
        (broken / name).write_bytes(whole)
    middle = bytearray(whole)  # the header and the end are right, the pixels are not
    middle[len(whole) // 3 : len(whole) // 3 + 60] = bytes(60)
    (broken / "3.jpg").write_bytes(middle)
    with pytest.raises(ValueError, match=r"3\.jpg"):
        cs.predict(tiny_run, broken, out=broken / "out", batch=1)
    assert sorted(path.name for path in broken.iterdir()) == ["1.png", "2.png", "3.jpg", "4.png"]


def test_all_bad_is_an_error_even_where_bad_ones_may_be_skipped(tiny_run, tmp_path):
    (tmp_path / "1.png").write_text("x")
    with pytest.raises(ValueError, match="none of the 1 files"):
        cs.predict(tiny_run, tmp_path, skip_bad=True)


def test_a_place_that_cannot_be_written_is_one_clear_error(tiny_run, pictures, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="could not write"):
        cs.predict(tiny_run, pictures / "a.png", out=tmp_path / "file" / "x")


HOSTILE = ('=HYPERLINK("http://x")', "../../etc/passwd", "<script>alert(1)</script>", 'a\nb,"c"')


@pytest.fixture
def hostile_run(tiny_run, tmp_path):
    """The run, its two classes renamed."""

    def make(names):
        folder = tmp_path / "-".join(str(abs(hash(names))))[:20]
        shutil.copytree(tiny_run.path, folder)
        run = Run.open(folder)
        run.change(class_names=names)
        return run

    return make


@pytest.mark.parametrize("names", [HOSTILE[:2], HOSTILE[2:]])
def test_hostile_class_names_stay_text(hostile_run, pictures, tmp_path, names):
    run = hostile_run(names)
    cs.predict(run, pictures, out=tmp_path / "out", min_score=0.02)
    rows = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert {row["category_name"] for row in rows} == set(names)
    with open(tmp_path / "out" / "predictions.csv", newline="", encoding="utf-8") as file:
        cells = [row["category_name"] for row in csv.DictReader(file)]
    assert len(cells) == len(rows) and not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    assert [cell.removeprefix("'") for cell in cells] == [row["category_name"] for row in rows]
    assert len(list((tmp_path / "out" / "overlays").iterdir())) == 4


def test_a_file_name_is_no_formula_in_the_table(tiny_run, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(pictures / "a.png", "=1+1.png")
    cs.predict(tiny_run, "=1+1.png", out="out", min_score=0.01)
    lines = (tmp_path / "out" / "predictions.csv").read_text().splitlines()
    assert len(lines) > 1 and all(line.startswith("'=1+1.png,") for line in lines[1:])
    assert json.loads((tmp_path / "out" / "predictions.json").read_text())[0]["file_name"] == "=1+1.png"


def test_coco_rows_by_hand(tmp_path):
    first = Detections(
        xyxy=torch.tensor([[1.0, 2, 4, 8], [0, 0, 1.5, 2.25]]),
        scores=torch.tensor([0.9, 0.123456789]),
        labels=torch.tensor([1, 0]),
    )
    nothing = Detections(xyxy=torch.zeros(0, 4), scores=torch.zeros(0), labels=torch.zeros(0, dtype=torch.long))
    files = (tmp_path / "empty.png", tmp_path / "a.png")
    found = Predicted(files=files, predictions=(nothing, first), class_names=("cat", "dog"), folder=None)
    assert results(found) == [
        {"image_id": 2, "file_name": str(files[1]), "category_id": 2, "category_name": "dog",
         "bbox": [1.0, 2.0, 3.0, 6.0], "score": 0.9},
        {"image_id": 2, "file_name": str(files[1]), "category_id": 1, "category_name": "cat",
         "bbox": [0.0, 0.0, 1.5, 2.25], "score": 0.12346},
    ]  # fmt: skip
