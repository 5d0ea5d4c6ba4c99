"""Instance masks as run lengths: intersections of two, and COCO's text, without rasterising the picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from clearsight.ops.masks import compressed
from clearsight.types import Masks

PIXELS_AT_ONCE = 8_000_000  # rasterised, and stretches intersected, at one time: some 100 MB
Index = Int[np.ndarray, "k"]


@dataclass(frozen=True, kw_only=True)
class Stretches:
    """The pixels of n objects as vertical stretches: object ``owner`` has rows ``top`` to ``bottom`` of column ``x``.

    They are sorted by owner, column and row; ``bottom`` is the first row below.
    """

    owner: Index
    x: Index
    top: Index
    bottom: Index


def joined(parts: Sequence[Masks]) -> Masks:
    """The masks of several pictures in one list, each in the pixels of its own; the size is the largest side of all."""
    return Masks(
        size=(max((part.size[0] for part in parts), default=0), max((part.size[1] for part in parts), default=0)),
        windows=torch.cat([torch.zeros(0, 4, dtype=torch.int32), *(part.windows for part in parts)]),
        counts=torch.cat([torch.zeros(0, dtype=torch.int32), *(part.counts for part in parts)]),
        runs=torch.cat([torch.zeros(0, dtype=torch.int32), *(part.runs for part in parts)]),
    )


def stretches(masks: Masks) -> Stretches:
    """The pixels of each object as vertical stretches."""
    counts, runs = masks.counts.numpy().astype(np.int64), masks.runs.numpy().astype(np.int64)
    owner = np.repeat(np.arange(len(counts)), counts)
    first = np.repeat(counts.cumsum() - counts, counts)  # the first run of each run's object
    stop = runs.cumsum()
    start = stop - runs
    base = start[first]
    own = ((np.arange(len(runs)) - first) % 2 == 1) & (runs > 0)
    owner, start, stop = owner[own], (start - base)[own], (stop - base)[own]
    windows = masks.windows.numpy().astype(np.int64)
    height = (windows[:, 3] - windows[:, 1])[owner]
    column = start // height
    each = (stop - 1) // height - column + 1
    place = np.repeat(np.arange(len(each)), each)
    column = column[place] + np.arange(len(place)) - np.repeat(each.cumsum() - each, each)
    owner, height = owner[place], height[place]
    above, left = windows[owner, 1], windows[owner, 0]
    return Stretches(
        owner=owner,
        x=column + left,
        top=np.maximum(start[place] - column * height, 0) + above,
        bottom=np.minimum(stop[place] - column * height, height) + above,
    )


def overlaps(
    found: Masks, true: Masks, left: Int[np.ndarray, "k"], right: Int[np.ndarray, "k"]
) -> Int[np.ndarray, "k"]:
    """How many pixels ``found[left[i]]`` and ``true[right[i]]`` share, for every pair i.

    Both lists may hold many pictures' masks (see ``joined``), pairs being of one picture. Pairs whose windows are
    apart cost nothing; for the others each stretch of the one is looked up in running sums over the other.
    """
    shared = np.zeros(len(left), dtype=np.int64)
    a, b = found.windows.numpy()[left], true.windows.numpy()[right]
    near = np.flatnonzero((np.minimum(a[:, 2:], b[:, 2:]) > np.maximum(a[:, :2], b[:, :2])).all(1))
    near = near[np.argsort(right[near], kind="stable")]
    if not len(near):
        return shared
    lines = stretches(found)
    wide = int(true.windows.max()) + 1
    place = lines.owner * wide + np.minimum(lines.x, wide - 1)
    low = np.searchsorted(place, left[near] * wide + b[near, 0])
    count = np.searchsorted(place, left[near] * wide + b[near, 2]) - low
    pixels = np.where(np.diff(right[near], prepend=-1) != 0, _areas(b[near]), 0)
    block = (pixels + 4 * count).cumsum() // PIXELS_AT_ONCE
    edges = np.append(np.flatnonzero(np.diff(block, prepend=-1)), len(near))
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        some = slice(start, stop)
        shared[near[some]] = _intersections(lines, low[some], count[some], true, right[near[some]])
    return shared


def rle(masks: Masks) -> list[dict[str, Any]]:
    """COCO's compressed run lengths of each object over the whole picture: ``{"size": [h, w], "counts": text}``."""
    height, width = masks.size
    return [{"size": [height, width], "counts": compressed(runs)} for runs in _whole(masks)]


def _whole(masks: Masks) -> Iterator[list[int]]:
    """The run lengths of each object over the whole picture, down its columns."""
    height, width = masks.size
    lines = stretches(masks)
    start, stop = lines.x * height + lines.top, lines.x * height + lines.bottom
    edges = np.searchsorted(lines.owner, np.arange(len(masks) + 1))
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        begins, ends = start[low:high], stop[low:high]
        if len(begins):  # one that ends at the foot of a column may go on at the head of the next
            apart = begins[1:] != ends[:-1]
            begins, ends = begins[np.append(True, apart)], ends[np.append(apart, True)]
        turns = np.stack([begins, ends], axis=1).reshape(-1)
        runs = np.diff(turns, prepend=0, append=height * width).tolist()
        yield runs if runs[-1] or len(runs) == 1 else runs[:-1]


def _intersections(lines: Stretches, low: Index, count: Index, true: Masks, right: Index) -> Index:
    """The pixels that each pair shares, of stretches ``low`` to ``low + count`` and one object of ``true`` each."""
    present, mine = np.unique(right, return_inverse=True)
    drawn = true.select(torch.from_numpy(present))
    windows = drawn.windows.numpy().astype(np.int64)
    base = _areas(windows).cumsum() - _areas(windows)
    before = _cumulative(drawn)
    pair = np.repeat(np.arange(len(count)), count)
    line = low[pair] + np.arange(len(pair)) - np.repeat(count.cumsum() - count, count)
    x1, y1, _, y2 = windows[mine].T
    top, bottom = (np.clip(side[line], y1[pair], y2[pair]) for side in (lines.top, lines.bottom))
    foot = (base[mine] - x1 * (y2 - y1) - y1)[pair] + lines.x[line] * (y2 - y1)[pair]
    return np.bincount(pair, weights=before[foot + bottom] - before[foot + top], minlength=len(count)).astype(np.int64)


def _cumulative(masks: Masks) -> Int[np.ndarray, "k"]:
    """How many of the objects' pixels come before each pixel of all windows, one after the other, down columns."""
    counts = masks.counts.numpy()
    place = np.arange(len(masks.runs)) - np.repeat(counts.cumsum() - counts, counts)
    own = np.repeat(place % 2 == 1, masks.runs.numpy())
    return np.concatenate([np.zeros(1, dtype=np.int32), own.cumsum(dtype=np.int32)])


def _areas(windows: Int[np.ndarray, "n 4"] | Tensor) -> Index:
    sides = np.asarray(windows)[:, 2:].astype(np.int64) - np.asarray(windows)[:, :2]
    return sides[:, 0] * sides[:, 1]
