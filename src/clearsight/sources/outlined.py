"""Objects with outlines as class maps: what COCO and YOLO annotations give where class maps are wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from clearsight.sources.class_maps import Drawing, Shape
from clearsight.sources.format import Row
from clearsight.sources.problems import DataError, Problems
from clearsight.types import IGNORE, Size

BACKGROUND = "background"


@dataclass(frozen=True, kw_only=True)
class OutlinedRow(Row):
    """One object with its outline: polygons of corners ``x y``, or run lengths for a picture of ``size``."""

    polygons: tuple[Float[np.ndarray, "n 2"], ...] = ()
    runs: Int[np.ndarray, "k"] | None = None
    size: Size | None = None


def with_background(names: Sequence[str]) -> tuple[str, ...]:
    """The classes of the map: "background" first, then the others; raises DataError for more than a map can hold."""
    others = tuple(name for name in names if name != BACKGROUND)
    if len(others) >= IGNORE - 1:
        raise DataError(f"{len(others)} classes and a background. A class map holds at most {IGNORE}. Merge classes.")
    return (BACKGROUND, *others)


def drawing(
    rows: Sequence[Row], names: Sequence[str], picture: Path, where: str, problems: Problems, relative: bool = False
) -> Drawing:
    """The class map of a picture's objects, drawn when asked for. What is ignored, such as a crowd, is not judged.

    An object with a box alone becomes a problem, and its box is not judged: nobody said which pixels are its own.
    """
    classes = with_background(names)
    shapes = []
    for index, row in enumerate(rows, start=1):
        label = IGNORE if row.ignored else classes.index(names[row.label])
        if isinstance(row, OutlinedRow) and (row.polygons or row.runs is not None):
            shapes.append(Shape(label=label, polygons=row.polygons, runs=row.runs, size=row.size))
        else:
            problems.add("object without an outline", where, f"object {index} is a box alone")
            x1, y1, x2, y2 = row.corners
            box = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
            shapes.append(Shape(label=IGNORE, polygons=(box,)))
    return Drawing(picture=picture, shapes=tuple(shapes), relative=relative)
