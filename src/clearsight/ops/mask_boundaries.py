"""How well the outlines of two masks agree: Boundary IoU (Cheng et al. 2021, equation 2)."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from clearsight.ops.instance_masks import Window, crops
from clearsight.types import Masks

WIDTH = 0.02  # of the diagonal (Cheng et al. 2021, section 5)


def boundary_ious(
    found: Masks,
    true: Masks,
    left: Int[np.ndarray, "k"],
    right: Int[np.ndarray, "k"],
    width_px: Int[np.ndarray, "k"],
) -> Float[np.ndarray, "k"]:
    """The IoU of only those pixels of ``found[left[i]]`` and ``true[right[i]]`` that lie near their own outline.

    Near is within ``width_px[i]``, the larger of the distances down and across, as their published code has it; the
    picture's edge is an outline too. 0 where neither mask has a pixel. Only two windows are in memory at a time.
    """
    result = np.zeros(len(left))
    pairs = zip(crops(found.select(torch.from_numpy(left))), crops(true.select(torch.from_numpy(right))), strict=True)
    for index, ((a, mine), (b, theirs)) in enumerate(pairs):
        width = int(width_px[index])
        mine, theirs = mine & ~eroded(mine, width), theirs & ~eroded(theirs, width)
        both = int((_part(mine, a, b) & _part(theirs, b, a)).sum())
        result[index] = both / max(int(mine.sum()) + int(theirs.sum()) - both, 1)
    return result


def width_of(size: tuple[int, int]) -> int:
    """How wide the region along an outline is in a picture of this size, in pixels."""
    return max(1, round(WIDTH * float(np.hypot(*size))))


def eroded(mask: Bool[np.ndarray, "h w"], by: int) -> Bool[np.ndarray, "h w"]:
    """Erosion by a square of ``2 by + 1`` px; outside the picture is background."""
    for _ in range(2):
        rows, full = mask.shape[0], 2 * by + 1
        kept = np.zeros_like(mask)
        if rows >= full:
            before = np.zeros((rows + 1, mask.shape[1]), dtype=np.int32)
            np.cumsum(mask, axis=0, out=before[1:])
            kept[by : rows - by] = before[full:] - before[:-full] == full
        mask = kept.T
    return mask


def _part(crop: Bool[np.ndarray, "_h _w"], own: Window, other: Window) -> Bool[np.ndarray, "_a _b"]:
    """What of a crop lies in both windows."""
    x1, y1, x2, y2 = max(own[0], other[0]), max(own[1], other[1]), min(own[2], other[2]), min(own[3], other[3])
    return crop[y1 - own[1] : max(y1, y2) - own[1], x1 - own[0] : max(x1, x2) - own[0]]
