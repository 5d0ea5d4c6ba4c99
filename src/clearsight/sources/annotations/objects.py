"""The boxes of one picture, checked against its size: clipped, or reported as problems."""

import numpy as np
import torch
from jaxtyping import Bool

from clearsight.sources.annotations.layout import Objects
from clearsight.sources.problems import Problems
from clearsight.types import Boxes, Size

OVERHANG_PX = 2.0
MIN_SIDE_PX = 0.01


def checked(objects: Objects, size: Size, where: str, problems: Problems) -> tuple[Boxes, Bool[np.ndarray, "n"], int]:
    """The boxes in pixels, which objects they are, how many were clipped; faulty ones are left out: problems.

    Up to 2 px over the edge are clipped (rounding, and the two ways of counting pixels); more is a fault.
    """
    height, width = size
    corners = objects.corners * np.array([width, height, width, height]) if objects.relative else objects.corners
    areas = objects.areas * (width * height if objects.relative else 1.0)
    sides = corners[:, 2:] - corners[:, :2]
    over = np.maximum(-corners, corners - np.array([width, height, width, height])).max(1, initial=0.0)
    inside = np.clip(corners, 0.0, np.array([width, height, width, height], dtype=np.float64)).astype(np.float32)
    flat = (sides < MIN_SIDE_PX).any(1)
    outside = ~flat & ((over > OVERHANG_PX) | (inside[:, 2:] - inside[:, :2] < MIN_SIDE_PX / 2).any(1))
    for index in np.flatnonzero(flat | outside):
        kind = "box of no or negative size" if flat[index] else "box outside the picture"
        box = ", ".join(f"{value:.6g}" for value in corners[index])
        problems.add(kind, where, f"object {index + 1}: {box} in {width} x {height} px")
    keep = ~(flat | outside)
    inside = inside[keep]
    box_areas = (inside[:, 2:] - inside[:, :2]).prod(1)
    given = areas[keep]
    # An area of 0 counts as not given.
    truth = Boxes.of(
        torch.from_numpy(inside),
        torch.from_numpy(objects.labels[keep]),
        torch.from_numpy(objects.ignored[keep]),
        torch.from_numpy(np.where(given > 0, np.minimum(given, box_areas), box_areas).astype(np.float32)),
    )
    return truth, keep, int((keep & (over > MIN_SIDE_PX)).sum())
