"""Moving a sample about: placed on a canvas, mirrored, and what was found there brought back to the picture."""

from dataclasses import dataclass, replace

import torch
import torchvision.transforms.v2.functional as TF
from jaxtyping import UInt8
from torch import Tensor

from clearsight.ops import boxes as box_ops
from clearsight.types import Boxes, Detections, Prediction, Sample, Size, Truth

FILL = 114  # the grey around a picture smaller than its canvas
VISIBLE = 0.25  # an object seen less than this is ignored rather than called background
MULTIPLE = 32  # canvases fit the coarsest stride


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How a picture of ``size`` lies on a canvas: its size there and its top left corner, in canvas pixels."""

    size: Size
    placed: Size
    top: int = 0
    left: int = 0


def canvas_for(size: Size, size_px: int) -> Size:
    """The smallest canvas, in multiples of 32, that holds a picture of ``size`` with its longer side ``size_px``."""
    height, width = fitted(size, size_px)
    return (-(-height // MULTIPLE) * MULTIPLE, -(-width // MULTIPLE) * MULTIPLE)


def fitted(size: Size, size_px: int) -> Size:
    """``size`` with its longer side scaled to ``size_px``, aspect kept, no side below 1."""
    scale = size_px / max(size)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


def paste(image: UInt8[Tensor, "3 h w"], canvas: Size, placement: Placement) -> UInt8[Tensor, "3 ch cw"]:
    """The picture resized and laid on a grey canvas; what hangs over is cut."""
    if placement.placed != (image.shape[1], image.shape[2]):
        shrinks = placement.placed[0] < image.shape[1]
        image = TF.resize(image, list(placement.placed), antialias=shrinks)
    rows = _overlap(placement.top, placement.placed[0], canvas[0])
    columns = _overlap(placement.left, placement.placed[1], canvas[1])
    if (rows[0], columns[0]) == (slice(0, canvas[0]), slice(0, canvas[1])):
        return image[:, rows[1], columns[1]]
    out = image.new_full((image.shape[0], *canvas), FILL)
    out[:, rows[0], columns[0]] = image[:, rows[1], columns[1]]
    return out


def place(sample: Sample, canvas: Size, placement: Placement) -> Sample:
    """The sample, picture and truth, laid on a canvas."""
    image = paste(sample.image, canvas, placement)
    return replace(sample, image=image, truth=_placed(sample.truth, canvas, placement))


def _overlap(offset: int, side: int, room: int) -> tuple[slice, slice]:
    """Where a strip of ``side`` at ``offset`` meets [0, room): the slice of the room and the slice of the strip."""
    start, end = max(0, offset), min(room, offset + side)
    return slice(start, end), slice(start - offset, end - offset)


def _placed(truth: Truth, canvas: Size, placement: Placement) -> Truth:
    if truth is None:
        return None
    ratio_y, ratio_x = (placed / side for placed, side in zip(placement.placed, placement.size, strict=True))
    grown = truth.xyxy * torch.tensor([ratio_x, ratio_y] * 2)
    grown += torch.tensor([placement.left, placement.top] * 2)
    cut = box_ops.clip(grown, canvas)
    whole, seen = box_ops.area(grown), box_ops.area(cut)
    here = seen > 0
    faded = seen < VISIBLE * whole
    area = truth.areas * ratio_x * ratio_y * seen / whole.clamp(min=box_ops.EPSILON)
    return Boxes(xyxy=cut[here], labels=truth.labels[here], ignored=(truth.ignored | faded)[here], areas=area[here])


def mirror(sample: Sample, way: str) -> Sample:
    """The sample flipped: "horizontal" swaps left and right, "vertical" top and bottom."""
    axis, low, high = (2, 0, 2) if way == "horizontal" else (1, 1, 3)
    truth = sample.truth
    if truth is not None:
        xyxy = truth.xyxy.clone()
        side = sample.image.shape[axis]
        xyxy[:, low], xyxy[:, high] = side - truth.xyxy[:, high], side - truth.xyxy[:, low]
        truth = replace(truth, xyxy=xyxy)
    return replace(sample, image=sample.image.flip(axis), truth=truth)


def bring_back(prediction: Prediction, placement: Placement) -> Prediction:
    """A prediction made on a canvas, in the pixels of the picture it was made of; boxes are cut to the picture."""
    ratio_y, ratio_x = (side / placed for placed, side in zip(placement.placed, placement.size, strict=True))
    shift = prediction.xyxy.new_tensor([placement.left, placement.top] * 2)
    xyxy = (prediction.xyxy - shift) * prediction.xyxy.new_tensor([ratio_x, ratio_y] * 2)
    xyxy = box_ops.clip(xyxy, placement.size)
    inside = box_ops.area(xyxy) > 0
    return Detections(xyxy=xyxy[inside], scores=prediction.scores[inside], labels=prediction.labels[inside])
