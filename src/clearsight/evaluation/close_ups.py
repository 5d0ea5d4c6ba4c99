"""One picture's detections matched with its objects, each error with its cause, and close-ups of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image
from torch import Tensor

from clearsight import drawing
from clearsight.ops import boxes as box_ops
from clearsight.ops.error_causes import explain, judged_order
from clearsight.ops.matching import Objects, match
from clearsight.types import Boxes, Detections

MARGIN, MIN_PX, SHOWN_PX = 0.75, 96, 420


@dataclass(frozen=True, kw_only=True)
class Matched:
    """The detections of a picture, best first, and its objects, ignored ones aside; ``met`` indexes these, -1 for none.

    ``overlap`` is the IoU of each detection with each object.
    """

    found: Detections
    truth: Boxes
    cause: Int[np.ndarray, "d"]
    met: Int[np.ndarray, "d"]
    overlap: Float[np.ndarray, "d n"]


def match_picture(found: Detections, truth: Boxes, classes: int) -> Matched:
    """Match the detections of one picture and find the causes of its errors; all boxes are in its pixels."""
    found = Detections(xyxy=found.xyxy.cpu(), scores=found.scores.cpu(), labels=found.labels.cpu())
    found = found.select(found.scores.argsort(descending=True, stable=True))
    predicted = _objects(found.xyxy, found.labels, torch.zeros(len(found), dtype=torch.bool))
    true = _objects(truth.xyxy, truth.labels, truth.ignored)
    matches = match(predicted, true)
    explained = explain(predicted, true, classes, matches.ignored[0, 0])
    judged = truth.select(torch.from_numpy(judged_order(true)))
    return Matched(
        found=found,
        truth=Boxes.of(judged.xyxy, judged.labels),
        cause=explained.cause,
        met=explained.met,
        overlap=box_ops.iou(found.xyxy[:, None], judged.xyxy[None]).numpy().reshape(len(found), len(judged)),
    )


def _objects(xyxy: Tensor, labels: Tensor, crowd: Tensor) -> Objects:
    sides = xyxy[:, 2:] - xyxy[:, :2]
    return Objects(
        xyxy=xyxy.double().numpy(), group=labels.numpy(), area=sides.prod(1).double().numpy(), crowd=crowd.numpy()
    )


def close_up(image: UInt8[Tensor, "3 h w"], found: Detections, truth: Boxes, names: Sequence[str]) -> Image.Image:
    """The part of the picture around these detections and objects, magnified: found solid, true ones dashed."""
    left, top, right, bottom = _window(torch.cat([found.xyxy, truth.xyxy]), (image.shape[1], image.shape[2]))
    shift = torch.tensor([left, top, left, top])
    return drawing.overlay(
        Detections(xyxy=found.xyxy - shift, scores=found.scores, labels=found.labels),
        image[:, top:bottom, left:right],
        names,
        truth=Boxes.of(truth.xyxy - shift, truth.labels),
        at_least_px=SHOWN_PX,
    )


def _window(boxes: Float[Tensor, "n 4"], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A square around the boxes with a margin, moved into the picture; whole pixels."""
    low, high = boxes[:, :2].amin(0), boxes[:, 2:].amax(0)
    side = max(MIN_PX, float((high - low).max()) * (1 + 2 * MARGIN))
    ends = []
    for middle, limit in zip(((low + high) / 2).tolist(), (size[1], size[0]), strict=True):
        wide = min(limit, round(side))
        start = min(max(0, round(middle - wide / 2)), limit - wide)
        ends.append((start, start + wide))
    return ends[0][0], ends[1][0], ends[0][1], ends[1][1]
