"""Tables of pictures: bytes and paths, every kind of truth, groups, clusters, and what is wrong with some."""

import io
import os
import pickle
import time

import polars
import pytest
from PIL import Image

from clearsight import sources
from clearsight.printing.results import description
from clearsight.sources import DataError, describe, records_of
from clearsight.types import Label, Labels, Value


def png(shade, size=(6, 8)):
    buffer = io.BytesIO()
    Image.new("RGB", size[::-1], (shade, 0, 0)).save(buffer, "png")
    return buffer.getvalue()


def embedded(path, rows=12, **columns):
    """A table as Hugging Face writes it."""
    pictures = [{"bytes": png(row), "path": None} for row in range(rows)]
    polars.DataFrame({"image": pictures, **columns}).write_parquet(path)
    return path


def paths(writers, folder, text):
    for row in range(6):
        writers.picture(folder / "images" / f"{row}.png")
    (folder / "table.csv").write_text(text)
    return folder


def test_embedded_pictures_are_read_and_stay_encoded(tmp_path):
    table = embedded(
        tmp_path / "train.parquet", label=["cat", "dog"] * 6, sex=["f"] * 5 + ["m"] * 7, patient=[1, 2, 3] * 4
    )
    source = sources.read(table, held_out=0.0)
    assert (source.format, source.truth, source.class_names) == ("image-table", Label, ("cat", "dog"))
    data = source.split("train")
    assert data[1].truth == Label(index=1) and data[1].groups == {"sex": "f"} and data[1].cluster == "2"
    assert data[3].image.shape == (3, 6, 8) and data[3].image[0, 0, 0] == 3
    record = pickle.loads(pickle.dumps(records_of(data)[3]))
    assert record.decode(4).shape == (3, 3, 4) and record.picture.data == png(3)
    folder = tmp_path / "set"
    (folder / "data").mkdir(parents=True)
    for split in ("train", "validation"):
        embedded(folder / "data" / f"{split}-00000-of-00001.parquet", label=["cat", "dog"] * 6)
    assert {name: len(split) for name, split in sources.read(folder).splits.items()} == {"train": 12, "val": 12}


def test_paths_and_the_target_column(tmp_path, writers):
    rows = "".join(f"{row}.png,{'ab'[row % 2]},{row * 1.5},{row // 3}\n" for row in range(6))
    folder = paths(writers, tmp_path, "file,kind,weight,scene\n" + rows)
    source = sources.read(folder, target="kind", held_out=0.0)
    data = source.split("train")
    assert source.class_names == ("a", "b") and [sample.cluster for sample in data] == list("000111")
    source = sources.read(folder / "table.csv", target="weight", held_out=0.0, wanted=(Value,))
    assert source.truth is Value and source.split("train")[2].truth == Value(value=3.0)
    about = describe(source)
    assert about.splits["train"].truths["value"] == {"least": 0.0, "median": 3.75, "mean": 3.75, "most": 7.5}
    assert "train value" in description(about)


def test_a_target_that_is_not_there_names_the_nearest(tmp_path):
    table = embedded(tmp_path / "train.parquet", gender=["f", "m"] * 6)
    with pytest.raises(DataError, match="no column 'gendr'.*Did you mean gender"):
        sources.read(table, target="gendr")
    with pytest.raises(DataError, match="there is no column of targets.*--target: gender"):
        sources.read(table)
    with pytest.raises(DataError, match="gender gives one class per picture. Expected one number"):
        sources.read(table, target="gender", wanted=(Value,))


def test_four_states_are_kept_apart(tmp_path, writers):
    rows = "0.png,1,0\n1.png,0.0,-1\n2.png,,1\n3.png,-1.0,\n4.png,1,1\n5.png,0,0\n"
    folder = paths(writers, tmp_path, "path,edema,fracture\n" + rows)
    source = sources.read(folder, target="edema,fracture", held_out=0.0)
    assert source.truth is Labels and source.class_names == ("edema", "fracture")
    assert [sample.truth.states.tolist() for sample in source.split("train")] == [
        [1, 0], [0, 2], [3, 1], [2, 3], [1, 1], [0, 0]
    ]  # fmt: skip
    tally = describe(source).splits["train"].truths
    assert tally["present"] == {"edema": 2, "fracture": 2} and tally["unread"] == {"edema": 1, "fracture": 1}
    (folder / "table.csv").write_text("path,edema,fracture\n0.png,maybe,0\n1.png,1,0\n")
    with pytest.raises(DataError, match="label that is no state .edema: maybe"):
        sources.read(folder, target="edema,fracture")


def test_lists_of_labels(tmp_path):
    table = embedded(tmp_path / "train.parquet", labels=[["a"], ["b", "a"], [], None] * 3)
    source = sources.read(table, held_out=0.0)
    assert [source.split("train")[row].truth.states.tolist() for row in range(4)] == [[1, 0], [1, 1], [0, 0], [3, 3]]


def test_broken_bytes_are_named_by_row_and_left_out_where_asked(tmp_path):
    pictures = [{"bytes": png(row), "path": None} for row in range(8)]
    pictures[2]["bytes"] = pictures[2]["bytes"][:30]
    pictures[5]["bytes"] = b"no picture"
    pictures[6]["bytes"] = None
    table = tmp_path / "train.parquet"
    polars.DataFrame({"image": pictures, "label": [0, 1] * 4}).write_parquet(table)
    with pytest.raises(DataError, match="3 problems") as error:
        sources.read(table)
    assert all(f"row {row}:" in str(error.value) for row in (3, 6, 7))
    source = sources.read(table, skip_bad=True, held_out=0.0)
    assert [sample.id for sample in source.split("train")] == ["1", "2", "4", "5", "8"]
    assert sum("left out" in problem for problem in source.problems) == 3


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["cat"] * 12, "the class 'cat' only"),
        ([f"id {row}" for row in range(12)], "12 classes in as many rows"),
        ([None] * 12, "no class"),
    ],
)
def test_targets_that_cannot_be_learnt(tmp_path, labels, message):
    table = embedded(tmp_path / "train.parquet", label=polars.Series(labels, dtype=polars.String))
    with pytest.raises(DataError, match=message):
        sources.read(table)


def test_a_file_that_is_no_table_of_pictures(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match="is a file. Expected a folder .* or a table"):
        sources.read(tmp_path / "notes.txt")
    (tmp_path / "plain.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no column of pictures"):
        sources.read(f"image-table:{tmp_path / 'plain.csv'}")


def test_the_real_digits_are_read_quickly():
    folder = os.environ.get("CLEARSIGHT_DATA")
    if not folder:
        pytest.skip("CLEARSIGHT_DATA names no folder of real data")
    start = time.perf_counter()
    source = sources.read(f"{folder}/mnist/train.parquet")
    assert time.perf_counter() - start < 40, "10 seconds on a machine of its own"
    assert {name: len(split) for name, split in source.splits.items()} == {"train": 48_000, "val": 12_000}
    faces = sources.read(f"{folder}/faces/train.parquet", target="gender")
    assert faces.class_names == ("female", "male") and faces.split("train")[0].groups.keys() == {"race"}
