"""Masks of single objects, kept as run lengths within a window each: made, read and measured."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from clearsight.ops.masks import from_run_lengths, run_lengths
from clearsight.types import Masks, Size

Window = tuple[int, int, int, int]


def of_crops(crops: Sequence[Bool[np.ndarray, "_h _w"]], corners: Sequence[tuple[int, int]], size: Size) -> Masks:
    """The masks whose parts ``crops`` have their left top corner ``x y`` in a picture of ``size``; they lie within it.

    Raises ValueError for a part that reaches out of the picture.
    """
    windows, runs = np.zeros((len(crops), 4), dtype=np.int32), []
    for index, (crop, (left, top)) in enumerate(zip(crops, corners, strict=True)):
        if min(left, top) < 0 or top + crop.shape[0] > size[0] or left + crop.shape[1] > size[1]:
            raise ValueError(
                f"a mask of {crop.shape[1]} x {crop.shape[0]} px at ({left}, {top}) reaches out of its picture of "
                f"{size[1]} x {size[0]} px. Expected one that lies within it. Cut it first."
            )
        rows, columns = np.flatnonzero(crop.any(1)), np.flatnonzero(crop.any(0))
        if len(rows):
            low_y, high_y, low_x, high_x = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
            windows[index] = (left + low_x, top + low_y, left + high_x, top + high_y)
            runs.append(run_lengths(crop[low_y:high_y, low_x:high_x]))
        else:
            runs.append([])
    return Masks(
        size=size,
        windows=torch.from_numpy(windows),
        counts=torch.tensor([len(one) for one in runs], dtype=torch.int32),
        runs=torch.tensor([length for one in runs for length in one], dtype=torch.int32),
    )


def of_bitmaps(bitmaps: Bool[Tensor, "n h w"]) -> Masks:
    """The masks of whole bitmaps."""
    size = (bitmaps.shape[1], bitmaps.shape[2])
    return of_crops(list(bitmaps.cpu().numpy()), [(0, 0)] * len(bitmaps), size)


def crops(masks: Masks) -> Iterator[tuple[Window, Bool[np.ndarray, "_h _w"]]]:
    """Each mask's window ``x1 y1 x2 y2`` and its pixels there, in order; empty where the object has none."""
    runs = masks.runs.numpy()
    stops = np.cumsum(masks.counts.numpy())
    for (x1, y1, x2, y2), stop, count in zip(masks.windows.tolist(), stops, masks.counts.tolist(), strict=True):
        yield (x1, y1, x2, y2), from_run_lengths(runs[stop - count : stop], (y2 - y1, x2 - x1))


def bitmaps(masks: Masks) -> Bool[Tensor, "n h w"]:
    """The whole bitmaps: n times the picture, so for small pictures or few objects."""
    whole = np.zeros((len(masks), *masks.size), dtype=bool)
    for index, ((x1, y1, x2, y2), crop) in enumerate(crops(masks)):
        whole[index, y1:y2, x1:x2] = crop
    return torch.from_numpy(whole)


def areas(masks: Masks) -> Int[Tensor, "n"]:
    """How many pixels each object has."""
    # Within an object the runs take turns, the second being of its own pixels.
    counts = masks.counts.long()
    starts = torch.repeat_interleave(counts.cumsum(0) - counts, counts)
    own = (torch.arange(len(masks.runs)) - starts) % 2 == 1
    which = torch.repeat_interleave(torch.arange(len(counts)), counts)
    return torch.zeros(len(counts), dtype=torch.long).index_add(0, which, masks.runs.long() * own)
