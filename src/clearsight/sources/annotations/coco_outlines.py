"""The "segmentation" of a COCO annotation: a list of polygons, or run lengths as numbers or as text."""

import math
from typing import Any

import numpy as np

from clearsight.ops import masks
from clearsight.sources.annotations import references
from clearsight.sources.annotations.layout import Row
from clearsight.sources.annotations.outlined import ANOTHER_SIZE, FEW_POINTS, OutlinedRow
from clearsight.sources.samples import pictures
from clearsight.types import Size

LARGEST_SIDE = 100_000
UNREADABLE = "unreadable outline"


class OutlineError(ValueError):
    """Why an outline cannot be read; ``kind`` in plain words, without details."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


def outlined(row: Row, item: dict[str, Any], size: Size | None) -> Row:
    """The row with its outline, or as it is where there is none; ``size`` is that of the picture by the file.

    Where no area is given, it is that of the outline. Raises OutlineError where the outline cannot be read, or is of
    another size than the picture.
    """
    # Taken out: as Python's numbers, the outlines of a large set need several times the memory.
    content = item.pop("segmentation", None)
    if not content:
        return row
    try:
        found = _runs(row, content, size) if isinstance(content, dict) else _polygons(row, content)
    except OutlineError:
        raise
    except ValueError as error:
        raise OutlineError(UNREADABLE, str(error)) from error
    return found


def _runs(row: Row, content: dict[str, Any], size: Size | None) -> OutlinedRow:
    own = _size(content.get("size"))
    if size is not None and own != size:
        detail = f"run lengths of {own[1]} x {own[0]} px for a picture of {size[1]} x {size[0]}"
        raise OutlineError(ANOTHER_SIZE, detail)
    counts = content.get("counts")
    runs = masks.decompressed(counts) if isinstance(counts, str) else np.array(_whole(counts), dtype=np.int64)
    total = int(runs.clip(max=own[0] * own[1] + 1).sum())  # hostile lengths must not overflow
    if (runs < 0).any() or total != own[0] * own[1]:
        raise OutlineError(ANOTHER_SIZE, f"run lengths of {total} pixels for {own[1]} x {own[0]}")
    area = float(runs[1::2].sum()) if math.isnan(row.area) else row.area
    return OutlinedRow(**{**row.__dict__, "area": area}, runs=runs.astype(np.int32), size=own)


def _polygons(row: Row, content: object) -> OutlinedRow:
    if not isinstance(content, list) or not all(isinstance(part, list) for part in content):
        raise ValueError("neither polygons nor run lengths")
    polygons = []
    for part in content:
        if len(part) % 2:
            raise ValueError(f"a polygon of {len(part)} numbers")
        if len(part) < 6:
            raise OutlineError(FEW_POINTS, f"a polygon of {len(part)} numbers")
        values = [references.number(None if isinstance(value, str) else value) for value in part]
        polygons.append(np.array(values, dtype=np.float64).reshape(-1, 2))
    area = sum(masks.area(polygon) for polygon in polygons) if math.isnan(row.area) else row.area
    return OutlinedRow(**{**row.__dict__, "area": area}, polygons=tuple(polygons))


def _size(content: object) -> Size:
    sides = _whole(content)
    if len(sides) != 2 or not all(0 < side <= LARGEST_SIDE for side in sides):
        raise ValueError("run lengths without the size of their picture")
    if sides[0] * sides[1] > pictures.PIXEL_LIMIT:
        raise ValueError(f"run lengths of a picture of {sides[1]} x {sides[0]} px")
    return (sides[0], sides[1])


def _whole(content: object) -> list[int]:
    if not isinstance(content, list) or not all(isinstance(n, int) and 0 <= n < 2**40 for n in content):
        raise ValueError("run lengths that are not whole numbers")
    return content
