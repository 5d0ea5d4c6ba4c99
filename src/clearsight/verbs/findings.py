"""What was found in a picture as rows of plain values, whatever kind of prediction it is: for JSON, CSV and people."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

import torch

from clearsight.ops import instance_masks
from clearsight.types import Detections, Estimate, InstanceDetections, Prediction, Scores, Segmentation
from clearsight.verbs.writing import object_rows


@singledispatch
def rows(prediction: Prediction, class_names: Sequence[str]) -> list[dict[str, Any]]:
    """A prediction as JSON rows: objects as COCO results, masks as run lengths, else one row for the picture."""
    raise TypeError(f"nobody knows how to write a {type(prediction).__name__}")


@rows.register
def _(prediction: Detections, class_names: Sequence[str]) -> list[dict[str, Any]]:
    lists = (prediction.xyxy.tolist(), prediction.scores.tolist(), prediction.labels.tolist())
    return object_rows(*lists, class_names)


@rows.register
def _(prediction: InstanceDetections, class_names: Sequence[str]) -> list[dict[str, Any]]:
    boxes = Detections(xyxy=prediction.xyxy, scores=prediction.scores, labels=prediction.labels)
    areas, texts = instance_masks.areas(prediction.masks).tolist(), instance_masks.rle(prediction.masks)
    found = zip(rows(boxes, class_names), areas, texts, strict=True)
    return [{**row, "area": area, "segmentation": text} for row, area, text in found]


@rows.register
def _(prediction: Scores, class_names: Sequence[str]) -> list[dict[str, Any]]:
    best = int(prediction.probabilities.argmax())
    values = {name: round(value, 5) for name, value in zip(class_names, prediction.probabilities.tolist(), strict=True)}
    return [{"class": class_names[best], "score": values[class_names[best]], "probabilities": values}]


@rows.register
def _(prediction: Estimate, class_names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"value": prediction.value}]


@rows.register
def _(prediction: Segmentation, class_names: Sequence[str]) -> list[dict[str, Any]]:
    counts = torch.bincount(prediction.labels.flatten().long(), minlength=len(class_names))[: len(class_names)]
    shares = (counts / max(1, prediction.labels.numel())).tolist()
    return [
        {
            "shares": {name: round(share, 5) for name, share in zip(class_names, shares, strict=True)},
            "mean_confidence": round(float(prediction.confidence.mean()), 5),
        }
    ]


def table(found: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """JSON rows as a table with a line of column names: boxes as corners, one column per class."""
    if not found:  # only objects can be none
        return [["file_name", "category_name", "score", "x1", "y1", "x2", "y2"]]
    flat = [_flat(row) for row in found]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    return [columns, *([row.get(name, "") for name in columns] for row in flat)]


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, value in sorted(row.items(), key=lambda item: item[0] == "bbox"):
        if name == "bbox":
            x, y, width, height = value
            cells |= {"x1": x, "y1": y, "x2": round(x + width, 2), "y2": round(y + height, 2)}
        elif name in ("image_id", "category_id", "segmentation"):  # run lengths are for programs
            continue
        elif isinstance(value, Mapping):
            cells |= value
        else:
            cells[name] = value
    return cells


def tally(predictions: Sequence[Prediction], class_names: Sequence[str]) -> list[tuple[str, str]]:
    """What was found in all pictures together, as lines of two words, the names of the columns first."""
    if predictions and isinstance(predictions[0], Segmentation):
        shares = torch.zeros(len(class_names))
        for one in predictions:
            assert isinstance(one, Segmentation)
            shares += torch.bincount(one.labels.flatten().long(), minlength=len(class_names)) / one.labels.numel()
        named = zip(class_names, (shares / len(predictions)).tolist(), strict=True)
        return [("class", "of the area"), *((name, f"{share:.1%}") for name, share in named)]
    if predictions and isinstance(predictions[0], Estimate):
        values = sorted(one.value for one in predictions if isinstance(one, Estimate))
        three = {"least": values[0], "median": values[len(values) // 2], "most": values[-1]}
        return [("estimate", ""), *((name, f"{value:.4g}") for name, value in three.items())]
    counts: Counter[str] = Counter()
    for one in predictions:
        if isinstance(one, Detections):
            counts.update(class_names[label] for label in one.labels.tolist())
        elif isinstance(one, Scores):
            counts[class_names[int(one.probabilities.argmax())]] += 1
    return [("class", "found"), *((name, str(counts[name])) for name in class_names)]
