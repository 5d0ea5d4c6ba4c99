"""How large the objects are once a network sees the picture, and which input size would make the smallest visible."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LIMITS_PX = (8, 16, 32)
# What a detector of stride 8 can still tell: two cells of its finest map.
VISIBLE_PX = 16
SHARE_TO_MEND = 0.05
STEP_PX, LARGEST_PX = 32, 2048


@dataclass(frozen=True, kw_only=True)
class BoxSizes:
    """The sides (root of width x height) of all objects in pixels of the network's input, in shares below limits.

    ``below`` gives for each limit in pixels the share of objects smaller than it; ``median_px`` the middle side.
    ``mended_px`` is the least input size at which at most 5% are below 16 px, None where ``size_px`` does or none up to
    2048 px would.
    """

    size_px: int
    objects: int
    median_px: float
    below: dict[str, float]
    mended_px: int | None = None

    @property
    def advice(self) -> str:
        """What to do, in a sentence; "" where nothing needs doing."""
        small = self.below[str(VISIBLE_PX)]
        if small <= SHARE_TO_MEND:
            return ""
        said = (
            f"{small:.0%} of the objects are under {VISIBLE_PX} px at an input of {self.size_px} px, and hard to find"
        )
        if self.mended_px is None:
            return f"{said}: no input size mends it; cut the pictures into tiles, or take closer ones"
        return f"{said}: --set size_px={self.mended_px} leaves {SHARE_TO_MEND:.0%}"


def box_sizes(
    sides_px: Float[np.ndarray, "n"], longer_px: Float[np.ndarray, "n"], size_px: int = 416
) -> BoxSizes | None:
    """Sizes of objects of ``sides_px`` in pictures of ``longer_px`` (px of the longer side), scaled to ``size_px``."""
    if not len(sides_px):
        return None
    shares = np.asarray(sides_px, dtype=np.float64) / np.asarray(longer_px, dtype=np.float64)
    seen = shares * size_px
    return BoxSizes(
        size_px=size_px,
        objects=len(seen),
        median_px=float(np.median(seen)),
        below={str(limit): float((seen < limit).mean()) for limit in LIMITS_PX},
        mended_px=_mended(shares, size_px, float(np.median(longer_px))),
    )


def _mended(shares: Float[np.ndarray, "n"], size_px: int, longer_px: float) -> int | None:
    """The least multiple of 32 px that leaves few objects under 16 px, up to twice the pictures' own size."""
    if (shares * size_px < VISIBLE_PX).mean() <= SHARE_TO_MEND:
        return None
    for size in range(STEP_PX * (size_px // STEP_PX + 1), int(min(LARGEST_PX, 2 * longer_px)) + 1, STEP_PX):
        if (shares * size < VISIBLE_PX).mean() <= SHARE_TO_MEND:
            return size
    return None


def gathered(objects: Iterable[tuple[np.ndarray, tuple[int, int]]], size_px: int = 416) -> BoxSizes | None:
    """The same from the boxes ``n 4`` (px) of each picture and its size (height, width)."""
    sides, longer = [np.zeros(0)], [np.zeros(0)]
    for xyxy, size in objects:
        wide, high = (xyxy[:, 2:] - xyxy[:, :2]).T
        sides.append(np.sqrt(np.maximum(wide, 0) * np.maximum(high, 0)))
        longer.append(np.full(len(xyxy), float(max(size))))
    return box_sizes(np.concatenate(sides), np.concatenate(longer), size_px)
