"""Masks from polygons and from run lengths, and back, in COCO's two encodings of run lengths.

A pixel belongs to a polygon when its centre does (even-odd rule), so areas are unbiased and neighbours share no pixel.
Run lengths count columns from top to bottom, left to right, the first run being of zeros (Lin et al. 2014; COCO's
published description of its format).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.files.decoding import Size


def filled(polygon: Float[np.ndarray, "n 2"], size: Size) -> Bool[np.ndarray, "h w"]:
    """The pixels whose centres lie inside a polygon of corners ``x y`` in pixels, clipped to the picture."""
    height, width = size
    mask = np.zeros(size, dtype=bool)
    low = np.floor(np.clip(polygon.min(0, initial=np.inf), 0, (width, height))).astype(int)
    high = np.ceil(np.clip(polygon.max(0, initial=-np.inf), 0, (width, height))).astype(int)
    if (high <= low).any():
        return mask
    rows, columns = _crossings(polygon, low[1], high[1])
    toggles = np.zeros((high[1] - low[1], high[0] - low[0] + 1), dtype=np.int32)
    np.add.at(toggles, (rows - low[1], np.clip(columns, low[0], high[0]) - low[0]), 1)
    mask[low[1] : high[1], low[0] : high[0]] = (toggles.cumsum(1) & 1)[:, :-1].astype(bool)
    return mask


def union(polygons: Sequence[Float[np.ndarray, "n 2"]], size: Size) -> Bool[np.ndarray, "h w"]:
    """The pixels inside any of the polygons: the parts of one object."""
    mask = np.zeros(size, dtype=bool)
    for polygon in polygons:
        mask |= filled(polygon, size)
    return mask


def area(polygon: Float[np.ndarray, "n 2"]) -> float:
    """The area of a polygon by the shoelace formula, in square units of its corners."""
    x, y = polygon[:, 0], polygon[:, 1]
    return float(abs((np.roll(x, 1) * y - x * np.roll(y, 1)).sum()) / 2)


def run_lengths(mask: Bool[np.ndarray, "h w"]) -> list[int]:
    """COCO's uncompressed run lengths of a mask."""
    flat = np.asarray(mask, dtype=bool).T.reshape(-1)
    if not len(flat):
        return [0]
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate([[0], changes, [len(flat)]])).tolist()
    return [0, *runs] if flat[0] else runs


def from_run_lengths(runs: Sequence[int] | Int[np.ndarray, "n"], size: Size) -> Bool[np.ndarray, "h w"]:
    """The mask of a size; raises ValueError where the runs are no lengths, or do not fill it exactly."""
    height, width = size
    lengths = np.asarray(runs, dtype=np.int64).reshape(-1)
    total = int(lengths.clip(max=height * width + 1).sum())  # hostile lengths must not overflow
    if (lengths < 0).any() or total != height * width:
        raise ValueError(f"run lengths of {total} pixels for {width} x {height}")
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, lengths).reshape(width, height).T


def compressed(runs: Sequence[int]) -> str:
    """Run lengths as COCO's text: from the fourth on the difference to the last but one, in groups of five bits."""
    letters = []
    for index, length in enumerate(runs):
        value = int(length) - (int(runs[index - 2]) if index > 2 else 0)
        more = True
        while more:
            bits, value = value & 0x1F, value >> 5
            # The sign is that of the last group's highest bit.
            more = value != (-1 if bits & 0x10 else 0)
            letters.append(chr((bits | 0x20 if more else bits) + 48))
    return "".join(letters)


def decompressed(text: str) -> Int[np.ndarray, "n"]:
    """The run lengths of COCO's text; raises ValueError where it is none."""
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 30:
            raise ValueError("run lengths in a text that is not COCO's")
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift:
        raise ValueError("run lengths that break off")
    return np.array(runs, dtype=np.int64)


def _crossings(
    polygon: Float[np.ndarray, "n 2"], top: int, bottom: int
) -> tuple[Int[np.ndarray, "k"], Int[np.ndarray, "k"]]:
    """Where the sides cross the lines through the pixel centres of rows top to bottom: rows, first columns beyond."""
    start, end = polygon, np.roll(polygon, -1, axis=0)
    upward = start[:, 1] > end[:, 1]
    start, end = np.where(upward[:, None], end, start), np.where(upward[:, None], start, end)
    first = np.clip(np.ceil(start[:, 1] - 0.5), top, bottom).astype(np.int64)
    last = np.clip(np.ceil(end[:, 1] - 0.5), top, bottom).astype(np.int64)
    counts = last - first
    side = np.repeat(np.arange(len(polygon)), counts)
    rows = first[side] + np.arange(len(side)) - np.repeat(counts.cumsum() - counts, counts)
    slope = (end[side, 0] - start[side, 0]) / (end[side, 1] - start[side, 1])
    x = start[side, 0] + (rows + 0.5 - start[side, 1]) * slope
    return rows, np.ceil(np.clip(x, -1e9, 1e9) - 0.5).astype(np.int64)
