"""Predictions of any kind as rows of plain values, for JSON and CSV."""

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import torch

from clearsight.inference.familiarity import Likeness
from clearsight.ops import instance_masks
from clearsight.prediction.writing import object_rows
from clearsight.types import (
    Abstained,
    Detections,
    Estimate,
    InstanceDetections,
    Picture,
    Prediction,
    Scores,
    Segmentation,
)


def of_likeness(likeness: Likeness | None) -> dict[str, Any]:
    """The cells that say whether a picture is unlike the training pictures; none where nobody knows."""
    return {} if likeness is None else {"unlike": likeness.unlike, "unlikeness": round(likeness.score, 5)}


@singledispatch
def rows(prediction: Prediction, class_names: Sequence[str]) -> list[dict[str, Any]]:
    """A prediction as JSON rows: objects as COCO results, masks as run lengths, else one row for the picture."""
    raise TypeError(f"no rows are defined for a {type(prediction).__name__}")


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
def _(prediction: Abstained, class_names: Sequence[str]) -> list[dict[str, Any]]:
    nothing = dict.fromkeys(class_names)
    return [{"class": None, "score": None, "probabilities": nothing, "abstained": prediction.reason}]


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


@rows.register
def _(prediction: Picture, class_names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"width": prediction.image.shape[2], "height": prediction.image.shape[1]}]
