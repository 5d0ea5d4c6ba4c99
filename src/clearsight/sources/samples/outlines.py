"""Instances as the outlines they are drawn from, kept in a few arrays a picture; the masks are made when asked for.

COCO has 850,000 objects: as outlines they take a third of what run lengths take, and nobody waits for masks that
counting, splitting and choosing need not see.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float32, Int32

from clearsight.ops import instance_masks, masks
from clearsight.types import Boxes, Instances, Size

Crop = tuple[Bool[np.ndarray, "_h _w"], tuple[int, int]]
Polygons = Sequence[Float32[np.ndarray, "_n 2"]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Outlines:
    """The outlines of n objects of a picture: polygons in pixels, or run lengths of the whole picture.

    Object i has ``polygons[i]`` of the polygons, each with its ``sides`` of the corners, or ``counts[i]`` of the runs.
    """

    corners: Float32[np.ndarray, "k 2"]
    sides: Int32[np.ndarray, "p"]
    polygons: Int32[np.ndarray, "n"]
    runs: Int32[np.ndarray, "r"]
    counts: Int32[np.ndarray, "n"]

    @classmethod
    def of(cls, shapes: Sequence[Polygons | Int32[np.ndarray, "_r"]]) -> "Outlines":
        """From the polygons, or the run lengths, of each object."""
        runs = [shape if isinstance(shape, np.ndarray) else np.zeros(0) for shape in shapes]
        parts = [() if isinstance(shape, np.ndarray) else shape for shape in shapes]
        polygons = [polygon for own in parts for polygon in own]
        return cls(
            corners=np.concatenate([np.zeros((0, 2)), *polygons]).astype(np.float32),
            sides=np.array([len(polygon) for polygon in polygons], dtype=np.int32),
            polygons=np.array([len(own) for own in parts], dtype=np.int32),
            runs=np.concatenate([np.zeros(0), *runs]).astype(np.int32),
            counts=np.array([len(own) for own in runs], dtype=np.int32),
        )

    def crops(self, size: Size) -> list[Crop]:
        """Each object's pixels within a window, and its left top corner ``x y``."""
        polygons = np.split(self.corners, self.sides.cumsum()[:-1]) if len(self.sides) else []
        ends, stops = self.polygons.cumsum(), self.counts.cumsum()
        result = []
        for end, own, stop, count in zip(ends, self.polygons, stops, self.counts, strict=True):
            runs = self.runs[stop - count : stop]
            result.append(of_runs(runs, size) if count else of_polygons(polygons[end - own : end], size))
        return result


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnInstances:
    """Instances of a picture of ``size`` that are drawn when it is called; their ``boxes`` are at hand."""

    boxes: Boxes
    outlines: Outlines
    size: Size

    @property
    def digest(self) -> str:
        """A hash of all they are made of."""
        state = hashlib.blake2b(f"instances {self.size}".encode(), digest_size=16)
        for item in (*fields(self.boxes), *fields(self.outlines)):
            owner = self.boxes if hasattr(self.boxes, item.name) else self.outlines
            array = np.ascontiguousarray(getattr(owner, item.name))
            array = array.astype(array.dtype.newbyteorder("<"), copy=False)
            state.update(f"{item.name} {array.dtype.str} {array.shape}".encode() + array.tobytes())
        return state.hexdigest()

    def __call__(self) -> Instances:
        """Draw the masks."""
        drawn = self.outlines.crops(self.size)
        made = instance_masks.of_crops([crop for crop, _ in drawn], [corner for _, corner in drawn], self.size)
        return Instances(**vars(self.boxes), masks=made)


def of_polygons(polygons: Polygons, size: Size) -> Crop:
    """The pixels inside any of the polygons, within the window around them; what hangs over is cut."""
    bounds = np.array([size[1], size[0]])
    low = np.min([polygon.min(0) for polygon in polygons], axis=0, initial=np.inf)
    high = np.max([polygon.max(0) for polygon in polygons], axis=0, initial=-np.inf)
    x1, y1 = np.floor(np.clip(low, 0, bounds)).astype(int).tolist()
    x2, y2 = np.ceil(np.clip(high, 0, bounds)).astype(int).tolist()
    if x2 <= x1 or y2 <= y1:
        return np.zeros((0, 0), dtype=bool), (0, 0)
    return masks.union([polygon.astype(np.float64) - (x1, y1) for polygon in polygons], (y2 - y1, x2 - x1)), (x1, y1)


def of_runs(runs: Int32[np.ndarray, "_r"], size: Size) -> Crop:
    """The pixels of COCO's run lengths, within the columns they touch: the whole picture is not unrolled."""
    height = size[0]
    stops = runs.astype(np.int64).cumsum()
    own = np.flatnonzero(runs[1::2]) * 2 + 1
    if not len(own):
        return np.zeros((0, 0), dtype=bool), (0, 0)
    first, last = (stops[own[0]] - runs[own[0]]) // height, (stops[own[-1]] - 1) // height
    start, stop = first * height, (last + 1) * height
    lengths = np.diff(stops.clip(start, stop), prepend=start)
    return masks.from_run_lengths(lengths, (height, int(last + 1 - first))), (int(first), 0)
