import contextlib
import csv
import io
import json
import subprocess
import sys

import pytest

from clearsight.prediction import writing

ROWS = writing.object_rows([[1.0, 2.0, 4.0, 8.0], [0.0, 0.0, 1.5, 2.25]], [0.9, 0.123456789], [1, 0], ("cat", "=dog()"))


def seen(number, **fields):
    return writing.Seen(image_id=number, file_name=f"{number}.png", size=(20, 10), name=f"p{number}", **fields)


def test_writing_needs_no_torch():
    code = "import sys, clearsight.prediction.writing; assert not {'torch', 'numpy', 'PIL'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def write(folder, *pictures, formats=writing.FORMATS, frames=False, objects=True):
    with writing.Tables(folder, formats, ("cat", "=dog()"), frames=frames, objects=objects) as tables:
        for one, rows in pictures:
            tables.add(one, rows)


def test_every_format_says_the_same_objects(tmp_path):
    write(tmp_path, (seen(1), []), (seen(2), ROWS))
    rows = json.loads((tmp_path / "predictions.json").read_text())
    assert rows[0] == {
        "image_id": 2, "file_name": "2.png", "category_id": 2, "category_name": "=dog()",
        "bbox": [1.0, 2.0, 3.0, 6.0], "score": 0.9,
    }  # fmt: skip
    with open(tmp_path / "predictions.csv", newline="") as file:
        assert list(csv.reader(file)) == [
            ["file_name", "category_name", "score", "x1", "y1", "x2", "y2"],
            ["2.png", "'=dog()", "0.9", "1.0", "2.0", "4.0", "8.0"],
            ["2.png", "cat", "0.12346", "0.0", "0.0", "1.5", "2.25"],
        ]
    assert (tmp_path / "labels" / "p1.txt").read_text() == ""
    lines = (tmp_path / "labels" / "p2.txt").read_text().splitlines()
    assert lines[0] == "1 0.250000 0.250000 0.300000 0.300000 0.90000" and lines[1].startswith("0 0.075000 0.056250")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "coco.json", "labels", "predictions.csv", "predictions.json"
    ]  # fmt: skip


@pytest.mark.parametrize("pictures", [[], [(1, [])], [(1, ROWS), (2, []), (3, ROWS)]])
def test_coco_files_are_loaded_by_the_reference_tool(tmp_path, pictures):
    from pycocotools.coco import COCO

    write(tmp_path, *((seen(number), rows) for number, rows in pictures), formats=["coco"])
    with contextlib.redirect_stdout(io.StringIO()):
        found = COCO(str(tmp_path / "coco.json"))
    assert sorted(found.getImgIds()) == [number for number, _ in pictures]
    assert [found.cats[number]["name"] for number in (1, 2)] == ["cat", "=dog()"]
    assert len(found.anns) == sum(len(rows) for _, rows in pictures)
    for number, rows in pictures:
        boxes = [one["bbox"] for one in found.loadAnns(found.getAnnIds(imgIds=number))]
        assert boxes == [row["bbox"] for row in rows]
        assert found.imgs[number]["height"] == 20 and found.imgs[number]["width"] == 10


def test_frames_carry_their_number_and_time(tmp_path):
    write(tmp_path, (seen(1), ROWS), (seen(2, frame=7, time_s=0.28), ROWS[:1]), frames=True)
    rows = json.loads((tmp_path / "predictions.json").read_text())
    assert "frame" not in rows[0] and (rows[2]["frame"], rows[2]["time_s"]) == (7, 0.28)
    with open(tmp_path / "predictions.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["frame"], row["time_s"]) for row in table] == [("", ""), ("", ""), ("7", "0.28")]


def test_nothing_found_makes_whole_files(tmp_path):
    write(tmp_path, formats=["json", "csv"])
    assert json.loads((tmp_path / "predictions.json").read_text()) == []
    assert (tmp_path / "predictions.csv").read_text().splitlines() == ["file_name,category_name,score,x1,y1,x2,y2"]


def test_an_outline_is_for_yolo_alone(tmp_path):
    row = ROWS[0] | {"outline": [(1, 2), (4, 2), (4, 8)], "segmentation": {"size": [20, 10], "counts": "x"}}
    write(tmp_path, (seen(1), [row]))
    line = (tmp_path / "labels" / "p1.txt").read_text()
    assert line == "1 0.100000 0.100000 0.400000 0.100000 0.400000 0.400000 0.90000\n"
    (said,) = json.loads((tmp_path / "predictions.json").read_text())
    assert "outline" not in said and said["segmentation"]["counts"] == "x"
    assert "segmentation" not in (tmp_path / "predictions.csv").read_text()


def test_formats_are_checked():
    assert writing.formats_of(["coco", " CSV", "coco"], objects=True) == ("coco", "csv")
    with pytest.raises(ValueError, match="no format 'xml'.*json, csv, coco, yolo"):
        writing.formats_of(["xml"], objects=True)
    with pytest.raises(ValueError, match="yolo holds objects"):
        writing.formats_of(["yolo"], objects=False)


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with writing.appearing(tmp_path / "deep" / "a") as partial:
        (partial / "x").write_text("1")
        assert not (tmp_path / "deep" / "a").exists()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a"]
    with pytest.raises(KeyboardInterrupt), writing.appearing(tmp_path / "b") as partial:
        (partial / "x").write_text("1")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    with pytest.raises(ValueError, match="not empty"):
        writing.new_folder(tmp_path / "deep")
