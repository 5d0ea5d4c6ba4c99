"""The "segmentation" of a COCO annotation: a list of polygons, or run lengths as numbers or as text."""

from typing import Any

import numpy as np

from clearsight.ops import masks
from clearsight.sources import references
from clearsight.sources.format import Row
from clearsight.sources.outlined import OutlinedRow
from clearsight.types import Size

LARGEST_SIDE = 100_000


def outlined(row: Row, item: dict[str, Any], size: Size | None) -> Row:
    """The row with its outline, or as it is where there is none; ``size`` is what the file says of the picture.

    Raises ValueError where the outline cannot be read, or is one of another size than the picture.
    """
    content = item.get("segmentation")
    if not content:
        return row
    if isinstance(content, dict):
        own = _size(content.get("size"))
        if size is not None and own != size:
            raise ValueError(f"run lengths of {own[1]} x {own[0]} px for a picture of {size[1]} x {size[0]}")
        counts = content.get("counts")
        runs = masks.decompressed(counts) if isinstance(counts, str) else np.array(_whole(counts), dtype=np.int64)
        masks.from_run_lengths(runs.tolist(), own)
        return OutlinedRow(**row.__dict__, runs=runs, size=own)
    if not isinstance(content, list) or not all(isinstance(part, list) for part in content):
        raise ValueError("neither polygons nor run lengths")
    polygons = []
    for part in content:
        if len(part) < 6 or len(part) % 2:
            raise ValueError(f"a polygon of {len(part)} numbers")
        values = [references.number(None if isinstance(value, str) else value) for value in part]
        polygons.append(np.array(values, dtype=np.float64).reshape(-1, 2))
    return OutlinedRow(**row.__dict__, polygons=tuple(polygons))


def _size(content: object) -> Size:
    sides = _whole(content)
    if len(sides) != 2 or not all(0 < side <= LARGEST_SIDE for side in sides):
        raise ValueError("run lengths without the size of their picture")
    return (sides[0], sides[1])


def _whole(content: object) -> list[int]:
    if not isinstance(content, list) or not all(isinstance(n, int) and 0 <= n < 2**40 for n in content):
        raise ValueError("run lengths that are not whole numbers")
    return content
