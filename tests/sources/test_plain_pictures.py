"""Data where only the pictures are of use: every layout, and pictures without any annotation."""

import csv

import pytest
import torch

import clearsight as cs
from clearsight import sources
from clearsight.loading.data import gather
from clearsight.ops.degradations import Noisy, Smaller
from clearsight.ops.noise import NOISES
from clearsight.printing import results
from clearsight.sources import DataError, records_of
from clearsight.sources.samples.picture_pairs import paired
from clearsight.types import Boxes, Label, Picture

WANTED = (Picture,)


def flat(writers, folder, count=10):
    for index in range(count):
        writers.picture(folder / f"{index}.png")
    return folder


def test_a_folder_of_pictures_is_read_where_pictures_are_wanted(tmp_path, writers):
    folder = flat(writers, tmp_path / "photos")
    with pytest.raises(DataError, match="no annotations found"):
        sources.read(folder, wanted=(Boxes,))
    source = sources.read(folder, wanted=WANTED)
    assert (source.format, source.truth, source.class_names) == ("pictures", Picture, ())
    assert {name: len(one) for name, one in source.splits.items()} == {"train": 8, "val": 2}
    assert all(record.truth is None and not record.groups for record in records_of(source.split("train")))
    named = sources.read(f"pictures:{folder}")
    assert named.fingerprint == source.fingerprint


def test_folders_named_after_splits_are_splits_and_attributes_may_lie_beside(tmp_path, writers):
    folder = tmp_path / "photos"
    flat(writers, folder / "train", 4)
    flat(writers, folder / "test", 3)
    flat(writers, folder / "valid", 2)
    (folder / "attributes.csv").write_text("id,light\n" + "".join(f"train/{k},day\n" for k in range(2)))
    source = sources.read(folder, wanted=WANTED)
    assert {name: len(one) for name, one in source.splits.items()} == {"train": 4, "val": 2, "test": 3}


@pytest.mark.parametrize("name", ["labels.json", "0.xml", "0.txt", "boxes.csv"])
def test_pictures_with_something_that_may_annotate_them_must_be_named(tmp_path, writers, name):
    folder = flat(writers, tmp_path / "photos")
    (folder / name).write_text("{}")
    with pytest.raises(DataError):
        sources.read(folder, wanted=WANTED)
    assert len(sources.read(f"pictures:{folder}", wanted=WANTED).split("train")) == 8


def test_a_model_of_another_kind_does_not_take_them(tmp_path, writers):
    folder = flat(writers, tmp_path / "photos")
    with pytest.raises(ValueError, match="pictures, with or without labels.*boxes.*denoiser"):
        gather(f"pictures:{folder}", 64, wanted=(Boxes,))


def test_classes_become_a_group_and_the_labels_stay(tmp_path, writers):
    for name in ("cat", "dog"):
        flat(writers, tmp_path / "pets" / name)
    plain, source = sources.read(tmp_path / "pets"), sources.read(tmp_path / "pets", wanted=WANTED)
    assert source.truth is Picture and plain.truth is Label
    assert source.fingerprint == plain.fingerprint
    for name in source.splits:
        assert source.splits[name].fingerprint == plain.splits[name].fingerprint
        for sample in source.splits[name]:
            assert sample.groups["class"] == source.class_names[sample.truth.index]
    assert not any(record.groups for record in records_of(plain.split("train")))


def test_one_class_is_enough_for_pictures(tmp_path, writers):
    flat(writers, tmp_path / "faces" / "all")
    assert len(sources.read(tmp_path / "faces", wanted=WANTED).split("train")) == 8


def test_an_attribute_named_class_is_kept(tmp_path, writers):
    for name in ("cat", "dog"):
        flat(writers, tmp_path / "pets" / name, 3)
    with (tmp_path / "pets" / "attributes.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["id", "class"], *([f"{name}/{k}", "mine"] for name in ("cat", "dog") for k in range(3))]
        )
    source = sources.read(tmp_path / "pets", wanted=WANTED)
    assert {sample.groups["class"] for sample in source.split("train")} == {"mine"}


@pytest.mark.parametrize("format", ["voc", "coco", "yolo"])
def test_boxes_are_no_hindrance(tmp_path, writers, item, format):
    folder = writers.write(format, tmp_path / "set", [item(f"p{k}") for k in range(6)])
    gathered = gather(str(folder), 32, wanted=WANTED)
    assert gathered.source.truth is Picture and gathered.source.format == format
    assert isinstance(gathered.source.split("train")[0].truth, Boxes)


@pytest.mark.parametrize(
    ("header", "cells", "classes"),
    [
        (["path", "label"], ["a", "b"], {"a", "b"}),
        (["path"], [], None),
        (["path", "label"], ["a", ""], {"a", "unknown"}),
        (["path", "label"], ["a", "a"], None),
    ],
    ids=["labels", "no column", "some labels", "one class"],
)
def test_a_table_needs_no_truths(tmp_path, writers, header, cells, classes):
    rows = []
    for index in range(8):
        writers.picture(tmp_path / f"{index}.png")
        rows.append([f"{index}.png", *([cells[index % 2]] if cells else [])])
    if "" in cells:
        rows[-2][1] = "b"
    with (tmp_path / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    source = sources.read(tmp_path / "table.csv", wanted=WANTED)
    samples = [sample for split in source.splits.values() for sample in split]
    assert len(samples) == 8 and source.truth is Picture
    found = {sample.groups.get("class") for sample in samples}
    assert found == ({None} if classes is None else classes | ({"b"} if "" in cells else set()))


def test_a_target_that_is_not_there_is_still_an_error(tmp_path, writers):
    writers.picture(tmp_path / "0.png")
    (tmp_path / "table.csv").write_text("path,label\n0.png,a\n")
    with pytest.raises(DataError, match="no column .colour. to predict"):
        sources.read(tmp_path / "table.csv", wanted=WANTED, target="colour")


def test_pairs_have_the_picture_as_truth_and_the_same_noise_for_all(tmp_path, writers):
    dataset = sources.read(flat(writers, tmp_path / "photos"), wanted=WANTED).split("train")
    noise = Noisy(noise="gaussian", level=25.0)
    pairs, again = paired(dataset, noise), paired(dataset, noise)
    other = paired(dataset, noise, seed=1)
    for index, original in enumerate(dataset):
        sample = pairs[index]
        assert sample.image.dtype == torch.uint8 and torch.equal(sample.image, again[index].image)
        assert not torch.equal(sample.image, other[index].image)
        assert isinstance(sample.truth, Picture) and torch.equal(sample.truth.image, original.image.float() / 255)
        error = (sample.image.float() - original.image.float()).square().mean().sqrt()
        assert 15 < float(error) < 27, "25, less what is cut off at black and white"
    assert len({pairs.fingerprint, other.fingerprint, dataset.fingerprint}) == 3
    assert pairs.fingerprint == again.fingerprint
    assert paired(dataset, None).fingerprint == dataset.fingerprint and str(noise).startswith(
        "gaussian noise of level 25"
    )
    first = pairs[0].image.float() - dataset[0].image.float()
    second = pairs[1].image.float() - dataset[1].image.float()
    assert abs(float(torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1])) < 0.1


@pytest.mark.parametrize("kind", NOISES)
def test_every_noise_makes_pairs_of_the_embedded_scenes(kind):
    dataset = sources.read("digits", wanted=WANTED).split("val")
    pairs = paired(_First(dataset, 3), Noisy(noise=kind, level=NOISES[kind].judged))
    assert len(pairs) == 3 and not torch.equal(pairs[0].image, dataset[0].image)
    assert dict(pairs[0].groups) == dict(dataset[0].groups) and pairs[0].cluster == dataset[0].cluster


def test_pairs_of_smaller_pictures_fit_and_one_with_nothing_left_is_refused():
    dataset = sources.read("digits", wanted=WANTED).split("val")
    height, width = dataset[0].size
    pairs = paired(_First(dataset, 2), Smaller(factor=7))
    sample = pairs[0]
    assert sample.size == (height // 7, width // 7) == pairs.records[0].size
    assert sample.truth.image.shape == (3, height // 7 * 7, width // 7 * 7)
    assert sample.truth.degradation == Smaller(factor=7)
    with pytest.raises(ValueError, match="nothing is left of it when it is made 9999 times smaller"):
        paired(_First(dataset, 1), Smaller(factor=9999))[0]


class _First:
    def __init__(self, dataset, count):
        self.dataset, self.count = dataset, count
        for name in ("name", "split", "class_names", "fingerprint", "symmetries"):
            setattr(self, name, getattr(dataset, name))

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return self.dataset[index]


def test_a_folder_of_pictures_is_described_where_anything_will_do(tmp_path, writers):
    found = cs.data(flat(writers, tmp_path / "photos"))
    assert found.format == "pictures" and sum(split.pictures for split in found.splits.values()) == 10
    text = results.description(found)
    assert "photos (pictures), no classes" in text and "objects" not in text


def test_what_to_do_about_a_folder_that_holds_no_data_depends_on_what_lies_in_it(tmp_path):
    with pytest.raises(DataError, match="pictures in one folder") as caught:
        sources.read(tmp_path)
    assert "Put pictures and annotations into it" in str(caught.value)
    (tmp_path / "fish.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"A table is named as a file: .*fish\.csv"):
        sources.read(tmp_path)
    (tmp_path / "notes.docx").write_text("x")
    with pytest.raises(DataError, match="Expected pictures beside the annotations"):
        sources.read(tmp_path)
