"""Regions of a picture that may hold an object, by selective search (Uijlings et al. 2013); nothing here needs torch.

Neighbouring patches of like colour, texture and size are merged until one is left; the box around every patch on the
way is a region. OpenCV does the merging (fast mode, on a smaller copy of the picture).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

SCALES = (50, 150, 0.8)  # how coarse the first patches are, how much coarser the next ones, the blur before
LEAST_PX = 8  # regions narrower than this at the searched size are texture
ALIKE = 0.8  # of regions with a higher IoU one is enough


def segmentation() -> Any:
    """OpenCV's module of selective search; raises ValueError where it is not installed."""
    try:
        import cv2

        return cv2.ximgproc.segmentation
    except (ImportError, AttributeError) as error:
        raise ValueError(
            "rcnn looks for regions with OpenCV's selective search, which is not installed. Expected "
            "opencv-contrib-python-headless, and no other OpenCV beside it. Install it with "
            "`pip install clearsight[regions]`."
        ) from error


def found(picture: UInt8[np.ndarray, "h w 3"], longer_px: int, most: int) -> Int[np.ndarray, "r 4"]:
    """At most ``most`` different regions in whole pixels of the picture shrunk to ``longer_px``; in a fixed order.

    OpenCV ranks regions by chance, so all are taken and, where they are too many, thinned evenly over their sizes.
    """
    search = segmentation().createSelectiveSearchSegmentation()
    import cv2

    height, width = shrunk(picture.shape[:2], longer_px)
    pixels = np.ascontiguousarray(picture[..., ::-1])
    if (height, width) != pixels.shape[:2]:
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))
    if min(height, width) < LEAST_PX:
        return np.zeros((0, 4), dtype=np.int64)
    search.setBaseImage(pixels)
    search.switchToSelectiveSearchFast(*SCALES)
    corner, side = np.split(np.array(search.process()).reshape(-1, 4).astype(np.int64), 2, axis=1)
    boxes = np.unique(np.concatenate([corner, corner + side], axis=1)[side.min(1) >= LEAST_PX], axis=0)
    boxes = boxes[np.argsort((boxes[:, 2:] - boxes[:, :2]).prod(1), kind="stable")]
    boxes = boxes[different(boxes)]  # small ones first: of two alike, the tighter
    return boxes if len(boxes) <= most else boxes[np.linspace(0, len(boxes) - 1, most).astype(np.int64)]


def different(boxes: Int[np.ndarray, "n 4"]) -> Int[np.ndarray, "k"]:
    """Indices of the boxes that are not ``ALIKE`` an earlier one that is kept."""
    sides = boxes.astype(np.float32)
    areas = (sides[:, 2:] - sides[:, :2]).prod(1)
    left, kept = np.arange(len(boxes)), []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        corners = np.maximum(sides[left, :2], sides[first, :2]), np.minimum(sides[left, 2:], sides[first, 2:])
        shared = np.clip(corners[1] - corners[0], 0, None).prod(1)
        left = left[shared / (areas[left] + areas[first] - shared) <= ALIKE]
    return np.array(kept, dtype=np.int64)


def content(canvas: UInt8[np.ndarray, "h w 3"], fill: int) -> tuple[int, int, int, int] | None:
    """Where, ``x1 y1 x2 y2``, the picture lies on a canvas whose rest is grey ``fill``; None where all is grey."""
    shown = (canvas != fill).any(2)
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def placed(
    boxes: Int[np.ndarray, "r 4"], window: tuple[int, int, int, int], longer_px: int
) -> Float[np.ndarray, "r1 4"]:
    """What was ``found`` in a window of a canvas, in the canvas's pixels, after the window itself."""
    left, top, right, bottom = window
    height, width = shrunk((bottom - top, right - left), longer_px)
    ratio = np.array([(right - left) / width, (bottom - top) / height] * 2, dtype=np.float32)
    shift = np.array([left, top] * 2, dtype=np.float32)
    return np.concatenate([np.array([window], dtype=np.float32), boxes.astype(np.float32) * ratio + shift])


def on_canvas(canvas: UInt8[np.ndarray, "h w 3"], fill: int, longer_px: int, most: int) -> Float[np.ndarray, "r 4"]:
    """The regions of the picture on a canvas, in its pixels, never none: the first is the picture itself."""
    window = content(canvas, fill)
    if window is None:
        return np.array([[0, 0, canvas.shape[1], canvas.shape[0]]], dtype=np.float32)
    left, top, right, bottom = window
    return placed(found(canvas[top:bottom, left:right], longer_px, most), window, longer_px)


def shrunk(size: Sequence[int], longer_px: int) -> tuple[int, int]:
    """The size of the copy that is searched."""
    scale = min(1.0, longer_px / max(size))
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
