"""Class maps from folders of masks, colour tables, COCO and YOLO outlines; and what is wrong with what people bring."""

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco

from clearsight import sources
from clearsight.sources import DataError, records_of
from clearsight.types import Boxes, ClassMap

SIZE = (24, 32)
COLOURS = {0: (128, 64, 128), 1: (0, 0, 0), 2: (10, 200, 30)}
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def _labels(seed, classes=3, size=SIZE):
    return np.random.default_rng(seed).integers(0, classes, size).astype(np.uint8)


def _write(folder, images, masks, ids=("a", "b", "c"), classes=3, names="sky\nroad\ncar\n"):
    for number, id in enumerate(ids):
        for place in (images, masks):
            (folder / place).mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(list(f"{images}{id}".encode()))
        Image.fromarray(rng.integers(0, 256, (*SIZE, 3), np.uint8)).save(folder / images / f"{id}.png")
        Image.fromarray(_labels(number, classes)).save(folder / masks / f"{id}.png")
    if names:
        (folder / "classes.txt").write_text(names)
    return folder


def _read(folder, **options):
    return sources.read(folder, held_out=0.0, wanted=(ClassMap,), **options)


def _truths(source, split="train"):
    return {record.id: record.answer().labels.numpy() for record in records_of(source.split(split))}


LAYOUTS = [
    (("train/images", "train/masks"), ("val/images", "val/masks")),
    (("images/train", "masks/train"), ("images/valid", "masks/valid")),
    (("train", "train_labels"), ("val", "val_labels")),
    (("images/train", "annotations/train"), ("images/val", "annotations/val")),
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_with_splits(layout, tmp_path):
    _write(tmp_path, *layout[0])
    _write(tmp_path, *layout[1], ids=("d",))
    source = _read(tmp_path)
    assert source.format == "masks" and source.truth is ClassMap and source.class_names == ("sky", "road", "car")
    assert {split: len(dataset) for split, dataset in source.splits.items()} == {"train": 3, "val": 1}
    np.testing.assert_array_equal(_truths(source)["b"], _labels(1))
    np.testing.assert_array_equal(_truths(source, "val")["d"], _labels(0))
    assert source.split("train")[0].truth.labels.dtype == torch.uint8


def test_voc_folders_and_their_lists(tmp_path):
    _write(tmp_path, "JPEGImages", "SegmentationClass")
    _write(tmp_path, "JPEGImages", "unused", ids=("no_mask",))
    assert set(_truths(_read(tmp_path))) == {"a", "b", "c"}
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\nb\n")
    (lists / "val.txt").write_text("c\n")
    source = _read(tmp_path)
    assert set(_truths(source)) == {"a", "b"} and set(_truths(source, "val")) == {"c"}
    assert any("1 pictures" in note for note in source.problems)
    (lists / "val.txt").write_text("c\nno_mask\n")
    with pytest.raises(DataError, match="picture without a mask"):
        _read(tmp_path)


def test_endings_of_mask_names(tmp_path):
    _write(tmp_path, "images", "masks")
    for path in (tmp_path / "masks").iterdir():
        path.rename(path.with_stem(f"{path.stem}_L"))
    assert set(_truths(_read(tmp_path))) == {"a", "b", "c"}


def test_the_value_after_the_last_is_unlabelled_and_noted(tmp_path):
    source = _read(_write(tmp_path, "images", "masks", classes=4))
    expected = np.where(_labels(0, 4) == 3, 255, _labels(0, 4))
    np.testing.assert_array_equal(_truths(source)["a"], expected)
    assert any("value 3, in 3 masks" in note for note in source.problems)


def test_named_void_and_255_are_not_judged_without_a_note(tmp_path):
    _write(tmp_path, "images", "masks", classes=4, names="sky\nvoid\nroad\ncar\n")
    values = _labels(0, 4)
    values[0] = 255
    Image.fromarray(values).save(tmp_path / "masks" / "a.png")
    source = _read(tmp_path)
    assert source.class_names == ("sky", "road", "car") and not source.problems
    table = np.full(256, 255)
    table[[0, 2, 3]] = [0, 1, 2]
    np.testing.assert_array_equal(_truths(source)["a"], table[values])


def test_config_with_numbers_and_what_to_ignore(tmp_path):
    data = _write(tmp_path / "set", "unused", "masks/train", names="")
    _write(tmp_path, "pictures", "unused", ids=("a", "b", "c", "d"), names="")
    for path in (data / "masks" / "train").iterdir():
        Image.fromarray(np.array([7, 40, 9], np.uint8)[np.asarray(Image.open(path))]).save(path)
    (data / "config.yaml").write_text(
        "train: {images: ../pictures, masks: masks/train}\nval: {images: ../gone, masks: masks/val}\n"
        "classes: {7: sky, 9: car, 40: other}\nignore: [other]\n"
    )
    source = _read(data)
    assert source.class_names == ("sky", "car")
    np.testing.assert_array_equal(_truths(source)["a"], np.array([0, 255, 1])[_labels(0)])
    assert any("do not exist" in note for note in source.problems) and any("1 pictures" in n for n in source.problems)


TABLES = {
    "class_dict.csv": "name,r,g,b\nroad,128,64,128\nVoid,0,0,0\ncar,10,200,30\n",
    "label_colors.txt": "128 64 128\troad\n0 0 0\t\tVoid\n10 200 30\tcar\n",
    "labelmap.txt": "# label:color_rgb:parts:actions\nroad:128,64,128::\nvoid:0,0,0::\ncar:10,200,30::\n",
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colours(table, mode, tmp_path):
    _write(tmp_path, "images", "masks", names="")
    (tmp_path / table).write_text(TABLES[table])
    for number, id in enumerate("abc"):
        pixels = np.array([COLOURS[index] for index in range(3)], dtype=np.uint8)[_labels(number)]
        image = Image.fromarray(pixels)
        (image.quantize(8) if mode == "P" else image.convert(mode)).save(tmp_path / "masks" / f"{id}.png")
    source = _read(tmp_path)
    assert source.class_names == ("road", "car")
    np.testing.assert_array_equal(_truths(source)["c"], np.array([0, 255, 1])[_labels(2)])


def test_class_numbers_beside_a_table_of_colours(tmp_path):
    _write(tmp_path, "images", "masks", names="")
    (tmp_path / "classes.csv").write_text(TABLES["class_dict.csv"])
    source = _read(tmp_path)
    np.testing.assert_array_equal(_truths(source)["c"], np.array([0, 255, 1])[_labels(2)])


def _values(folder):
    labels = _labels(1)
    labels[0, :3] = [9, 9, 14]
    Image.fromarray(labels).save(folder / "masks" / "b.png")


BAD = {
    "mask of another size than its picture": lambda f: Image.fromarray(_labels(0, 3, (24, 30))).save(
        f / "masks" / "b.png"
    ),
    r"b.png: mask value outside the class list \(9 \(2 px\); 14 \(1 px\)": _values,
    "picture without a mask": lambda f: (f / "masks" / "b.png").unlink(),
    "broken mask": lambda f: (f / "masks" / "b.png").write_bytes((f / "masks" / "b.png").read_bytes()[:60]),
    "broken mask ": lambda f: (f / "masks" / "b.png").write_bytes(b""),
    "without a table of colours": lambda f: Image.new("RGB", SIZE[::-1], (1, 2, 3)).save(f / "masks" / "b.png"),
    "lossy": lambda f: Image.new("L", SIZE[::-1]).save(f / "masks" / "b.png", format="JPEG"),
    "neither values nor colours": lambda f: Image.new("F", SIZE[::-1]).save(f / "masks" / "b.png", format="TIFF"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_masks(kind, tmp_path):
    _write(tmp_path, "images", "masks")
    BAD[kind](tmp_path)
    with pytest.raises(DataError, match=kind.strip()):
        _read(tmp_path)
    source = _read(tmp_path, skip_bad=True)
    assert set(_truths(source)) == {"a", "c"}
    assert any("left out" in line for line in source.problems)


def test_mask_without_a_picture(tmp_path):
    _write(tmp_path, "images", "masks")
    (tmp_path / "images" / "b.png").unlink()
    with pytest.raises(DataError, match="masks/b.png: mask without a picture"):
        _read(tmp_path)


def test_a_colour_that_no_table_has(tmp_path):
    _write(tmp_path, "images", "masks", names="")
    (tmp_path / "class_dict.csv").write_text(TABLES["class_dict.csv"])
    Image.new("RGB", SIZE[::-1], (1, 2, 3)).save(tmp_path / "masks" / "b.png")
    with pytest.raises(DataError, match=r"outside the table \(1,2,3 \(768 px\)"):
        _read(tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("classes.txt", "", "no classes"),
        ("classes.txt", "sky\nsky\n", "more than once"),
        ("classes.txt", "sky 1 2 3\nroad\n", "Expected a name and three numbers"),
        ("classes.csv", "sky,1,2,3\nroad,1,2,3\n", "one colour to"),
        ("classes.csv", "sky,1,2,300\n", "beyond 255"),
        ("classes.txt", "\n".join(map(str, range(300))), "at most 254"),
        ("config.yaml", "masks: [", "not valid YAML"),
        ("config.yaml", "classes: {x: sky}\nmasks: 1", "no number"),
        ("config.yaml", "classes: [sky]\ntrain: {images: /etc, masks: masks}", "relative"),
        ("config.yaml", "classes: [sky]\ntrain: {images: images, masks: ../../x}", "relative"),
        ("other.txt", "", "does not say what the values"),
    ],
)
def test_bad_class_lists(file, text, message, tmp_path):
    folder = _write(tmp_path / "set", "images", "masks", names="")
    (folder / file).write_text(text)
    with pytest.raises(DataError, match=message):
        _read(folder)


def test_fingerprints_follow_pixels_and_meaning(tmp_path):
    folder = _write(tmp_path, "images", "masks")
    first = _read(folder).fingerprint
    assert _read(folder).fingerprint == first
    (folder / "classes.txt").write_text("sky\ncar\nroad\n")
    renamed = _read(folder).fingerprint
    (folder / "classes.txt").write_text("sky\nroad\ncar\n")
    Image.fromarray(_labels(9)).save(folder / "masks" / "a.png")
    assert len({first, renamed, _read(folder).fingerprint}) == 3


def test_masks_travel_between_processes_and_name_a_file_that_broke(tmp_path):
    source = _read(_write(tmp_path, "images", "masks"))
    record = pickle.loads(pickle.dumps(records_of(source.split("train"))[0]))
    np.testing.assert_array_equal(record.answer().labels.numpy(), _labels(0))
    aligned = source.aligned(("car", "sky", "road"))
    np.testing.assert_array_equal(_truths(aligned)["a"], np.array([1, 2, 0])[_labels(0)])
    (tmp_path / "masks" / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match="a.png.*Restore"):
        record.answer()


# --- outlines -----------------------------------------------------------------------------------------------------


def _coco(folder, annotations, size=(40, 60)):
    (folder / "annotations").mkdir(parents=True)
    Image.new("RGB", size[::-1]).save(folder / "a.png")
    content = {
        "images": [{"id": 1, "file_name": "a.png", "height": size[0], "width": size[1]}],
        "categories": [{"id": 3, "name": "cat"}, {"id": 8, "name": "dog"}],
        "annotations": [{"id": i, "image_id": 1, "bbox": [1, 1, 9, 9], **one} for i, one in enumerate(annotations)],
    }
    (folder / "annotations" / "instances_train.json").write_text(json.dumps(content))
    return folder


def _rectangle(x1, y1, x2, y2):
    return [[x1, y1, x2, y1, x2, y2, x1, y2]]


def test_coco_outlines(tmp_path):
    crowd = np.zeros((40, 60), dtype=np.uint8)
    crowd[30:, :] = 1
    runs = coco.encode(np.asfortranarray(crowd))["counts"].decode()
    held = np.zeros((40, 60), dtype=bool)
    held[2:4, 50:55] = True
    flat = held.T.reshape(-1)
    changes = np.flatnonzero(np.diff(flat)) + 1
    plain = np.diff([0, *changes, flat.size]).tolist()
    annotations = [
        # The small dog lies on the large cat, whatever their order.
        {"category_id": 8, "segmentation": _rectangle(10, 10, 14, 14)},
        {"category_id": 3, "segmentation": _rectangle(5, 5, 25, 35) + _rectangle(30, 5, 32, 7)},
        {"category_id": 3, "iscrowd": 1, "segmentation": {"size": [40, 60], "counts": runs}},
        {"category_id": 8, "segmentation": {"size": [40, 60], "counts": plain}},
    ]
    source = _read(_coco(tmp_path, annotations))
    assert source.class_names == ("background", "cat", "dog") and source.truth is ClassMap
    expected = np.where(crowd, 255, 0)
    expected[5:35, 5:25] = expected[5:7, 30:32] = 1
    expected[10:14, 10:14] = 2
    expected[held] = 2
    np.testing.assert_array_equal(_truths(source)["a"], expected)
    assert sources.read(tmp_path, held_out=0.0).truth is Boxes


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        (None, "without an outline"),
        ([], "without an outline"),
        ([[1, 2, 3, 4]], "polygon of 4 numbers"),
        ([[1, 2, 3, 4, 5, "6"]], "unreadable outline"),
        ("x", "neither polygons nor"),
        ({"size": [40, 60], "counts": [5]}, "run lengths of 5 pixels"),
        ({"size": [40, 61], "counts": "P"}, "for a picture of 60 x 40"),
        ({"size": [40, 60], "counts": "é"}, "not COCO's"),
        ({"size": [40, 60], "counts": [1.5]}, "not whole numbers"),
        ({"counts": [2400]}, "not whole numbers"),
    ],
)
def test_bad_coco_outlines(segmentation, message, tmp_path):
    folder = _coco(tmp_path, [{"category_id": 3, "segmentation": segmentation}])
    with pytest.raises(DataError, match=message):
        _read(folder)
    # Left out is not background: nobody said what the pixels of the box are.
    labels = _truths(_read(folder, skip_bad=True))["a"]
    assert (labels[1:10, 1:10] == 255).all() and (labels[10:] == 0).all()


def test_yolo_outlines(tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path, [item("a"), item("b")])
    line = "0 0.25 0.25 0.75 0.25 0.75 0.5 0.25 0.5\n"
    for id in "ab":
        (folder / "labels" / "train" / f"{id}.txt").write_text(line)
    source = _read(folder)
    assert source.class_names == ("background", "cat")
    expected = np.zeros((40, 60))
    expected[10:20, 15:45] = 1
    np.testing.assert_array_equal(_truths(source)["b"], expected)
    assert source.split("train")[0].size == (40, 60)
    (folder / "labels" / "train" / "b.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    with pytest.raises(DataError, match="b.txt: object without an outline"):
        _read(folder)


# --- real data ----------------------------------------------------------------------------------------------------


def _real(*names):
    folder = os.environ.get("CLEARSIGHT_DATA")
    if not folder or not Path(folder, *names).is_dir():
        pytest.skip("CLEARSIGHT_DATA names no folder of real data")
    return Path(folder, *names)


def test_camvid():
    source = _read(_real("camvid"))
    assert {split: len(dataset) for split, dataset in source.splits.items()} == {"train": 367, "val": 101}
    assert len(source.class_names) == 11 and len(source.problems) == 1
    record = records_of(source.split("val"))[0]
    raw = np.asarray(Image.open(record.picture.parents[1] / "masks" / f"{record.id}.png"))
    np.testing.assert_array_equal(record.answer().labels.numpy(), np.where(raw == 11, 255, raw))


def test_coco_outlines_agree_with_masks_of_the_same_pictures():
    # A few outlines of several parts were joined so that they cross themselves.
    drawn = _read(_real("coco-mini", "instance_segmentation"), skip_bad=True)
    painted = _read(_real("coco-mini", "semantic_segmentation"))
    theirs = _truths(painted)
    person, other = drawn.class_names.index("person"), painted.class_names.index("person")
    both = either = 0
    for id, labels in _truths(drawn).items():
        if id in theirs:
            a, b = labels == person, theirs[id] == other
            both, either = both + (a & b).sum(), either + (a | b).sum()
    assert both / either > 0.93
    assert "unlabeled" not in painted.class_names
