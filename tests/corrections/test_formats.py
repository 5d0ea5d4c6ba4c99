"""Corrected data sets of every format that can be written, read back by our own reader; the old ones stay untouched."""

import gzip
import hashlib
import io
import json

import numpy as np
import polars
import pytest
from PIL import Image

from clearsight import sources
from clearsight.corrections.changes import Change, Mark
from clearsight.corrections.writing import Data, check_can_be_written, write
from clearsight.sources import DataError, records_of
from clearsight.types import Boxes, ClassMap, Instances, Label, Labels, Picture

OBJECTS = {
    "a": [("cat", 5, 6, 25, 30), ("dog", 30, 10, 50, 38)],
    "b": [("dog", 2, 3, 20, 21)],
    "c": [],
    "d": [("cat", 1, 1, 9, 9), ("cat", 40, 4, 59, 33)],
}
# Another class, a moved box, a dropped one, one added where there was none and one where there were some.
CHANGES = [
    Change(id="a", before=Mark(name="dog", box=(30, 10, 50, 38)), after=Mark(name="cat")),
    Change(id="b", before=Mark(name="dog", box=(2, 3, 20, 21)), after=Mark(name="dog", box=(4, 5, 24, 25))),
    Change(id="d", before=Mark(name="cat", box=(40, 4, 59, 33)), after=None),
    Change(id="c", before=None, after=Mark(name="dog", box=(7, 8, 27, 28))),
    Change(id="a", before=None, after=Mark(name="cat", box=(0, 0, 12, 6))),
]
CORRECTED = {
    "a": {("cat", 5, 6, 25, 30), ("cat", 30, 10, 50, 38), ("cat", 0, 0, 12, 6)},
    "b": {("dog", 4, 5, 24, 25)},
    "c": {("dog", 7, 8, 27, 28)},
    "d": {("cat", 1, 1, 9, 9)},
}


def picture(path, shade, size=(40, 60)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(shade).integers(0, 256, (*size, 3), np.uint8)).save(path)


def png(shade):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, 0, 0)).save(buffer, "png")
    return buffer.getvalue()


def state(folder):
    """Every file below a folder and what is in it: what must be the same afterwards."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def voc(folder):
    for shade, (id, objects) in enumerate(OBJECTS.items()):
        picture(folder / "JPEGImages" / f"{id}.png", shade)
        inside = "".join(
            f"<object><name>{name}</name><pose>Left</pose><bndbox><xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin>"
            f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
            for name, x1, y1, x2, y2 in objects
        )
        (folder / "Annotations").mkdir(exist_ok=True)
        (folder / "Annotations" / f"{id}.xml").write_text(
            f"<annotation><filename>{id}.png</filename>{inside}</annotation>"
        )


def yolo(folder):
    (folder / "labels").mkdir(parents=True)
    for shade, (id, objects) in enumerate(OBJECTS.items()):
        picture(folder / "images" / f"{id}.png", shade)
        lines = [
            f"{['cat', 'dog'].index(name)} {(x1 + x2) / 120!r} {(y1 + y2) / 80!r} {(x2 - x1) / 60!r} {(y2 - y1) / 40!r}"
            for name, x1, y1, x2, y2 in objects
        ]
        if lines:
            (folder / "labels" / f"{id}.txt").write_text("\n".join(lines))
    (folder / "data.yaml").write_text("names: [cat, dog]\ntrain: images\n")


def coco(folder):
    images, annotations = [], []
    for number, (id, objects) in enumerate(OBJECTS.items()):
        picture(folder / "images" / f"{id}.png", number)
        images.append({"id": number, "file_name": f"{id}.png", "height": 40, "width": 60, "licence": 3})
        for name, x1, y1, x2, y2 in objects:
            corners = [[x1, y1, x2, y1, x2, y2, x1, y2]]
            annotations.append(
                {
                    "id": 50 + len(annotations),
                    "image_id": number,
                    "category_id": {"cat": 3, "dog": 9}[name],
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "segmentation": corners,
                    "note": f"of {id}",
                }
            )
    categories = [{"id": 9, "name": "dog"}, {"id": 3, "name": "cat"}]
    content = {"info": {"year": 2026}, "images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations").mkdir()
    (folder / "annotations" / "train.json").write_text(json.dumps(content))


def read(folder, kind):
    source = sources.read(folder, held_out=0.0, wanted=(kind,))
    return source, {one.id: one for dataset in source.splits.values() for one in records_of(dataset)}


def boxes_of(folder, kind=Boxes):
    source, records = read(folder, kind)
    return {
        id: {
            (source.class_names[label], *(round(side) for side in box))
            for label, box in zip(one.boxes().labels.tolist(), one.boxes().xyxy.tolist(), strict=True)
        }
        for id, one in records.items()
    }


@pytest.mark.parametrize("write_old", [voc, yolo, coco], ids=lambda one: one.__name__)
def test_boxes_are_changed_moved_added_and_dropped(write_old, tmp_path):
    old = tmp_path / "pets"
    old.mkdir()
    write_old(old)
    before = state(old)
    written = write(Data(place=str(old), kind=Boxes), CHANGES)
    assert written.path == str(tmp_path / "pets-corrected") and (written.changes, written.pictures) == (5, 4)
    assert state(old) == before, "the old data were touched"
    assert boxes_of(tmp_path / "pets-corrected") == CORRECTED
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pets", "pets-corrected"]


def test_what_is_beside_the_labels_is_kept(tmp_path):
    for make in (voc, coco):
        (tmp_path / make.__name__).mkdir()
        make(tmp_path / make.__name__)
        write(Data(place=str(tmp_path / make.__name__), kind=Boxes), CHANGES)
    assert (tmp_path / "voc-corrected" / "Annotations" / "a.xml").read_text().count("<pose>Left</pose>") == 2
    content = json.loads((tmp_path / "coco-corrected" / "annotations" / "train.json").read_text())
    assert content["info"] == {"year": 2026} and all(one["licence"] == 3 for one in content["images"])
    by_id = {one["id"]: one for one in content["annotations"]}
    assert by_id[50]["note"] == "of a" and by_id[50]["segmentation"] and len(by_id) == 6
    assert "segmentation" not in by_id[52], "the outline of the place where the object was"


def test_outlined_objects_change_class_and_go_but_cannot_be_moved(tmp_path):
    old = tmp_path / "pets"
    old.mkdir()
    coco(old)
    (old / "annotations" / "train.json").rename(old / "annotations" / "instances_train.json")
    write(Data(place=str(old), kind=Instances), [CHANGES[0], CHANGES[2]], tmp_path / "new")
    found = boxes_of(tmp_path / "new", Instances)
    assert found["a"] == {("cat", 5, 6, 25, 30), ("cat", 30, 10, 50, 38)} and found["d"] == {("cat", 1, 1, 9, 9)}
    for change, what in ((CHANGES[1], "cannot be moved by its box"), (CHANGES[3], "cannot be added from a box alone")):
        with pytest.raises(DataError, match=what):
            write(Data(place=str(old), kind=Instances), [change], tmp_path / "not")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "pets"]


def test_pictures_move_to_the_folder_of_their_class_and_their_groups_with_them(tmp_path):
    old = tmp_path / "pets"
    for shade, name in enumerate(("cat/1", "cat/2", "dog/1", "dog/3", "dog/4", "fox/9")):
        picture(old / f"{name}.png", shade)
    (old / "attributes.csv").write_text("id,sex\ncat/1,f\ncat/2,m\ndog/1,f\n3,m\nfox/9,f\n")
    before = state(old)
    changes = [
        Change(id="cat/1", before=Mark(name="cat"), after=Mark(name="dog")),  # where a dog/1 is already
        Change(id="dog/3", before=Mark(name="dog"), after=None),
        Change(id="fox/9", before=Mark(name="fox"), after=Mark(name="cat")),  # the last fox
    ]
    written = write(Data(place=str(old), kind=Label), changes)
    assert state(old) == before and written.left_out == 1
    source, records = read(tmp_path / "pets-corrected", Label)
    assert source.class_names == ("cat", "dog")
    assert {id: (source.class_names[one.truth.index], one.groups["sex"]) for id, one in records.items()} == {
        "cat/2": ("cat", "m"),
        "cat/9": ("cat", "f"),
        "dog/1": ("dog", "f"),
        "dog/1-2": ("dog", "f"),
        "dog/4": ("dog", "unknown"),
    }


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".csv.zst", ".tsv"])
def test_cells_of_text_tables_change_and_all_others_stay(ending, tmp_path):
    import zstandard

    old = tmp_path / "set"
    for row in range(6):
        picture(old / "images" / f"{row}.png", row)
    text = '\r\nimage,label,note\r\nimages/0.png,cat,"a, b"\r\n\r\nimages/1.png,dog,007\r\nimages/2.png,cat,1.50\r\n'
    text += "images/3.png, dog ,\r\nimages/4.png,cat,x\r\nimages/5.png,dog,y\r\n"
    content = (text.replace(",", "\t") if ending == ".tsv" else text).encode()
    packed = {".csv.gz": gzip.compress, ".csv.zst": zstandard.compress}.get(ending, bytes)(content)
    (old / f"table{ending}").write_bytes(packed)
    changes = [
        Change(id="images/1", before=Mark(name="dog"), after=Mark(name="cat")),
        Change(id="images/4", before=Mark(name="cat"), after=None),
    ]
    write(Data(place=str(old / f"table{ending}"), kind=Label), changes, tmp_path / "new")
    source, records = read(tmp_path / "new" / f"table{ending}", Label)
    assert {id: source.class_names[one.truth.index] for id, one in records.items()} == {
        "images/0": "cat", "images/1": "cat", "images/2": "cat", "images/3": "dog", "images/5": "dog",
    }  # fmt: skip
    if ending == ".csv":
        wanted = text.strip("\r\n").replace("1.png,dog", "1.png,cat").replace("images/4.png,cat,x\r\n", "") + "\r\n"
        assert (tmp_path / "new" / "table.csv").read_bytes().decode() == wanted


def test_embedded_pictures_keep_their_file_and_numbered_classes_their_names(tmp_path):
    pictures = [{"bytes": png(row), "path": None} for row in range(12)]
    frame = polars.DataFrame({"image": pictures, "label": [0, 1] * 6, "sex": ["f"] * 5 + ["m"] * 7})
    about = {"info": {"features": {"label": {"names": ["cat", "dog"]}}}}
    frame.write_parquet(tmp_path / "train.parquet", metadata={"huggingface": json.dumps(about)})
    changes = [
        Change(id="03", before=Mark(name="dog"), after=Mark(name="cat")),  # 03 is a cat
        Change(id="04", before=Mark(name="dog"), after=Mark(name="cat")),
        Change(id="05", before=Mark(name="cat"), after=None),
    ]
    write(Data(place=str(tmp_path / "train.parquet"), kind=Label), changes[1:], tmp_path / "new")
    found = polars.read_parquet(tmp_path / "new" / "train.parquet")
    assert found["label"].to_list() == [0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1] and found.schema == frame.schema
    assert found["image"].to_list() == [one for row, one in enumerate(pictures) if row != 4]
    source, _ = read(tmp_path / "new" / "train.parquet", Label)
    assert source.class_names == ("cat", "dog")
    with pytest.raises(DataError, match="has no label dog any more"):
        write(Data(place=str(tmp_path / "train.parquet"), kind=Label), changes[:1], tmp_path / "other")


def test_one_of_several_labels_changes_in_columns_and_in_lists(tmp_path):
    old = tmp_path / "chests"
    for row in range(4):
        picture(old / "images" / f"{row}.png", row)
    (old / "table.csv").write_text(
        "image,fluid,nodule\nimages/0.png,1.0,0.0\nimages/1.png,0.0,-1.0\nimages/2.png,1.0,1.0\nimages/3.png,,0.0\n"
    )
    changes = [
        Change(id="images/0", before=Mark(name="fluid"), after=None),
        Change(id="images/0", before=None, after=Mark(name="nodule")),
        Change(id="images/3", before=None, after=Mark(name="fluid")),
    ]
    write(Data(place=str(old / "table.csv"), kind=Labels, target="fluid,nodule"), changes, tmp_path / "new")
    lines = (tmp_path / "new" / "table.csv").read_text().splitlines()
    assert lines[1:] == [
        "images/0.png,0.0,1.0",
        "images/1.png,0.0,-1.0",
        "images/2.png,1.0,1.0",
        "images/3.png,1.0,0.0",
    ]

    pictures = [{"bytes": png(row), "path": None} for row in range(3)]
    frame = polars.DataFrame({"image": pictures, "labels": [["fluid"], ["fluid", "nodule"], []]})
    frame.write_parquet(tmp_path / "lists.parquet")
    changes = [
        Change(id="1", before=None, after=Mark(name="nodule")),
        Change(id="2", before=Mark(name="fluid"), after=None),
    ]
    write(Data(place=str(tmp_path / "lists.parquet"), kind=Labels), changes, tmp_path / "lists")
    found = polars.read_parquet(tmp_path / "lists" / "lists.parquet")["labels"].to_list()
    assert found == [["fluid", "nodule"], ["nodule"], []]


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_a_class_dropped_from_a_mask_is_not_judged_there(mode, tmp_path):
    old = tmp_path / "roads"
    colours = np.array([[10, 20, 30], [200, 0, 0], [0, 200, 0], [1, 1, 1]], np.uint8)
    labels = {}
    for number, id in enumerate(("a", "b")):
        picture(old / "images" / f"{id}.png", number, (24, 32))
        labels[id] = np.random.default_rng(number).integers(0, 3, (24, 32)).astype(np.uint8)
        (old / "masks").mkdir(parents=True, exist_ok=True)
        mask = Image.fromarray(colours[labels[id]] if mode == "RGB" else labels[id])
        if mode == "P":
            mask.putpalette(colours.reshape(-1).tolist())
        mask.save(old / "masks" / f"{id}.png")
    if mode == "RGB":
        (old / "classes.csv").write_text("sky,10,20,30\nroad,200,0,0\ncar,0,200,0\nvoid,1,1,1\n")
    else:
        (old / "classes.txt").write_text("sky\nroad\ncar\n")
    before = state(old)
    write(Data(place=str(old), kind=ClassMap), [Change(id="b", before=Mark(name="road"), after=None)])
    assert state(old) == before
    _, records = read(tmp_path / "roads-corrected", ClassMap)
    assert (records["a"].answer().labels.numpy() == labels["a"]).all()
    assert (records["b"].answer().labels.numpy() == np.where(labels["b"] == 1, 255, labels["b"])).all()


def test_a_table_of_colours_without_one_for_no_class_says_so(tmp_path):
    old = tmp_path / "roads"
    picture(old / "images" / "a.png", 1, (4, 4))
    (old / "masks").mkdir()
    Image.fromarray(np.array([[[10, 20, 30]] * 4] * 2 + [[[200, 0, 0]] * 4] * 2, np.uint8)).save(
        old / "masks" / "a.png"
    )
    (old / "classes.csv").write_text("sky,10,20,30\nroad,200,0,0\n")
    with pytest.raises(DataError, match="has no colour for pixels that nobody judges"):
        write(Data(place=str(old), kind=ClassMap), [Change(id="a", before=Mark(name="road"), after=None)])
    assert [path.name for path in tmp_path.iterdir()] == ["roads"]


def test_what_cannot_be_written_says_why_and_leaves_nothing(tmp_path):
    old = tmp_path / "pets"
    old.mkdir()
    yolo(old)
    data = Data(place=str(old), kind=Boxes)
    with pytest.raises(ValueError, match="no correction to write"):
        write(data, [])
    with pytest.raises(ValueError, match="is there already"):
        write(data, CHANGES, tmp_path)
    with pytest.raises(ValueError, match="lies within the data, which are never changed"):
        write(data, CHANGES, old / "new")
    with pytest.raises(ValueError, match="there is no folder"):
        write(data, CHANGES, tmp_path / "no" / "new")
    with pytest.raises(DataError, match="has no label cat at 1 1 30 30 any more"):
        write(data, [Change(id="a", before=Mark(name="cat", box=(1, 1, 30, 30)), after=None)])
    with pytest.raises(DataError, match="is to become fox, a class that the data do not have"):
        write(data, [Change(id="a", before=Mark(name="cat", box=(5, 6, 25, 30)), after=Mark(name="fox"))])
    with pytest.raises(DataError, match="1 corrected pictures are no longer in"):
        write(data, [Change(id="z", before=None, after=Mark(name="cat", box=(1, 1, 3, 3)))])
    with pytest.raises(DataError, match="cannot be written as digits data"):
        write(Data(place="digits", kind=Boxes), CHANGES)
    with pytest.raises(
        DataError, match="cannot be written as pictures data of this kind. These can: class-folders, coco"
    ):
        check_can_be_written("pictures", Picture)
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]


def test_data_that_do_not_read_back_as_expected_are_not_left(tmp_path, monkeypatch):
    from clearsight.corrections import writing

    old = tmp_path / "pets"
    old.mkdir()
    yolo(old)
    monkeypatch.setitem(writing.WRITERS, ("yolo", Boxes), lambda copy: None)  # a writer that forgets everything
    with pytest.raises(ValueError, match="did not read back as they should: 8 pictures differ. Nothing was written"):
        write(Data(place=str(old), kind=Boxes), CHANGES)
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]
