"""One folder for each class: splits, nesting, and what is wrong with some."""

import pytest

from clearsight import sources
from clearsight.printing.results import description
from clearsight.sources import DataError, describe
from clearsight.types import Label


def made(writers, folder, names, per=3):
    for name in names:
        for index in range(per):
            writers.picture(folder / name / f"{index}.png")
    return folder


def test_classes_are_folders_and_a_part_is_held_out(tmp_path, writers):
    source = sources.read(made(writers, tmp_path / "pets", ["cat", "dog"], 10))
    assert (source.format, source.truth, source.class_names) == ("class-folders", Label, ("cat", "dog"))
    assert {name: len(split) for name, split in source.splits.items()} == {"train": 16, "val": 4}
    ids = {sample.id: sample.truth for split in source.splits.values() for sample in split}
    assert ids["dog/3"] == Label(index=1) and len(ids) == 20
    about = describe(source)
    assert about.splits["train"].truths == {"pictures": {"cat": 8, "dog": 8}}
    assert about.imbalance == 1.0 and about.absent_classes == {}
    assert "one class per picture" in description(about) and "train pictures" in description(about)


def test_splits_are_folders_around_the_classes_which_may_be_nested(tmp_path, writers):
    folder = made(writers, tmp_path, ["train/animals/cat", "train/animals/dog", "train/car", "valid/car"])
    source = sources.read(folder)
    assert source.class_names == ("animals/cat", "animals/dog", "car")
    assert {name: len(split) for name, split in source.splits.items()} == {"train": 9, "val": 3}
    assert describe(source).absent_classes == {"val": ("animals/cat", "animals/dog")}


def test_a_class_folder_without_pictures_is_named(tmp_path, writers):
    folder = made(writers, tmp_path, ["cat", "dog"])
    (folder / "empty").mkdir()
    (folder / "empty" / "notes.txt").write_text("none yet")
    with pytest.raises(DataError, match=r"empty: class folder without pictures \(1 other files\)"):
        sources.read(folder)
    source = sources.read(folder, skip_bad=True)
    assert source.class_names == ("cat", "dog") and any("empty" in problem for problem in source.problems)


def test_one_class_only_and_broken_pictures_are_refused(tmp_path, writers):
    folder = made(writers, tmp_path / "a", ["cat"])
    with pytest.raises(DataError, match="one class only: cat"):
        sources.read(folder)
    folder = made(writers, tmp_path / "b", ["cat", "dog"])
    (folder / "cat" / "0.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="cat/0.png"):
        sources.read(folder)


def test_detection_folders_are_not_taken_for_classes(tmp_path, writers, item):
    for name in writers.names:
        folder = writers.write(name, tmp_path / name, [item("a"), item("b", split="val")])
        assert sources.read(folder).format == name
