"""The contract of every format, found through the catalogue, and what each reads."""

import json

import pytest
import torch

from clearsight import catalogue, sources
from clearsight.sources import DataError
from clearsight.sources.annotations.layout import Format, Request
from clearsight.types import Boxes, Dataset, Sample

PARTS = catalogue.parts("sources.formats")
WITH_FOLDER = [part for part in PARTS if not part.load().embedded]
# The writers write boxes; formats whose own truth is another have tests of their own.
OF_BOXES = [part for part in WITH_FOLDER if part.load().offers[0] is Boxes]
EMBEDDED = [part for part in PARTS if part.load().embedded]


def names(parts):
    return [part.name for part in parts]


def test_the_register_holds_formats_only():
    assert {"voc", "coco", "yolo", "digits"} <= set(names(PARTS))
    assert "reading" not in names(PARTS)


@pytest.mark.parametrize("part", PARTS, ids=names(PARTS))
def test_a_format_has_the_face(part, tmp_path):
    format = part.load()
    assert isinstance(format, Format)
    assert len(part.summary) > 20 and format.looked_for
    assert not format.recognises(tmp_path)


@pytest.mark.parametrize("part", WITH_FOLDER, ids=names(WITH_FOLDER))
def test_an_empty_folder_is_one_clear_error(part, tmp_path):
    with pytest.raises(DataError):
        part.load().read(Request(folder=tmp_path))
    with pytest.raises(DataError):
        sources.read(f"{part.name}:{tmp_path}")


@pytest.mark.parametrize("part", EMBEDDED, ids=names(EMBEDDED))
def test_an_embedded_set_is_whole(part):
    source = part.load().read(Request(folder=None))
    assert {"train", "val"} <= set(source.splits)
    check(source)


@pytest.mark.parametrize("part", OF_BOXES, ids=names(OF_BOXES))
def test_a_set_is_recognised_and_read_as_written(part, tmp_path, writers, item):
    items = [
        item("a", (40, 60), (("dog", 5, 6, 25, 30), ("cat", 0, 0, 60, 40))),
        item("b", (64, 48), ()),
        item("c", (64, 48), (("bird", 1.5, 2.25, 3.75, 60),), "val"),
    ]
    folder = writers.write(part.name, tmp_path / "set", items)
    source = sources.read(folder)
    check(source)
    assert source.format == part.name
    assert source.class_names == ("bird", "cat", "dog")
    assert source.name == "set"
    train, val = source.split("train"), source.split("validation")
    assert [sample.id for sample in train] == ["a", "b"]
    assert [sample.id for sample in val] == ["c"]
    assert train[0].size == (40, 60) and train[1].size == (64, 48)
    torch.testing.assert_close(train[0].truth.xyxy, torch.tensor([[5.0, 6, 25, 30], [0, 0, 60, 40]]))
    assert train[0].truth.labels.tolist() == [2, 1]
    assert len(train[1].truth) == 0
    torch.testing.assert_close(val[0].truth.xyxy, torch.tensor([[1.5, 2.25, 3.75, 60]]))
    assert source.problems == ()


def check(source):
    assert source.class_names and len(set(source.class_names)) == len(source.class_names)
    for name, dataset in source.splits.items():
        assert isinstance(dataset, Dataset)
        assert dataset.split == name and dataset.class_names == source.class_names and dataset.fingerprint
        assert dataset.symmetries <= {"horizontal", "vertical"}
        for sample in (dataset[0], dataset[len(dataset) - 1]):
            assert isinstance(sample, Sample) and sample.id
            assert sample.image.dtype == torch.uint8 and sample.image.shape[0] == 3
            truth, (height, width) = sample.truth, sample.size
            assert isinstance(truth, Boxes)
            assert (truth.xyxy[:, :2] >= 0).all() and (truth.xyxy[:, :2] < truth.xyxy[:, 2:]).all()
            assert (truth.xyxy <= torch.tensor([width, height, width, height])).all()
            assert (truth.labels >= 0).all() and (truth.labels < len(source.class_names)).all()
            assert (truth.areas > 0).all()
        assert len({dataset[i].id for i in range(len(dataset))}) == len(dataset)
        with pytest.raises(IndexError):
            dataset[len(dataset)]


def test_a_voc_box_of_one_pixel_is_legal(tmp_path, writers, item):
    source = sources.read(writers.write("voc", tmp_path, [item("a", boxes=(("cat", 9, 9, 10, 10),))]), held_out=0.0)
    assert source.split("train")[0].truth.xyxy.tolist() == [[9, 9, 10, 10]]


def test_a_voc_set_with_a_corner_of_0_counts_from_0_throughout(tmp_path, writers, item):
    items = [item("a", boxes=(("cat", -1, 4, 10, 10),)), item("b", boxes=(("cat", 4, 4, 60, 10),))]
    source = sources.read(writers.write("voc", tmp_path, items), held_out=0.0)
    assert [sample.truth.xyxy.tolist()[0] for sample in source.split("train")] == [[0, 5, 10, 10], [5, 5, 60, 10]]
    assert "from 0" in source.problems[0]


def test_difficult_and_crowds_are_ignored_and_areas_kept(tmp_path, writers, item):
    boxes = (("cat", 5, 6, 25, 30), ("cat", 1, 1, 11, 11))
    for format in ("voc", "coco"):
        folder = writers.write(format, tmp_path / format, [item("a", boxes=boxes, difficult=(1,))])
        truth = sources.read(folder, held_out=0.0).split("train")[0].truth
        assert truth.ignored.tolist() == [False, True]
        assert truth.areas.tolist() == ([480, 100] if format == "voc" else [240, 50])


def test_voc_files_beside_each_other_and_in_split_folders(tmp_path, writers, item):
    for split in ("train", "valid"):
        for name in ("a", "b"):
            writers.picture(tmp_path / split / f"{name}.png")
            (tmp_path / split / f"{name}.xml").write_text(writers.xml(item(name)))
    source = sources.read(tmp_path)
    assert [sample.id for sample in source.split("train")] == ["train/a", "train/b"]
    assert [sample.id for sample in source.split("val")] == ["val/a", "val/b"]
    assert source.fingerprint != sources.read(tmp_path / "train").fingerprint


def test_voc_trainval_counts_only_alone(tmp_path, writers, item):
    items = [item(name) for name in "abcdefghij"]
    folder = writers.write("voc", tmp_path, items)
    (folder / "ImageSets" / "Main" / "train.txt").rename(folder / "ImageSets" / "Main" / "trainval.txt")
    source = sources.read(folder)
    assert (len(source.split("train")), len(source.split("val"))) == (8, 2)
    assert "held out as val" in source.problems[-1]


def test_coco_beside_pictures_and_names_joined_between_files(tmp_path, writers):
    for split, categories in (("train", ["cat", "dog"]), ("valid", ["dog", "cat", "eel"])):
        writers.picture(tmp_path / split / "x.png")
        content = {
            "images": [{"id": 1, "file_name": "x.png"}],
            "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
            "categories": [{"id": id, "name": name} for id, name in enumerate(categories)],
        }
        (tmp_path / split / "_annotations.coco.json").write_text(json.dumps(content))
    source = sources.read(tmp_path)
    assert source.class_names == ("cat", "dog", "eel")
    assert source.split("train")[0].truth.labels.tolist() == [1]
    assert source.split("val")[0].truth.labels.tolist() == [0]


def test_yolo_polygons_become_boxes_with_their_area(tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path, [item("a", (100, 200))])
    (folder / "labels" / "train" / "a.txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.9")
    truth = sources.read(folder, held_out=0.0).split("train")[0].truth
    torch.testing.assert_close(truth.xyxy, torch.tensor([[20.0, 10, 100, 90]]))
    torch.testing.assert_close(truth.areas, torch.tensor([3200.0]))


def test_yolo_classes_stay_the_words_they_are(tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path, [item("a", boxes=(("x", 1, 1, 9, 9),))])
    (folder / "data.yaml").write_text("names: [no, 1.0, null]\ntrain: images/train\n")
    assert sources.read(folder, held_out=0.0).class_names == ("no", "1.0", "null")


def test_yolo_lists_of_pictures(tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path, [item(name) for name in "abc"])
    (folder / "train.txt").write_text("./images/train/a.png\nimages/train/b.png\n")
    (folder / "val.txt").write_text("images/train/c.png\n")
    (folder / "data.yaml").write_text("names: {4: cat, 0: dog}\ntrain: train.txt\nval: val.txt\n")
    (folder / "labels" / "train" / "a.txt").write_text("4 0.5 0.5 0.1 0.1\n")
    source = sources.read(folder)
    assert source.class_names == ("dog", "cat")
    assert source.split("train")[0].truth.labels.tolist() == [1]
    assert source.split("train")[1].truth.labels.tolist() == [0]
    assert [sample.id for sample in source.split("val")] == ["train/c"]


@pytest.mark.parametrize("declared", ["images/train", "../images/train", "../pictures"])
def test_yolo_pictures_in_a_sibling_folder_or_behind_a_link(tmp_path, writers, item, declared):
    folder = writers.write("yolo", tmp_path / "set", [item(name) for name in "abcdef"])
    elsewhere = tmp_path / ("pictures" if declared == "../pictures" else "images/train")
    elsewhere.parent.mkdir(exist_ok=True)
    (folder / "images" / "train").rename(elsewhere)
    labels = folder / "labels" / "pictures"
    if declared == "../pictures":
        (folder / "labels" / "train").rename(labels)
    (folder / "data.yaml").write_text(f"names: [cat]\ntrain: {declared}\nval: {declared}\n")
    source = sources.read(folder)
    assert (len(source.split("train")), len(source.split("val"))) == (5, 1)
    assert "another split" in source.problems[0]
    assert len(source.split("train")[0].truth) == 1


def test_yolo_declared_folder_may_be_a_link_out_of_the_tree(tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path / "deep" / "set", [item("a"), item("b")])
    (folder / "images" / "train").rename(tmp_path / "far")
    (folder / "images" / "train").symlink_to(tmp_path / "far")
    assert len(sources.read(folder, held_out=0.0).split("train")) == 2


def test_aligned_classes_follow_names(tmp_path, writers, item):
    source = sources.read(writers.write("voc", tmp_path, [item("a", boxes=(("dog", 1, 1, 9, 9),))]), held_out=0.0)
    aligned = source.aligned(("cat", "dog"))
    assert aligned.split("train")[0].truth.labels.tolist() == [1]
    assert aligned.split("train").class_names == ("cat", "dog")
    with pytest.raises(DataError, match="dog"):
        source.aligned(("cat",))
