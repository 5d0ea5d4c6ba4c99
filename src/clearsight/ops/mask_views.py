"""Geometric transforms of instance masks: resampled to another grid of pixels, or flipped."""

import numpy as np
from jaxtyping import Int

from clearsight.ops.instance_masks import crops, of_crops
from clearsight.types import Masks


def resampled(masks: Masks, down: Int[np.ndarray, "h"], across: Int[np.ndarray, "w"]) -> Masks:
    """The masks on another grid: the pixel in row ``down[i]`` and column ``across[j]`` is seen at ``(i, j)``.

    Both rise or stay. What lies outside the picture belongs to no object. One object's window is in memory at a time.
    """
    windows = masks.windows.numpy()
    tops, bottoms = np.searchsorted(down, windows[:, 1]).tolist(), np.searchsorted(down, windows[:, 3]).tolist()
    lefts, rights = np.searchsorted(across, windows[:, 0]).tolist(), np.searchsorted(across, windows[:, 2]).tolist()
    moved = (
        crop[np.ix_(down[top:bottom] - window[1], across[left:right] - window[0])]
        for (window, crop), top, bottom, left, right in zip(crops(masks), tops, bottoms, lefts, rights, strict=True)
    )
    return of_crops(moved, zip(lefts, tops, strict=True), (len(down), len(across)))


def mirrored(masks: Masks, way: str) -> Masks:
    """The masks of the picture flipped: "horizontal" swaps left and right, "vertical" top and bottom."""
    height, width = masks.size
    windows = masks.windows.tolist()
    if way == "horizontal":
        corners = [(width - x2, y1) if x2 else (0, 0) for _, y1, x2, _ in windows]
        return of_crops((crop[:, ::-1] for _, crop in crops(masks)), corners, masks.size)
    corners = [(x1, height - y2) if y2 else (0, 0) for x1, _, _, y2 in windows]
    return of_crops((crop[::-1] for _, crop in crops(masks)), corners, masks.size)
