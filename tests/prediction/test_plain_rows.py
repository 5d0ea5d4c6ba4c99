import json

import pytest
import torch

from clearsight.ops import instance_masks
from clearsight.ops.masks import decompressed, from_run_lengths
from clearsight.prediction import plain_rows, writing
from clearsight.prediction.tallies import Tally
from clearsight.types import Detections, Estimate, InstanceDetections, Scores, Segmentation

NAMES = ("cat", "dog")


def one(kind):
    return {
        "boxes": Detections(
            xyxy=torch.tensor([[1.0, 2, 11, 22]]), scores=torch.tensor([0.75]), labels=torch.tensor([1])
        ),
        "scores": Scores(probabilities=torch.tensor([0.25, 0.75])),
        "number": Estimate(value=3.5),
        "map": Segmentation(
            labels=torch.tensor([[0, 1], [1, 1]], dtype=torch.uint8), confidence=torch.full((2, 2), 0.5)
        ),
    }[kind]


def table(rows):
    """The columns and the cells of rows, as a CSV file has them."""
    cells = [writing.flat(row) for row in rows]
    return [list(cells[0]), *(list(each.values()) for each in cells)]


def tally(predictions, class_names):
    counted = Tally(class_names)
    for prediction in predictions:
        counted.add(prediction)
    return counted.lines()


def test_rows_of_every_kind():
    assert plain_rows.rows(one("boxes"), NAMES) == [
        {"category_id": 2, "category_name": "dog", "bbox": [1, 2, 10, 20], "score": 0.75}
    ]
    assert plain_rows.rows(one("scores"), NAMES) == [
        {"class": "dog", "score": 0.75, "probabilities": {"cat": 0.25, "dog": 0.75}}
    ]
    assert plain_rows.rows(one("number"), NAMES) == [{"value": 3.5}]
    assert plain_rows.rows(one("map"), NAMES) == [{"shares": {"cat": 0.25, "dog": 0.75}, "mean_confidence": 0.5}]


@pytest.mark.parametrize(
    ("kind", "columns", "cells"),
    [
        ("boxes", ["file_name", "category_name", "score", "x1", "y1", "x2", "y2"], ["f", "dog", 0.75, 1, 2, 11, 22]),
        ("scores", ["file_name", "class", "score", "cat", "dog"], ["f", "dog", 0.75, 0.25, 0.75]),
        ("number", ["file_name", "value"], ["f", 3.5]),
        ("map", ["file_name", "cat", "dog", "mean_confidence"], ["f", 0.25, 0.75, 0.5]),
    ],
)
def test_tables_have_a_column_for_each_value(kind, columns, cells):
    rows = [{"image_id": 1, "file_name": "f", **row} for row in plain_rows.rows(one(kind), NAMES)]
    assert table(rows) == [columns, cells]


def test_tallies():
    assert tally([one("boxes"), one("boxes")], NAMES) == [("class", "found"), ("cat", "0"), ("dog", "2")]
    assert tally([one("scores")], NAMES)[2] == ("dog", "1")
    assert tally([one("map")], NAMES) == [("class", "of the area"), ("cat", "25.0%"), ("dog", "75.0%")]
    assert tally([one("number")], NAMES)[2] == ("median", "3.5")
    with pytest.raises(TypeError):
        plain_rows.rows(object(), NAMES)


def test_masks_are_coco_results_with_run_lengths_and_cells_with_their_area():
    whole = torch.zeros(2, 30, 40, dtype=torch.bool)
    whole[0, 4:12, 6:20], whole[1, 20:22, 0:3] = True, True
    whole[0, 5, 7] = False
    masks = instance_masks.of_bitmaps(whole)
    found = InstanceDetections(
        xyxy=masks.windows.float(), scores=torch.tensor([0.9, 0.25]), labels=torch.tensor([1, 0]), masks=masks
    )
    rows = plain_rows.rows(found, ("cat", "dog"))
    assert [row["category_name"] for row in rows] == ["dog", "cat"] and rows[0]["bbox"] == [6.0, 4.0, 14.0, 8.0]
    for row, mask in zip(json.loads(json.dumps(rows)), whole.numpy(), strict=True):
        runs = decompressed(row["segmentation"]["counts"])
        assert row["segmentation"]["size"] == [30, 40] and row["area"] == mask.sum()
        assert (from_run_lengths(runs, (30, 40)) == mask).all()
    lines = table([{"file_name": "a.png", **row} for row in rows])
    assert lines[0] == ["file_name", "category_name", "score", "area", "x1", "y1", "x2", "y2"]
    assert lines[1] == ["a.png", "dog", 0.9, 111, 6.0, 4.0, 20.0, 12.0]
    assert tally([found], ("cat", "dog")) == [("class", "found"), ("cat", "1"), ("dog", "1")]
