"""Objects with outlines, checked: COCO and YOLO annotations where instances or class maps are wanted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, Int32

from clearsight.ops import masks, polygons
from clearsight.sources.annotations.class_maps import Drawing, Shape
from clearsight.sources.annotations.layout import Objects, Outlined, Row
from clearsight.sources.annotations.objects import OVERHANG_PX, checked
from clearsight.sources.problems import DataError, Problems
from clearsight.sources.samples.outlines import DrawnInstances, Outlines, Polygons, of_polygons
from clearsight.types import IGNORE, ClassMap, Size

BACKGROUND = "background"
FEW_POINTS = "outline of under 3 points"
CROSSES = "outline that crosses itself"
OUTSIDE = "outline outside the picture"
EMPTY = "mask of no pixel"
ANOTHER_SIZE = "run lengths of another size than the picture"


@dataclass(frozen=True, kw_only=True)
class OutlinedRow(Row):
    """One object with its outline: polygons of corners ``x y``, or run lengths for a picture of ``size``.

    ``reported``: the outline could not be read, which is a reported problem already.
    """

    polygons: tuple[Float[np.ndarray, "_n 2"], ...] = ()
    runs: Int[np.ndarray, "k"] | None = None
    size: Size | None = None
    reported: bool = False


def with_background(names: Sequence[str]) -> tuple[str, ...]:
    """The classes of the map: "background" first, then the others; raises DataError for more than a map can hold."""
    others = tuple(name for name in names if name != BACKGROUND)
    if len(others) >= IGNORE - 1:
        raise DataError(f"{len(others)} classes and a background. A class map holds at most {IGNORE}. Merge classes.")
    return (BACKGROUND, *others)


def outlined(
    rows: Sequence[Row], names: Sequence[str], kind: type, where: str, problems: Problems, relative: bool = False
) -> Outlined:
    """The objects with their outlines, to be checked once the size of the picture is known.

    An object with a box alone becomes a problem.
    """
    classes = with_background(names) if kind is ClassMap else ()
    shapes: list[Shape | None] = []
    for index, row in enumerate(rows, start=1):
        label = row.label if kind is not ClassMap else IGNORE if row.ignored else classes.index(names[row.label])
        if isinstance(row, OutlinedRow) and (row.polygons or row.runs is not None):
            shapes.append(Shape(label=label, polygons=row.polygons, runs=row.runs, size=row.size))
            continue
        if not (isinstance(row, OutlinedRow) and row.reported):
            problems.add("object without an outline", where, f"object {index} is a box alone")
        shapes.append(None)
    return Outlined(objects=Objects.of(list(rows), relative), shapes=tuple(shapes), kind=kind)


def settled(
    given: Outlined, picture: Path, size: Size, where: str, problems: Problems
) -> tuple[Drawing | DrawnInstances, int]:
    """The truth that is rasterised from the outlines on demand, and how many boxes were clipped.

    Invalid outlines become problems. The pixels of such objects are unknown, so their boxes are ignored: an ignored
    instance, or pixels of no class.
    """
    scale = np.array([size[1], size[0]], dtype=np.float64) if given.objects.relative else np.ones(2)
    shapes: list[Shape | None] = []
    for index, shape in enumerate(given.shapes, start=1):
        fault = None if shape is None else _fault(shape, scale, size)
        if fault is not None:
            problems.add(fault[0], where, f"object {index}" + (f": {fault[1]}" if fault[1] else ""))
        shapes.append(None if fault is not None else shape)
    if given.kind is ClassMap:
        drawn = [shape or _box(corners) for shape, corners in zip(shapes, given.objects.corners, strict=True)]
        return Drawing(picture=picture, shapes=tuple(drawn), relative=given.objects.relative), 0
    boxes, keep, clipped = checked(given.objects, size, where, problems)
    kept = [shapes[index] for index in np.flatnonzero(keep)]
    unknown = torch.tensor([shape is None for shape in kept], dtype=torch.bool)
    boxes = replace(boxes, ignored=boxes.ignored | unknown)
    made: list[Polygons | Int32[np.ndarray, _r]] = []
    for shape, corners in zip(kept, boxes.xyxy.numpy(), strict=True):
        if shape is None:
            made.append(_box(corners).polygons)
        else:
            made.append(tuple(one * scale for one in shape.polygons) if shape.runs is None else shape.runs)
    return DrawnInstances(boxes=boxes, outlines=Outlines.of(made), size=size), clipped


def _fault(shape: Shape, scale: Float[np.ndarray, "2"], size: Size) -> tuple[str, str] | None:
    """What is wrong with an outline for a picture of that size, and the detail."""
    if shape.runs is not None:
        if shape.size != size and shape.size is not None:
            return ANOTHER_SIZE, f"{shape.size[1]} x {shape.size[0]} px for {size[1]} x {size[0]}"
        return None if shape.runs[1::2].any() else (EMPTY, "")
    parts = [polygon * scale for polygon in shape.polygons]
    few = min(polygons.distinct(polygon) for polygon in parts)
    if few < 3:
        return FEW_POINTS, f"{few} different points"
    everything = np.concatenate(parts)
    over = np.maximum(-everything, everything - scale_of(size)).max()
    if over > OVERHANG_PX:
        return OUTSIDE, f"by {over:.6g} px, of {size[1]} x {size[0]}"
    if any(polygons.crosses_itself(polygon) for polygon in parts):
        return CROSSES, "its area is ambiguous; draw it as several outlines"
    # A closed line has at most as much area without a pixel's centre as its length (Jarnik's inequality).
    if any(masks.area(polygon) > polygons.perimeter(polygon) for polygon in parts):
        return None
    return None if of_polygons(parts, size)[0].any() else (EMPTY, "")


def scale_of(size: Size) -> Float[np.ndarray, "2"]:
    """Width and height: the furthest corner."""
    return np.array([size[1], size[0]], dtype=np.float64)


def _box(corners: Float[np.ndarray, "4"]) -> Shape:
    x1, y1, x2, y2 = corners.tolist()
    return Shape(label=IGNORE, polygons=(np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]),))
