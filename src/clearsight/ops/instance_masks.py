"""Instance masks as run lengths within a window each: encoding, decoding, areas, and mask head targets."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from clearsight.ops import mask_pasting
from clearsight.ops.mask_runs import joined as joined
from clearsight.ops.mask_runs import overlaps as overlaps
from clearsight.ops.mask_runs import rle as rle
from clearsight.ops.masks import from_run_lengths, run_lengths
from clearsight.types import Masks, Size

Window = tuple[int, int, int, int]


def of_crops(crops: Iterable[Bool[np.ndarray, "_h _w"]], corners: Iterable[tuple[int, int]], size: Size) -> Masks:
    """Masks from ``crops`` whose top left corners are ``x y`` in a picture of ``size``.

    Crops may come one by one: only one is in memory at a time. Raises ValueError for one that reaches out of the
    picture.
    """
    windows, runs = [], []
    for crop, (left, top) in zip(crops, corners, strict=True):
        if min(left, top) < 0 or top + crop.shape[0] > size[0] or left + crop.shape[1] > size[1]:
            raise ValueError(
                f"a mask of {crop.shape[1]} x {crop.shape[0]} px at ({left}, {top}) reaches out of its picture of "
                f"{size[1]} x {size[0]} px. Expected one that lies within it. Cut it first."
            )
        rows, columns = np.flatnonzero(crop.any(1)), np.flatnonzero(crop.any(0))
        if len(rows):
            low_y, high_y, low_x, high_x = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
            windows.append((left + low_x, top + low_y, left + high_x, top + high_y))
            runs.append(np.array(run_lengths(crop[low_y:high_y, low_x:high_x]), dtype=np.int32))
        else:
            windows.append((0, 0, 0, 0))
            runs.append(np.zeros(0, dtype=np.int32))
    return Masks(
        size=size,
        windows=torch.from_numpy(np.array(windows, dtype=np.int32).reshape(-1, 4)),
        counts=torch.tensor([len(one) for one in runs], dtype=torch.int32),
        runs=torch.from_numpy(np.concatenate([np.zeros(0, dtype=np.int32), *runs])),
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
    # Within an object the runs alternate, the second being of its own pixels.
    counts = masks.counts.long()
    starts = torch.repeat_interleave(counts.cumsum(0) - counts, counts)
    own = (torch.arange(len(masks.runs)) - starts) % 2 == 1
    which = torch.repeat_interleave(torch.arange(len(counts)), counts)
    return torch.zeros(len(counts), dtype=torch.long).index_add(0, which, masks.runs.long() * own)


def pasted(
    probabilities: Float[Tensor, "n m m"], boxes: Float[Tensor, "n 4"], size: Size, threshold: float = 0.5
) -> Masks:
    """A mask head's outputs, ``m x m`` over each box, as masks in a picture of ``size`` (He et al. 2017, section 3.1).

    See ``mask_pasting``. One box's pixels are in memory at a time.
    """
    outputs = probabilities.detach().float().cpu().numpy()
    sides = boxes.detach().double().cpu().numpy()
    windows, crops = mask_pasting.pasted(outputs, sides, size, threshold)
    return of_crops(crops, windows[:, :2].tolist(), size)


def aligned(masks: Masks, boxes: Float[Tensor, "k 4"], index: Int[Tensor, "k"], side: int) -> Float[Tensor, "k s s"]:
    """Mask ``index[i]`` cropped to box i and resampled to ``side x side``: the target of a mask head.

    Each number is the exact share of a bin of the box that belongs to the object, what RoIAlign (He et al. 2017)
    would sample; bins outside the picture are 0. Boxes are in the pixels of the picture.
    """
    edges = boxes.detach().double().cpu().numpy()
    sides = np.maximum(edges[:, 2:] - edges[:, :2], 1e-9)
    steps = np.linspace(0, 1, side + 1)
    x, y = (edges[:, axis, None] + sides[:, axis, None] * steps for axis in (0, 1))
    which = index.cpu().numpy()
    out = np.zeros((len(edges), side, side), dtype=np.float32)
    present = np.unique(which)
    for number, (window, crop) in zip(present, crops(masks.select(torch.from_numpy(present))), strict=True):
        if crop.size:
            mine = which == number
            # The integral image is bilinear between the corners of pixels.
            total = np.zeros((crop.shape[0] + 1, crop.shape[1] + 1))
            total[1:, 1:] = crop.cumsum(0, dtype=np.int64).cumsum(1)
            sums = _bilinear(total, y[mine] - window[1], x[mine] - window[0])
            out[mine] = np.diff(np.diff(sums, axis=1), axis=2)
    out *= (side**2 / sides.prod(1))[:, None, None]
    return torch.from_numpy(out.clip(0, 1)).to(boxes.device)


def _bilinear(
    grid: Float[np.ndarray, "h w"], y: Float[np.ndarray, "k a"], x: Float[np.ndarray, "k b"]
) -> Float[np.ndarray, "k a b"]:
    """Bilinear interpolation of a grid at every ``y`` and ``x``, with its border values outside."""
    y, x = np.clip(y, 0, grid.shape[0] - 1), np.clip(x, 0, grid.shape[1] - 1)
    top, left = np.minimum(y.astype(int), grid.shape[0] - 2), np.minimum(x.astype(int), grid.shape[1] - 2)
    down, right = (y - top)[:, :, None], (x - left)[:, None, :]
    at = top[:, :, None] * grid.shape[1] + left[:, None, :]
    flat = grid.reshape(-1)
    above = flat[at] * (1 - right) + flat[at + 1] * right
    at += grid.shape[1]
    below = flat[at] * (1 - right) + flat[at + 1] * right
    return above * (1 - down) + below * down
