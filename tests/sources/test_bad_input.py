"""Every bad input is one DataError that names the file, or is left out and listed."""

import json
import os

import pytest
from PIL import Image

from clearsight import sources
from clearsight.sources import DataError


def voc_xml(folder, id, text):
    (folder / "Annotations" / f"{id}.xml").write_text(text)


def break_missing(folder, writers, item):
    (folder / "JPEGImages" / "b.png").unlink()
    return "picture missing", "b"


def break_truncated(folder, writers, item):
    path = folder / "JPEGImages" / "b.png"
    path.write_bytes(path.read_bytes()[:-40])
    return "truncated or broken", "b.png"


def break_no_picture(folder, writers, item):
    (folder / "JPEGImages" / "b.png").write_text("hello")
    return "not a picture", "b.png"


def break_empty_file(folder, writers, item):
    (folder / "JPEGImages" / "b.png").write_bytes(b"")
    return "not a picture", "empty file"


def break_pipe(folder, writers, item):
    (folder / "JPEGImages" / "b.png").unlink()
    os.mkfifo(folder / "JPEGImages" / "b.png")
    return "not a picture", "b.png"


def break_bomb(folder, writers, item):
    # 20,000 x 20,000 pixels in a few kilobytes.
    Image.new("1", (20000, 20000)).save(folder / "JPEGImages" / "b.png", optimize=False)
    return "decompression bomb", "b.png"


def break_zero_box(folder, writers, item):
    voc_xml(folder, "b", writers.xml(item("b", boxes=(("cat", 10, 10, 10, 20), ("cat", 1, 1, 5, 5)))))
    return "no or negative size", "object 1"


def break_negative_box(folder, writers, item):
    voc_xml(folder, "b", writers.xml(item("b", boxes=(("cat", 20, 10, 10, 20),))))
    return "no or negative size", "b.xml"


def break_outside(folder, writers, item):
    voc_xml(folder, "b", writers.xml(item("b", boxes=(("cat", 10, 10, 63, 20),))))
    return "outside the picture", "60 x 40"


def break_far_outside(folder, writers, item):
    voc_xml(folder, "b", writers.xml(item("b", boxes=(("cat", 100, 100, 120, 120),))))
    return "outside the picture", "b.xml"


def break_nan(folder, writers, item):
    voc_xml(folder, "b", writers.xml(item("b", boxes=(("cat", 1, 1, "nan", 9),))))
    return "no number", "nan"


def break_words(folder, writers, item):
    voc_xml(folder, "b", writers.xml(item("b", boxes=(("cat", 1, 1, "1_0", 9),))))
    return "no number", "1_0"


def break_class(folder, writers, item):
    voc_xml(folder, "b", writers.xml(item("b", boxes=((" ", 1, 1, 5, 9),))))
    return "unknown class", "b.xml"


def break_twice(folder, writers, item):
    with (folder / "ImageSets" / "Main" / "train.txt").open("a") as file:
        file.write("a\n")
    return "duplicate id", "train.txt"


def break_two_splits(folder, writers, item):
    (folder / "ImageSets" / "Main" / "val.txt").write_text("a\n")
    return "two splits", "val.txt"


def break_two_files(folder, writers, item):
    writers.picture(folder / "JPEGImages" / "b.bmp")
    return "duplicate id", "b.png"


def break_no_annotation(folder, writers, item):
    (folder / "Annotations" / "b.xml").unlink()
    return "without an annotation", "b"


def break_size(folder, writers, item):
    voc_xml(folder, "b", writers.xml(item("b"), size=(60, 40)))
    return "size differs", "60 x 40"


def break_absolute(folder, writers, item):
    voc_xml(folder, "b", writers.xml(item("b"), filename="/etc/passwd"))
    return "leaves the folder", "/etc/passwd"


def break_climbing(folder, writers, item):
    voc_xml(folder, "b", writers.xml(item("b"), filename="../../b.png"))
    return "leaves the folder", "../../b.png"


def break_drive(folder, writers, item):
    voc_xml(folder, "b", writers.xml(item("b"), filename="C:\\b.png"))
    return "leaves the folder", "b.png"


def break_link(folder, writers, item):
    path = folder / "JPEGImages" / "b.png"
    path.rename(folder.parent / "elsewhere.png")
    path.symlink_to(folder.parent / "elsewhere.png")
    return "outside the data folder", "symbolic link"


def break_laughs(folder, writers, item):
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "lol"}">' for i in range(20))
    voc_xml(folder, "b", f'<?xml version="1.0"?><!DOCTYPE a [{entities}]><annotation>&l19;</annotation>')
    return "refused", "b.xml"


def break_xml(folder, writers, item):
    voc_xml(folder, "b", writers.xml(item("b"))[:-5])
    return "unreadable annotation", "b.xml"


def break_encoding(folder, writers, item):
    text = writers.xml(item("b", boxes=(("Käfer", 1, 1, 5, 5),)))
    (folder / "Annotations" / "b.xml").write_bytes(b"<?xml version='1.0' encoding='utf-8'?>" + text.encode("latin-1"))
    return "unreadable annotation", "b.xml"


def break_two_pictures(folder, writers, item):
    voc_xml(folder, "b", writers.xml(item("b"), filename="a.png"))
    return "two pictures", "b.png"


BREAKS = [value for name, value in list(globals().items()) if name.startswith("break_")]


@pytest.mark.parametrize("spoil", BREAKS, ids=lambda spoil: spoil.__name__)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bad_input_is_one_error_or_left_out(spoil, tmp_path, writers, item):
    folder = writers.write("voc", tmp_path / "set", [item("a"), item("b"), item("c")])
    kind, where = spoil(folder, writers, item)
    with pytest.raises(DataError) as caught:
        sources.read(folder, held_out=0.0)
    assert kind in str(caught.value) and where in str(caught.value)
    assert "skip_bad" in str(caught.value)
    source = sources.read(folder, held_out=0.0, skip_bad=True)
    assert any(kind in line and line.startswith("left out") for line in source.problems)
    samples = {sample.id: sample for sample in source.split("train")}
    assert {"a", "c"} <= set(samples)
    assert samples["a"].truth.xyxy.tolist() == [[5, 6, 25, 30]]


def test_all_problems_come_at_once_with_their_count(tmp_path, writers, item):
    items = [item(f"p{number:02d}", boxes=(("cat", 1, 1, 99, 9),)) for number in range(12)]
    folder = writers.write("voc", tmp_path, [*items, item("good")])
    (folder / "JPEGImages" / "good.png").write_text("bad")
    with pytest.raises(DataError) as caught:
        sources.read(folder)
    assert "12 x box outside the picture" in str(caught.value)
    assert "1 x not a picture" in str(caught.value)
    assert "... and 3 more" in str(caught.value)


def test_a_small_overhang_is_clipped_and_counted(tmp_path, writers, item):
    folder = writers.write("coco", tmp_path, [item("a", boxes=(("cat", -1.5, 2, 20, 41.9),))])
    source = sources.read(folder, held_out=0.0)
    assert source.split("train")[0].truth.xyxy.tolist() == [[0, 2, 20, 40]]
    assert "clipped: 1 boxes" in source.problems[0]


def test_nothing_usable_is_an_error_even_when_skipping(tmp_path, writers, item):
    folder = writers.write("voc", tmp_path, [item("a")])
    (folder / "JPEGImages" / "a.png").write_text("bad")
    with pytest.raises(DataError, match="no usable picture"):
        sources.read(folder, skip_bad=True)


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path, writers, item):
    folder = writers.write("voc", tmp_path, [item("a"), item("b\x1b[31m")])
    (folder / "JPEGImages" / "b\x1b[31m.png").write_text("bad")
    with pytest.raises(DataError) as caught:
        sources.read(folder)
    assert "\x1b" not in str(caught.value)


# --- COCO ---------------------------------------------------------------------------------------------------------


def coco(folder, change):
    path = folder / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


COCO_CHANGES = {
    "unknown class": lambda c: c["annotations"][0].update(category_id=99),
    "duplicate id": lambda c: c["images"].append({**c["images"][0], "file_name": "other.png"}),
    "leaves the folder": lambda c: c["images"][0].update(file_name="../a.png"),
    "no number": lambda c: c["annotations"][0].update(bbox=[1, 2, float("nan"), 4]),
    "no number ": lambda c: c["annotations"][0].update(bbox=["1", 2, 3, 4]),
    "no bbox": lambda c: c["annotations"][0].pop("bbox"),
    "no listed picture": lambda c: c["annotations"][0].update(image_id=12345),
    "picture missing": lambda c: c["images"][0].update(file_name="gone.png"),
    "no or negative size": lambda c: c["annotations"][0].update(bbox=[1, 2, -3, 4]),
    "size differs": lambda c: c["images"][0].update(width=61),
}


@pytest.mark.parametrize("kind", COCO_CHANGES)
def test_bad_coco_content(kind, tmp_path, writers, item):
    folder = writers.write("coco", tmp_path, [item("a"), item("b")])
    coco(folder, COCO_CHANGES[kind])
    with pytest.raises(DataError, match=kind.strip()):
        sources.read(folder, held_out=0.0)
    source = sources.read(folder, held_out=0.0, skip_bad=True)
    assert source.split("train")[-1].id == "b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"images": [],\n"annotations": [,],\n"categories": []}', "line 2"),
        ('{"images": [], "annotations": [], "categories": []', "not valid JSON"),
        ('{"images": [], "annotations": {}, "categories": []}', "no COCO file"),
        ('{"images": [1], "annotations": [], "categories": []}', "no COCO file"),
        ('{"images": [], "annotations": [], "categories": []}', "no classes"),
        ('{"images": ' + "[" * 100_000, "cannot be read as JSON"),
        (
            '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]}',
            "more than",
        ),
        ('{"images": [], "annotations": [], "categories": [{"id": "1", "name": "a"}]}', "category ids"),
        ('{"images": [' + "9" * 5000 + '], "annotations": [], "categories": []}', "cannot be read as JSON"),
        ("\xff\xfe", "JSON"),
    ],
)
def test_bad_coco_files(text, expected, tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances_train.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=expected):
        sources.read(tmp_path)


# --- YOLO ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("7 0.5 0.5 0.1 0.1", "unknown class"),
        ("0.5 0.5 0.5 0.1 0.1", "unknown class"),
        ("cat 0.5 0.5 0.1 0.1", "no number"),
        ("0 0.5 nan 0.1 0.1", "no number"),
        ("0 0.5 0.5 0.1", "wrong length"),
        ("0 0.5 0.5 0.1 0.1 0.9", "wrong length"),
        ("0 50 50 10 10", "outside"),
        ("0 0.5 0.5 0 0.1", "no or negative size"),
        ("0 0.5 0.5 -0.1 0.1", "no or negative size"),
        ("0 0.9 0.5 0.5 0.1", "outside"),
    ],
)
def test_bad_yolo_lines(line, kind, tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path, [item("a"), item("b")])
    (folder / "labels" / "train" / "a.txt").write_text(f"0 0.5 0.5 0.5 0.5\n{line}\n")
    with pytest.raises(DataError, match=kind):
        sources.read(folder, held_out=0.0)
    source = sources.read(folder, held_out=0.0, skip_bad=True)
    assert source.split("train")[0].truth.xyxy.tolist() == [[15, 10, 45, 30]]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("names: [a, a]\ntrain: images/train", "more than once"),
        ("names: []\ntrain: images/train", "no classes"),
        ("names: 5\ntrain: images/train", "neither"),
        ("names: {0.5: a}\ntrain: images/train", "whole numbers"),
        ("names: {x: a}\ntrain: images/train", "no number"),
        ("names: [[a]]\ntrain: images/train", "without a name"),
        ("nc: 3\nnames: [a]\ntrain: images/train", "nc: 3"),
        ("names: [a\ntrain: images/train", "not valid YAML"),
        ("names: [a]\ntrain: /etc", "lies outside"),
        ("names: [a]\ntrain: ../../..", "lies outside"),
        ("names: [a]\ntrain: {a: b}", "no path"),
        ("names: [a]\ntrain: bad.txt", "outside the data"),
        ("names: &a [x]\nx: &b [*a, *a]\ny: &c [*b, *b]\ntrain: *c", "no path"),
    ],
)
def test_bad_yolo_declarations(config, expected, tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path / "set", [item("a")])
    (folder / "data.yaml").write_text(config)
    (folder / "bad.txt").write_text("../secret.png\n")
    with pytest.raises(DataError, match=expected):
        sources.read(folder)


def test_yaml_runs_nothing(tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path, [item("a")])
    tag = f"!!python/object/apply:os.mkdir [{tmp_path / 'made'}]"
    (folder / "data.yaml").write_text(f"names: [cat]\ntrain: images/train\nextra: {tag}\n")
    assert len(sources.read(folder, held_out=0.0).split("train")) == 1
    assert not (tmp_path / "made").exists()


def test_yolo_without_any_label_is_not_all_background(tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path, [item("a")])
    (folder / "labels" / "train" / "a.txt").rename(folder / "labels" / "train" / "README.txt")
    with pytest.raises(DataError, match="none of the 1 pictures"):
        sources.read(folder)


def test_yolo_label_without_a_picture_and_picture_without_a_label(tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path, [item("a"), item("b"), item("c")])
    (folder / "labels" / "train" / "b.txt").unlink()
    assert len(sources.read(folder, held_out=0.0).split("train")[1].truth) == 0
    (folder / "images" / "train" / "c.png").unlink()
    with pytest.raises(DataError, match="picture missing"):
        sources.read(folder)


def test_yolo_wrong_encoding(tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path, [item("a"), item("b")])
    (folder / "labels" / "train" / "a.txt").write_bytes(b"\xff\xfe0 0.5")
    with pytest.raises(DataError, match="UTF-8"):
        sources.read(folder)


# --- the way in ---------------------------------------------------------------------------------------------------


def test_an_unrecognised_folder_says_what_was_looked_for_and_found(tmp_path):
    (tmp_path / "x.jpg").write_text("")
    (tmp_path / "stuff").mkdir()
    with pytest.raises(DataError) as caught:
        sources.read(tmp_path)
    for words in ("Annotations/*.xml (Pascal VOC)", "annotations/*.json (COCO)", "labels/*.txt", "1 .jpg", "stuff/"):
        assert words in str(caught.value)


def test_an_empty_folder(tmp_path):
    with pytest.raises(DataError, match="no files and no folders"):
        sources.read(tmp_path)


def test_a_wrong_path_names_the_nearest(tmp_path):
    (tmp_path / "blood").mkdir()
    with pytest.raises(DataError, match="Did you mean .*blood"):
        sources.read(tmp_path / "bloood")
    with pytest.raises(DataError, match="Did you mean digits"):
        sources.read("digit")


def test_a_wrong_format_names_the_nearest(tmp_path):
    with pytest.raises(ValueError, match="Did you mean voc"):
        sources.read(f"vox:{tmp_path}")
    with pytest.raises(DataError, match="takes no path"):
        sources.read(f"digits:{tmp_path}")


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "a.zip").write_text("")
    with pytest.raises(DataError, match="is a file"):
        sources.read(tmp_path / "a.zip")


def test_two_layouts_in_one_folder_must_be_named(tmp_path, writers, item):
    writers.write("voc", tmp_path, [item("a")])
    writers.write("yolo", tmp_path, [item("a", boxes=(("dog", 1, 1, 9, 9),))])
    with pytest.raises(DataError, match="several ways: voc, yolo"):
        sources.read(tmp_path)
    assert sources.read(f"voc:{tmp_path}", held_out=0.0).class_names == ("cat",)
    assert sources.read(f"yolo:{tmp_path}", held_out=0.0).class_names == ("dog",)


def test_a_wrong_split_names_what_there_is(tmp_path, writers, item):
    source = sources.read(writers.write("voc", tmp_path, [item("a"), item("b", split="val")]))
    with pytest.raises(DataError, match="train, val. Did you mean train"):
        source.split("trian")


def test_a_senseless_share(tmp_path):
    with pytest.raises(DataError, match="held_out"):
        sources.read(tmp_path, held_out=1.5)
