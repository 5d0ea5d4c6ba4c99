"""What is said of data, and the fingerprint of their content."""

import json
import os
import shutil

import pytest

from clearsight import sources
from clearsight.sources import describe


def read(folder, **choices):
    return sources.read(folder, held_out=0.0, **choices)


def test_the_fingerprint_follows_content_not_place_or_time(tmp_path, writers, item):
    folder = writers.write("voc", tmp_path / "one", [item("a"), item("b", split="val")])
    shutil.copytree(folder, tmp_path / "two")
    for path in (tmp_path / "two").rglob("*"):
        os.utime(path, (0, 0))
    first = read(folder)
    assert read(tmp_path / "two").fingerprint == first.fingerprint
    assert first.split("train").fingerprint != first.split("val").fingerprint


def test_the_fingerprint_changes_with_every_kind_of_content(tmp_path, writers, item):
    folder = writers.write("voc", tmp_path, [item("a"), item("b"), item("c")])
    seen = [read(folder).fingerprint]

    def changed():
        seen.append(read(folder).fingerprint)

    writers.picture(folder / "JPEGImages" / "new.png").replace(folder / "JPEGImages" / "a.png")
    changed()
    (folder / "Annotations" / "b.xml").write_text(writers.xml(item("b", boxes=(("cat", 5, 6, 25, 31),))))
    changed()
    (folder / "Annotations" / "b.xml").write_text(writers.xml(item("b", difficult=(0,))))
    changed()
    (folder / "Annotations" / "c.xml").write_text(writers.xml(item("c", boxes=(("dog", 5, 6, 25, 30),))))
    changed()
    (folder / "attributes.csv").write_text("id,sex\na,f")
    changed()
    (folder / "attributes.csv").write_text("id,sex,cluster\na,f,one")
    changed()
    lists = folder / "ImageSets" / "Main"
    (lists / "train.txt").write_text("a\nb\n")
    (lists / "val.txt").write_text("c\n")
    changed()
    assert len(set(seen)) == len(seen)


def test_the_description_counts(tmp_path, writers, item):
    items = [
        item("a", (40, 60), (("cat", 0, 0, 10, 10), ("cat", 0, 0, 40, 40), ("dog", 1, 1, 5, 5)), difficult=(2,)),
        item("b", (40, 60), ()),
        item("c", (200, 300), (("cat", 0, 0, 100, 100),), "val"),
    ]
    folder = writers.write("voc", tmp_path, items)
    (folder / "attributes.csv").write_text("id,sex,cluster\na,f,p\nb,m,q\nc,f,p")
    about = describe(read(folder))
    train = about.splits["train"]
    assert (train.pictures, train.without_objects, train.objects, train.ignored, train.clusters) == (2, 1, 3, 1, 2)
    assert train.picture_sizes == {"60 x 40": 2}
    assert train.objects_per_class == {"cat": 2, "dog": 1}
    assert train.pictures_per_class == {"cat": 1, "dog": 1}
    assert train.objects_per_picture == {"least": 0, "median": 1.5, "mean": 1.5, "most": 3}
    assert train.box_areas == {"small": 2, "medium": 1, "large": 0}
    assert about.splits["val"].box_areas["large"] == 1
    assert train.groups == {"sex": {"f": 1, "m": 1}}
    assert about.imbalance == 2
    assert about.absent_classes == {"val": ("dog",)}
    assert about.shared_clusters == ("p",)
    assert about.duplicates == ()
    json.dumps(about.as_dict())


def test_equal_pictures_in_two_splits_are_told(tmp_path, writers, item):
    folder = writers.write("voc", tmp_path, [item("a"), item("b", split="val"), item("c")])
    shutil.copy(folder / "JPEGImages" / "a.png", folder / "JPEGImages" / "b.png")
    assert describe(read(folder)).duplicates == (("train: a", "val: b"),)


def test_the_embedded_set_is_described():
    about = describe(sources.read("digits"))
    assert about.splits["train"].pictures == 600
    assert set(about.splits["train"].groups) == {"ink", "clutter"}
    assert about.shared_clusters == ()
    assert about.imbalance < 1.5


@pytest.fixture
def real():
    folder = os.environ.get("CLEARSIGHT_DATA")
    if not folder:
        pytest.skip("CLEARSIGHT_DATA names no folder of real data")
    return folder


def test_the_real_blood_smears(real):
    source = sources.read(f"{real}/bccd")
    assert {name: len(split) for name, split in source.splits.items()} == {"train": 205, "val": 87}
    assert source.class_names == ("Platelets", "RBC", "WBC")
    about = describe(source)
    assert sum(split.objects for split in about.splits.values()) == 3350 + 301 + 292
    assert about.duplicates == () and source.problems == ()


def test_the_real_everyday_pictures(real):
    with pytest.raises(sources.DataError, match="000000000656"):
        sources.read(f"{real}/coco-mini/object_detection")
    source = sources.read(f"{real}/coco-mini/object_detection", skip_bad=True)
    assert source.class_names[0] == "person" and len(source.class_names) == 80
    assert sum(len(split) for split in source.splits.values()) == 128
    polygons = sources.read(f"{real}/coco-mini/instance_segmentation", skip_bad=True)
    assert sum(len(split) for split in polygons.splits.values()) == 128
