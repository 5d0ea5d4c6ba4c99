"""Region proposals by selective search (Uijlings et al. 2013); nothing here needs torch.

Neighbouring patches of similar colour, texture and size are merged until one is left; the bounding box of every patch
on the way is a region. OpenCV does the merging (fast mode, on a smaller copy of the picture).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

SCALES = (50, 150, 0.8)  # OpenCV's base_k, inc_k and sigma: first scale, its increment, Gaussian blur
MIN_SIDE_PX = 8  # narrower regions, at the searched size, are texture
DUPLICATE_IOU = 0.8  # of regions with a higher IoU one is kept


def segmentation() -> Any:
    """OpenCV's module of selective search; raises ValueError where it is not installed."""
    try:
        import cv2

        return cv2.ximgproc.segmentation
    except (ImportError, AttributeError) as error:
        raise ValueError(
            "rcnn takes its regions from OpenCV's selective search, which is not installed. Expected "
            "opencv-contrib-python-headless, and no other OpenCV beside it. In the folder of "
            "clearsight's source: pip install '.[regions]'."
        ) from error


def found(picture: UInt8[np.ndarray, "h w 3"], longer_px: int, max_regions: int) -> Int[np.ndarray, "r 4"]:
    """At most ``max_regions`` distinct regions in whole pixels of the picture shrunk to ``longer_px``, in fixed order.

    OpenCV ranks regions at random, so all are taken and, if too many, subsampled evenly over their sizes.
    """
    search = segmentation().createSelectiveSearchSegmentation()
    import cv2

    height, width = shrunk(picture.shape[:2], longer_px)
    pixels = np.ascontiguousarray(picture[..., ::-1])
    if (height, width) != pixels.shape[:2]:
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))
    if min(height, width) < MIN_SIDE_PX:
        return np.zeros((0, 4), dtype=np.int64)
    search.setBaseImage(pixels)
    search.switchToSelectiveSearchFast(*SCALES)
    corner, side = np.split(np.array(search.process()).reshape(-1, 4).astype(np.int64), 2, axis=1)
    boxes = np.unique(np.concatenate([corner, corner + side], axis=1)[side.min(1) >= MIN_SIDE_PX], axis=0)
    boxes = boxes[np.argsort((boxes[:, 2:] - boxes[:, :2]).prod(1), kind="stable")]
    boxes = boxes[distinct(boxes)]  # smallest first: of two duplicates the tighter is kept
    return boxes if len(boxes) <= max_regions else boxes[np.linspace(0, len(boxes) - 1, max_regions).astype(np.int64)]


def distinct(boxes: Int[np.ndarray, "n 4"]) -> Int[np.ndarray, "k"]:
    """Indices of the boxes that are not duplicates (``DUPLICATE_IOU``) of an earlier kept one."""
    sides = boxes.astype(np.float32)
    areas = (sides[:, 2:] - sides[:, :2]).prod(1)
    left, kept = np.arange(len(boxes)), []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        corners = np.maximum(sides[left, :2], sides[first, :2]), np.minimum(sides[left, 2:], sides[first, 2:])
        shared = np.clip(corners[1] - corners[0], 0, None).prod(1)
        left = left[shared / (areas[left] + areas[first] - shared) <= DUPLICATE_IOU]
    return np.array(kept, dtype=np.int64)


def content(canvas: UInt8[np.ndarray, "h w 3"], fill: int) -> tuple[int, int, int, int] | None:
    """The window ``x1 y1 x2 y2`` of the picture on a canvas padded with grey ``fill``; None where all is grey."""
    shown = (canvas != fill).any(2)
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def placed(
    boxes: Int[np.ndarray, "r 4"], window: tuple[int, int, int, int], longer_px: int
) -> Float[np.ndarray, "r1 4"]:
    """The window itself, then the regions ``found`` in it, all in the canvas's pixels."""
    left, top, right, bottom = window
    height, width = shrunk((bottom - top, right - left), longer_px)
    ratio = np.array([(right - left) / width, (bottom - top) / height] * 2, dtype=np.float32)
    shift = np.array([left, top] * 2, dtype=np.float32)
    return np.concatenate([np.array([window], dtype=np.float32), boxes.astype(np.float32) * ratio + shift])


def on_canvas(
    canvas: UInt8[np.ndarray, "h w 3"], fill: int, longer_px: int, max_regions: int
) -> Float[np.ndarray, "r 4"]:
    """The regions of the picture on a canvas, in its pixels, never none: the first is the picture itself."""
    window = content(canvas, fill)
    if window is None:
        return np.array([[0, 0, canvas.shape[1], canvas.shape[0]]], dtype=np.float32)
    left, top, right, bottom = window
    return placed(found(canvas[top:bottom, left:right], longer_px, max_regions), window, longer_px)


def shrunk(size: Sequence[int], longer_px: int) -> tuple[int, int]:
    """The size of the copy that is searched."""
    scale = min(1.0, longer_px / max(size))
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
