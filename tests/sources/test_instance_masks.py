"""Instance PNGs in three layouts: ids, classes, groups; what lists and counts say; and what is wrong with them."""

import numpy as np
import pytest
import torch
from PIL import Image

from clearsight import sources
from clearsight.ops import instance_masks
from clearsight.sources import DataError, records_of
from clearsight.types import Boxes, ClassMap, Instances

SIZE = (24, 32)


def _ids(seed, values=(1, 2, 3)):
    """Rectangles, later ones over earlier ones; none of them is hidden wholly."""
    random, ids = np.random.default_rng(seed), np.zeros(SIZE, dtype=np.uint16)
    for number, value in enumerate(values):
        top, height = int(random.integers(0, 10)), int(random.integers(5, 12))
        ids[top : top + height, 9 * number : 9 * number + 12] = value
    return ids


def _picture(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)).save(path)


def _png(path, ids):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ids if ids.max() > 255 else ids.astype(np.uint8)).save(path)


def _plain(folder, images="images", instances="instances", ids=("a", "b"), seed=0, values=(1, 2, 3)):
    for number, id in enumerate(ids, start=seed):
        _picture(folder / images / f"{id}.jpg", number)
        _png(folder / instances / f"{id}.png", _ids(number, values))
    return folder


def _penn_fudan(folder, count=2):
    for number in range(count):
        _picture(folder / "PNGImages" / f"P{number}.png", number)
        _png(folder / "PedMasks" / f"P{number}_mask.png", _ids(number, (1, 2)))
        (folder / "Annotation").mkdir(exist_ok=True)
        (folder / "Annotation" / f"P{number}.txt").write_text('# x\nObjects with ground truth : 2 { "A" "B" }\n')
    return folder


def _cityscapes(folder, split="train", cities=("aachen", "ulm"), values=(26001, 24002, 33, 7)):
    for number, city in enumerate(cities):
        stem = f"{city}_000000_00001{number}"
        _picture(
            folder / "leftImg8bit" / split / city / f"{stem}_leftImg8bit.png", f"{split}{number}".encode()[0] + number
        )
        for name in ("instanceIds", "labelIds"):
            _png(folder / "gtFine" / split / city / f"{stem}_gtFine_{name}.png", _ids(number, values))
    return folder


def _read(folder, **options):
    return sources.read(folder, held_out=0.0, **options)


def _truths(source, split="train"):
    return {record.id: record.answer() for record in records_of(source.split(split))}


def _expected(ids, values):
    """Bitmaps, areas and boxes by looking at every pixel."""
    bitmaps = torch.tensor(np.stack([ids == value for value in values]))
    boxes = []
    for one in bitmaps:
        rows, columns = torch.where(one)
        boxes.append([int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1])
    return bitmaps, bitmaps.sum((1, 2)).tolist(), boxes


def _same(truth, ids, values):
    bitmaps, areas, boxes = _expected(ids, values)
    assert torch.equal(instance_masks.bitmaps(truth.masks), bitmaps)
    assert truth.areas.tolist() == areas and truth.xyxy.tolist() == boxes


@pytest.mark.parametrize(
    "layout",
    [
        (("images", "instances"), None),
        (("train/images", "train/instances"), ("val/images", "val/instances")),
        (("images/train", "instances/train"), ("images/valid", "instances/valid")),
    ],
)
def test_plain_folders(layout, tmp_path):
    _plain(tmp_path, *layout[0])
    if layout[1]:
        _plain(tmp_path, *layout[1], ids=("c",), seed=7)
    source = _read(tmp_path)
    assert (source.format, source.truth, source.class_names) == ("instance-masks", Instances, ("object",))
    assert set(source.splits) == ({"train", "val"} if layout[1] else {"train"})
    truths = _truths(source)
    _same(truths["b"], _ids(1), (1, 2, 3))
    assert truths["b"].labels.tolist() == [0, 0, 0] and not truths["b"].ignored.any()
    assert not source.problems and sources.describe(source).splits["train"].masks == 6


def test_other_kinds_of_truth(tmp_path):
    _plain(tmp_path)
    boxes = _read(tmp_path, wanted=(Boxes,))
    assert boxes.truth is Boxes and type(_truths(boxes)["a"]) is Boxes
    assert torch.equal(_truths(boxes)["a"].xyxy, _truths(_read(tmp_path))["a"].xyxy)
    painted = _read(tmp_path, wanted=(ClassMap,))
    assert painted.class_names == ("background", "object") and painted.truth is ClassMap
    np.testing.assert_array_equal(_truths(painted)["a"].labels.numpy(), _ids(0) > 0)
    assert len({boxes.fingerprint, painted.fingerprint, _read(tmp_path).fingerprint}) == 3


def test_classes_by_id_and_by_thousands(tmp_path):
    _plain(tmp_path, values=(2, 7001, 7002))
    (tmp_path / "classes.csv").write_text("id,class\n7,dog\n2,cat\n")
    source = _read(tmp_path)
    truth = _truths(source)["a"]
    assert source.class_names == ("dog", "cat") and truth.labels.tolist() == [1, 0, 0]
    _same(truth, _ids(0, (2, 7001, 7002)), (2, 7001, 7002))
    (tmp_path / "classes.csv").write_text("2,cat\n")
    with pytest.raises(DataError, match=r"instances/a.png: id without a class \(ids 7001, 7002\)"):
        _read(tmp_path)
    left = _truths(_read(tmp_path, skip_bad=True))["a"]
    assert len(left) == 1


def test_ids_that_no_list_has(tmp_path):
    _plain(tmp_path)
    (tmp_path / "instances.csv").write_text("picture,id,class\na,1,cat\na,2,dog\na,3,cat\nb.jpg,1,dog\nb,3,cat\n")
    with pytest.raises(
        DataError, match=r"has 1 problem.*\n.*instances/b.png: instance PNG with more ids than annotations \(id 2 not"
    ):
        _read(tmp_path)
    source = _read(tmp_path, skip_bad=True)
    truths = _truths(source)
    assert source.class_names == ("cat", "dog") and truths["a"].labels.tolist() == [0, 1, 0]
    assert truths["b"].labels.tolist() == [1, 0]
    _same(truths["b"], _ids(1), (1, 3))
    (tmp_path / "instances.csv").write_text("a,1\na,2\na,3\na,4\nb,1\nb,2\nb,3\n")
    with pytest.raises(DataError, match=r"instances/a.png: mask of no pixel \(id 4 listed"):
        _read(tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("instances.csv", "a,1\nc,1\n", "lists c, which is no picture"),
        ("instances.csv", "../a,1\n", "which is no picture"),
        ("instances.csv", "a,1\na,one\n", "holds the line"),
        ("instances.csv", "a,1\na,0\n", "holds the line"),
        ("instances.csv", 'a,1\n"', "cannot be read"),
        ("classes.csv", "", "no classes"),
        ("classes.csv", "1,cat\n2\n", "Expected lines id,class"),
        ("classes.csv", "1,\n", "without a name"),
    ],
)
def test_bad_lists(file, text, message, tmp_path):
    _plain(tmp_path)
    (tmp_path / file).write_text(text)
    with pytest.raises(DataError, match=message):
        _read(tmp_path)


def test_penn_fudan(tmp_path):
    source = _read(_penn_fudan(tmp_path))
    assert source.format == "instance-masks" and source.class_names == ("person",)
    _same(_truths(source)["P1"], _ids(1, (1, 2)), (1, 2))
    _png(tmp_path / "PedMasks" / "P1_mask.png", _ids(1, (1, 2, 5)))
    with pytest.raises(DataError, match=r"P1_mask.png: instance PNG with more ids than ann.*1, 2, 5.* counts 2"):
        _read(tmp_path)
    # Which of the ids is one too many, nobody can say.
    assert set(_truths(_read(tmp_path, skip_bad=True))) == {"P0"}


def test_cityscapes(tmp_path):
    _cityscapes(tmp_path)
    _cityscapes(tmp_path, "val", ("bonn",), (24000, 24, 25001))
    _cityscapes(tmp_path, "test", ("berlin",), (3, 7))
    source = _read(tmp_path)
    assert source.class_names == ("person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")
    assert set(source.splits) == {"train", "val"} and any("withheld" in note for note in source.problems)
    record = records_of(source.split("train"))[1]
    truth = record.answer()
    assert record.id == "ulm_000000_000011" and record.groups == {"city": "ulm"}
    # In the order of the ids: the group of bicycles first, and 7, the road, is none.
    assert truth.labels.tolist() == [7, 0, 2] and truth.ignored.tolist() == [True, False, False]
    _same(truth, _ids(1, (26001, 24002, 33, 7)), (33, 24002, 26001))
    painted = _truths(_read(tmp_path, wanted=(ClassMap,)))[record.id].labels.numpy()
    ids = _ids(1, (26001, 24002, 33, 7))
    np.testing.assert_array_equal(painted, np.select([ids == 33, ids == 24002, ids == 26001], [255, 1, 3], 0))
    (tmp_path / "leftImg8bit" / "val" / "bonn" / "bonn_000000_000010_leftImg8bit.png").unlink()
    with pytest.raises(DataError, match="mask without a picture"):
        _read(tmp_path)


BAD = {
    "mask of another size than its picture": lambda path: _png(path, np.ones((24, 30), np.uint8)),
    "picture without a mask": lambda path: path.unlink(),
    "broken mask": lambda path: path.write_bytes(path.read_bytes()[:60]),
    "lossy": lambda path: Image.new("L", SIZE[::-1]).save(path, format="JPEG"),
    "ids in colours": lambda path: Image.new("RGB", SIZE[::-1], (1, 2, 3)).save(path),
    "far too many ids": lambda path: Image.fromarray(np.arange(40_000, dtype=np.uint16).reshape(200, 200)).save(path),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_instance_pngs(kind, tmp_path):
    _plain(tmp_path)
    BAD[kind](tmp_path / "instances" / "b.png")
    with pytest.raises(DataError, match=f"has 1 problem(?s:.)*b.*{kind}|has 1 problem(?s:.)*{kind}"):
        _read(tmp_path)
    assert set(_truths(_read(tmp_path, skip_bad=True))) == {"a"}


def test_palettes_and_pictures_without_objects(tmp_path):
    _plain(tmp_path)
    image = Image.new("P", SIZE[::-1])
    image.putpalette([0, 0, 0, 200, 30, 30, 30, 200, 30, 30, 30, 200])
    image.putdata(_ids(0).reshape(-1).tolist())
    image.save(tmp_path / "instances" / "a.png")
    _png(tmp_path / "instances" / "b.png", np.zeros(SIZE, np.uint8))
    truths = _truths(_read(tmp_path))
    _same(truths["a"], _ids(0), (1, 2, 3))
    assert len(truths["b"]) == 0 and len(truths["b"].masks) == 0


def test_one_layout_claims_a_folder_unless_it_is_both(tmp_path):
    _plain(tmp_path)
    (tmp_path / "classes.txt").write_text("sky\nroad\ncar\nsea\n")
    for id in ("a", "b"):
        _png(tmp_path / "masks" / f"{id}.png", np.minimum(_ids(0), 3))
    assert _read(tmp_path, wanted=(Instances,)).format == "instance-masks"
    with pytest.raises(DataError, match="laid out in several ways: instance-masks, masks"):
        _read(tmp_path, wanted=(ClassMap,))
    assert _read(f"masks:{tmp_path}", wanted=(ClassMap,)).class_names == ("sky", "road", "car", "sea")
    assert _read(f"instance-masks:{tmp_path}", wanted=(ClassMap,)).class_names == ("background", "object")
