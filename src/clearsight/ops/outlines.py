"""Boundaries of the classes in a class map, and how many boundary pixels of one map lie near the other's."""

import numpy as np
from jaxtyping import Bool, Int, Shaped, UInt8

from clearsight.types import IGNORE


def edges(labels: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels with a neighbour above, below, left or right of another class; 255 is ignored and makes no edge."""
    found = np.zeros(labels.shape, dtype=bool)
    judged = labels != IGNORE
    for axis in (0, 1):
        first = (slice(None, -1), slice(None))[:: 1 - 2 * axis]
        second = (slice(1, None), slice(None))[:: 1 - 2 * axis]
        differ = labels[first] != labels[second]
        differ &= judged[first]
        differ &= judged[second]
        found[first] |= differ
        found[second] |= differ
    return found


def agreement(
    predicted: UInt8[np.ndarray, "h w"], true: UInt8[np.ndarray, "h w"], classes: int, within_px: float
) -> Int[np.ndarray, "classes 4"]:
    """Per class: predicted edge pixels near a true edge of the class, predicted edge pixels, and the same reversed.

    Near is a distance of at most ``within_px`` between the centres of pixels. Both maps are 255 at the same pixels.
    The pixels near the edges of up to 64 classes are found at once, one bit of an integer for each class.
    """
    on_predicted, on_true = np.flatnonzero(edges(predicted)), np.flatnonzero(edges(true))
    label_predicted, label_true = predicted.reshape(-1)[on_predicted], true.reshape(-1)[on_true]
    near_predicted = np.zeros(len(on_predicted), dtype=bool)
    near_true = np.zeros(len(on_true), dtype=bool)
    # Classes with an edge in only one of the maps have nothing near.
    shared = np.intersect1d(label_predicted, label_true)
    for start in range(0, len(shared), 64):
        bit = np.zeros(256, dtype=_width(min(64, len(shared) - start)))
        some = shared[start : start + 64]
        bit[some] = np.left_shift(bit.dtype.type(1), np.arange(len(some), dtype=bit.dtype))
        near_predicted |= _near(on_true, bit[label_true], on_predicted, bit[label_predicted], true.shape, within_px)
        near_true |= _near(on_predicted, bit[label_predicted], on_true, bit[label_true], true.shape, within_px)
    columns = [label_predicted[near_predicted], label_predicted, label_true[near_true], label_true]
    return np.stack([np.bincount(column, minlength=classes) for column in columns], axis=1)


def _near(
    on: Int[np.ndarray, "n"],
    bits: Shaped[np.ndarray, "n"],
    at: Int[np.ndarray, "m"],
    sought: Shaped[np.ndarray, "m"],
    shape: tuple[int, int],
    within_px: float,
) -> Bool[np.ndarray, "m"]:
    grid = np.zeros(shape, dtype=bits.dtype)
    grid.reshape(-1)[on] = bits
    return (_spread(grid, within_px).reshape(-1)[at] & sought) > 0


def _spread(bits: Shaped[np.ndarray, "h w"], within_px: float) -> Shaped[np.ndarray, "h w"]:
    """The bits of every pixel or-ed with those within a distance: rows of a disc, the narrowest first."""
    result = np.zeros_like(bits)
    row = bits.copy()
    width = 0
    for dy in range(int(within_px), -1, -1):
        reach = int(np.sqrt(within_px**2 - dy**2))
        for dx in range(width + 1, reach + 1):
            row[:, dx:] |= bits[:, :-dx]
            row[:, :-dx] |= bits[:, dx:]
        width = max(width, reach)
        if dy:
            result[dy:] |= row[:-dy]
            result[:-dy] |= row[dy:]
        else:
            result |= row
    return result


def _width(count: int) -> type[np.unsignedinteger]:
    return next(kind for bits, kind in _KINDS if count <= bits)


_KINDS = ((8, np.uint8), (16, np.uint16), (32, np.uint32), (64, np.uint64))
