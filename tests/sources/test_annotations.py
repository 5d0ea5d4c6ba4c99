"""Property tests of the annotation readers: any valid set reads back the same, any garbage is one clear error."""

import json
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clearsight import sources
from clearsight.sources import DataError

HEIGHT, WIDTH = 48, 64
FORMATS = ("voc", "coco", "yolo")
FEW = settings(max_examples=25)
NAMES = st.text("abcXYZ é<&>'\"中:#-", min_size=1, max_size=8).filter(lambda name: name == name.strip())


@st.composite
def boxes(draw):
    x1 = draw(st.integers(0, 4 * WIDTH - 1))
    y1 = draw(st.integers(0, 4 * HEIGHT - 1))
    x2 = draw(st.integers(x1 + 1, 4 * WIDTH))
    y2 = draw(st.integers(y1 + 1, 4 * HEIGHT))
    return (draw(NAMES), x1 / 4, y1 / 4, x2 / 4, y2 / 4)


@pytest.mark.parametrize("format", FORMATS)
@given(pictures=st.lists(st.lists(boxes(), max_size=5), min_size=1, max_size=4).filter(any))
@FEW
def test_what_is_written_is_read(format, writers, item, pictures):
    items = [item(f"p{i}", (HEIGHT, WIDTH), tuple(found)) for i, found in enumerate(pictures)]
    with tempfile.TemporaryDirectory() as folder:
        writers.write(format, Path(folder), items)
        source = sources.read(folder, held_out=0.0)
        train = source.split("train")
        assert source.class_names == tuple(sorted({box[0] for found in pictures for box in found}))
        for sample, found in zip(train, pictures, strict=True):
            assert [source.class_names[label] for label in sample.truth.labels] == [box[0] for box in found]
            expected = torch.tensor([box[1:] for box in found]).reshape(-1, 4)
            torch.testing.assert_close(sample.truth.xyxy, expected, atol=1e-4, rtol=0)


@given(data=st.binary(max_size=300))
@FEW
def test_any_bytes_as_xml(writers, item, data):
    garbage(writers, item, "voc", "Annotations/b.xml", data)


@given(data=st.binary(max_size=300))
@FEW
def test_any_bytes_as_json(writers, item, data):
    garbage(writers, item, "coco", "annotations/instances_train2017.json", data)


@given(data=st.binary(max_size=300))
@FEW
def test_any_bytes_as_labels(writers, item, data):
    garbage(writers, item, "yolo", "labels/train/b.txt", data)


@given(
    data=st.one_of(st.binary(max_size=200), st.text("names: [a]{}\n-&*!|>'\"0123 train", max_size=80).map(str.encode))
)
@FEW
def test_any_bytes_as_yaml(writers, item, data):
    garbage(writers, item, "yolo", "data.yaml", data)


WORDS = st.one_of(st.floats().map(repr), st.integers().map(str), st.text(max_size=6))


@given(cells=st.lists(WORDS, min_size=4, max_size=4))
@FEW
def test_any_words_as_voc_corners(writers, item, cells):
    escaped = [cell.replace("&", "&amp;").replace("<", "&lt;") for cell in cells]
    tags = "".join(f"<{t}>{c}</{t}>" for t, c in zip(("xmin", "ymin", "xmax", "ymax"), escaped, strict=True))
    xml = f"<annotation><object><name>cat</name><bndbox>{tags}</bndbox></object></annotation>"
    garbage(writers, item, "voc", "Annotations/b.xml", xml.encode("utf-8", "replace"))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


@given(box=JSON, id=JSON, category=JSON, name=JSON, size=JSON, area=JSON)
@FEW
def test_any_values_in_coco(writers, item, box, id, category, name, size, area):
    content = {
        "images": [{"id": 1, "file_name": "b.png"}, {"id": id, "file_name": name, "width": size, "height": size}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4]},
            {"image_id": id, "category_id": category, "bbox": box, "area": area, "iscrowd": size},
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }
    garbage(writers, item, "coco", "annotations/instances_train2017.json", json.dumps(content).encode())


def garbage(writers, item, format, path, data):
    """Only a DataError may come of it, or a Source whose boxes lie in their pictures."""
    with tempfile.TemporaryDirectory() as folder:
        writers.write(format, Path(folder), [item("a"), item("b")])
        (Path(folder) / path).write_bytes(data)
        for skip_bad in (False, True):
            try:
                source = sources.read(folder, held_out=0.0, skip_bad=skip_bad)
            except DataError as error:
                assert len(str(error)) > 20
                continue
            for sample in source.split("train"):
                height, width = sample.size
                xyxy = sample.truth.xyxy
                assert torch.isfinite(xyxy).all() and (xyxy[:, :2] < xyxy[:, 2:]).all() and (xyxy >= 0).all()
                assert (xyxy <= torch.tensor([width, height, width, height])).all()
                assert (sample.truth.labels < len(source.class_names)).all()
