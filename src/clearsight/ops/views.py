"""Geometric transforms of a sample: letterboxed on a canvas, flipped, and predictions mapped back to the picture."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import singledispatch
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from clearsight.ops import boxes as box_ops
from clearsight.ops import instance_masks, mask_views
from clearsight.types import (
    IGNORE,
    Boxes,
    ClassMap,
    ClassProbabilities,
    Detections,
    InstanceDetections,
    Instances,
    Picture,
    Prediction,
    Sample,
    Segmentation,
    Size,
    Truth,
)

FILL = 114  # grey padding of a picture smaller than its canvas
VISIBLE = 0.25  # an object with a smaller share visible is ignored rather than background
STRIP_NUMBERS = 2**24  # numbers of a resized strip of class maps: 64 MB
MULTIPLE = 32  # canvas sides are multiples of the coarsest stride, this unless a network has another

_P = TypeVar("_P", bound=Prediction)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How a picture of ``size`` lies on a canvas: its size there and its top left corner, in canvas pixels."""

    size: Size
    placed: Size
    top: int = 0
    left: int = 0


def enlarged(placement: Placement, factor: int) -> Placement:
    """The same placement where picture and canvas have ``factor`` times more rows and columns."""
    if factor == 1:
        return placement
    (height, width), (tall, wide) = placement.size, placement.placed
    return Placement(
        size=(height * factor, width * factor),
        placed=(tall * factor, wide * factor),
        top=placement.top * factor,
        left=placement.left * factor,
    )


def canvas_for(size: Size, size_px: int, multiple: int = MULTIPLE) -> Size:
    """The smallest canvas, in multiples of 32 px, that holds a picture of ``size`` with its longer side ``size_px``."""
    height, width = fitted(size, size_px)
    return (-(-height // multiple) * multiple, -(-width // multiple) * multiple)


def fitted(size: Size, size_px: int) -> Size:
    """``size`` with its longer side scaled to ``size_px``, aspect kept, no side below 1."""
    scale = size_px / max(size)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


def paste(image: UInt8[Tensor, "3 h w"], canvas: Size, placement: Placement) -> UInt8[Tensor, "3 ch cw"]:
    """The picture resized and pasted on a grey canvas, cropped to it."""
    if placement.placed != (image.shape[1], image.shape[2]):
        # torchvision takes as long to import as torch, and the audit of a table, which comes by here, needs none of it.
        from torchvision.transforms.v2.functional import resize

        shrinks = placement.placed[0] < image.shape[1]
        image = resize(image, list(placement.placed), antialias=shrinks)
    rows = _overlap(placement.top, placement.placed[0], canvas[0])
    columns = _overlap(placement.left, placement.placed[1], canvas[1])
    if (rows[0], columns[0]) == (slice(0, canvas[0]), slice(0, canvas[1])):
        return image[:, rows[1], columns[1]]
    out = image.new_full((image.shape[0], *canvas), FILL)
    out[:, rows[0], columns[0]] = image[:, rows[1], columns[1]]
    return out


def place(sample: Sample, canvas: Size, placement: Placement) -> Sample:
    """The sample, picture and truth, pasted on a canvas."""
    image = paste(sample.image, canvas, placement)
    return replace(sample, image=image, truth=placed(sample.truth, canvas, placement))


def _overlap(offset: int, side: int, room: int) -> tuple[slice, slice]:
    """Where a strip of ``side`` at ``offset`` meets [0, room): the slice of the room and the slice of the strip."""
    start = min(max(0, offset), room)
    end = max(start, min(room, offset + side))
    return slice(start, end), slice(start - offset, end - offset)


def _under(at: Int[np.ndarray, "k"], side: int, own: int) -> Int[np.ndarray, "k"]:
    """Nearest-neighbour resampling of ``own`` pixels to ``side``: which source pixel lies under the centre of each."""
    return (2 * at + 1) * own // (2 * side)


@singledispatch
def placed(truth: Truth, canvas: Size, placement: Placement) -> Truth:
    """The truth of a picture that was pasted on a canvas; one without coordinates stays as it is."""
    return truth


@placed.register
def _(truth: Boxes, canvas: Size, placement: Placement) -> Truth:
    return _placed_boxes(truth, canvas, placement)[0]


@placed.register
def _(truth: Instances, canvas: Size, placement: Placement) -> Truth:
    boxes, here = _placed_boxes(truth, canvas, placement)
    (height, width), (own_height, own_width) = placement.placed, placement.size
    down = _under(np.arange(canvas[0]) - placement.top, height, own_height)
    across = _under(np.arange(canvas[1]) - placement.left, width, own_width)
    masks = mask_views.resampled(truth.masks.select(here), down, across)
    areas = instance_masks.areas(masks).float()
    # A box may still be visible where hardly a pixel of its object is.
    whole = instance_masks.areas(truth.masks)[here] * ((height * width) / (own_height * own_width))
    hidden = areas < VISIBLE * whole
    return Instances(xyxy=boxes.xyxy, labels=boxes.labels, ignored=boxes.ignored | hidden, areas=areas, masks=masks)


def _placed_boxes(truth: Boxes, canvas: Size, placement: Placement) -> tuple[Boxes, Bool[Tensor, "n"]]:
    """The boxes that are still visible, and which those are."""
    ratio_y, ratio_x = (placed / side for placed, side in zip(placement.placed, placement.size, strict=True))
    grown = truth.xyxy * torch.tensor([ratio_x, ratio_y] * 2)
    grown += torch.tensor([placement.left, placement.top] * 2)
    cut = box_ops.clip(grown, canvas)
    whole, visible = box_ops.area(grown), box_ops.area(cut)
    here = visible > 0
    hidden = visible < VISIBLE * whole
    area = truth.areas * ratio_x * ratio_y * visible / whole.clamp(min=box_ops.EPSILON)
    ignored = (truth.ignored | hidden)[here]
    return Boxes(xyxy=cut[here], labels=truth.labels[here], ignored=ignored, areas=area[here]), here


@placed.register
def _(truth: ClassMap, canvas: Size, placement: Placement) -> Truth:
    # Nearest neighbour: for each canvas pixel the label its centre falls on.
    height, width = placement.placed
    rows, mine = _overlap(placement.top, height, canvas[0])
    columns, across = _overlap(placement.left, width, canvas[1])
    down = torch.from_numpy(_under(np.arange(mine.start, mine.stop), height, placement.size[0]))
    right = torch.from_numpy(_under(np.arange(across.start, across.stop), width, placement.size[1]))
    labels = truth.labels.new_full(canvas, IGNORE)
    labels[rows, columns] = truth.labels[down][:, right]
    return ClassMap(labels=labels)


def mirror(sample: Sample, way: str) -> Sample:
    """The sample flipped: "horizontal" swaps left and right, "vertical" top and bottom."""
    axis = 2 if way == "horizontal" else 1
    return replace(sample, image=sample.image.flip(axis), truth=mirrored(sample.truth, sample.size, way))


@singledispatch
def mirrored(truth: Truth, size: Size, way: str) -> Truth:
    """The truth of a picture of ``size`` that was flipped."""
    return truth


@mirrored.register
def _(truth: Boxes, size: Size, way: str) -> Truth:
    side, low, high = (size[1], 0, 2) if way == "horizontal" else (size[0], 1, 3)
    xyxy = truth.xyxy.clone()
    xyxy[:, low], xyxy[:, high] = side - truth.xyxy[:, high], side - truth.xyxy[:, low]
    if isinstance(truth, Instances):
        return replace(truth, xyxy=xyxy, masks=mask_views.mirrored(truth.masks, way))
    return replace(truth, xyxy=xyxy)


@mirrored.register
def _(truth: ClassMap, size: Size, way: str) -> Truth:
    return ClassMap(labels=truth.labels.flip(1 if way == "horizontal" else 0))


@singledispatch
def bring_back(prediction: Prediction, placement: Placement) -> Prediction:
    """A prediction made on a canvas, mapped to the pixels of its picture, in the memory of the processor.

    What is small leaves a GPU first; maps of every pixel are resized where they are.
    """
    return _in_memory(prediction)


@bring_back.register
def _(prediction: Detections, placement: Placement) -> Prediction:
    prediction = _in_memory(prediction)
    xyxy = _boxes_brought_back(prediction.xyxy, placement)
    return replace(prediction, xyxy=xyxy).select(box_ops.area(xyxy) > 0)


@bring_back.register
def _(prediction: InstanceDetections, placement: Placement) -> Prediction:
    prediction = _in_memory(prediction)
    xyxy = _boxes_brought_back(prediction.xyxy, placement)
    (height, width), (own_height, own_width) = placement.placed, placement.size
    down = _under(np.arange(own_height), own_height, height) + placement.top
    across = _under(np.arange(own_width), own_width, width) + placement.left
    masks = mask_views.resampled(prediction.masks, down, across)
    return replace(prediction, xyxy=xyxy, masks=masks).select(box_ops.area(xyxy) > 0)


def _in_memory(prediction: _P) -> _P:
    """The prediction with its numbers in the memory of the processor; masks are there already."""
    found = ((field.name, getattr(prediction, field.name)) for field in fields(prediction))
    numbers: dict[str, Any] = {name: value.cpu() for name, value in found if isinstance(value, Tensor)}
    return replace(prediction, **numbers)


def _boxes_brought_back(xyxy: Float[Tensor, "n 4"], placement: Placement) -> Float[Tensor, "n 4"]:
    """Boxes on a canvas in the pixels of the picture, clipped to it: those outside have no area."""
    ratio_y, ratio_x = (side / placed for placed, side in zip(placement.placed, placement.size, strict=True))
    back = (xyxy - xyxy.new_tensor([placement.left, placement.top] * 2)) * xyxy.new_tensor([ratio_x, ratio_y] * 2)
    return box_ops.clip(back, placement.size)


@bring_back.register
def _(prediction: ClassProbabilities, placement: Placement) -> Prediction:
    (height, width), top, left = placement.placed, placement.top, placement.left
    visible = prediction.probabilities[:, top : top + height, left : left + width].float()
    labels, confidence = [], []
    for strip in _strips(visible, placement.size):
        best = strip.max(0)
        labels.append(best.indices.to(torch.uint8))
        confidence.append(best.values)
    return Segmentation(labels=torch.cat(labels).cpu(), confidence=torch.cat(confidence).cpu())


@bring_back.register
def _(prediction: Picture, placement: Placement) -> Prediction:
    (height, width), top, left = placement.placed, placement.top, placement.left
    visible = prediction.image[:, top : top + height, left : left + width].float()
    if placement.placed != placement.size:
        shrinks = placement.size[0] < height
        visible = F.interpolate(
            visible[None], size=placement.size, mode="bilinear", align_corners=False, antialias=shrinks
        )[0]
    return Picture(image=visible.cpu())


def _strips(visible: Tensor, size: Size) -> Iterator[Tensor]:
    """Maps ``c h w`` resized to ``size``, a strip at a time: all classes of a large picture would not fit in memory."""
    if (visible.shape[1], visible.shape[2]) == size:
        yield visible
        return
    rows = max(1, STRIP_NUMBERS // (visible.shape[0] * size[1]))
    scale = visible.shape[1] / size[0]
    for start in range(0, size[0], rows):
        stop = min(start + rows, size[0])
        # Bilinear positions of the strip's rows in the source, as torch counts them without aligned corners.
        at = ((torch.arange(start, stop, device=visible.device) + 0.5) * scale - 0.5).clamp_(0, visible.shape[1] - 1)
        above = at.long()
        below = (above + 1).clamp_(max=visible.shape[1] - 1)
        share = (at - above)[:, None]
        strip = torch.lerp(visible[:, above], visible[:, below], share)
        strip = F.interpolate(strip[None], size=(stop - start, size[1]), mode="bilinear", align_corners=False)[0]
        yield strip
