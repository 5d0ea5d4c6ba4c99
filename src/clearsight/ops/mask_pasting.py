"""A mask head's outputs pasted on their boxes, and masks on a picture, as pixels; nothing here needs torch.

A pixel belongs to an object where its centre lies in the box and the probability there, bilinear between the centres of
the cells, is at least a threshold (He et al. 2017, section 3.1).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt16

from clearsight.files.decoding import Size

Crop = Bool[np.ndarray, "_h _w"]
NUMBERED_AT_MOST = 65_535  # of a 16-bit PNG


def pasted(
    outputs: Float[np.ndarray, "n m m"], boxes: Float[np.ndarray, "n 4"], size: Size, threshold: float
) -> tuple[Int[np.ndarray, "n 4"], Iterator[Crop]]:
    """Of each object its window ``x1 y1 x2 y2`` in a picture of ``size`` and, one at a time, its pixels there."""
    limit = np.array([size[1], size[0]] * 2)
    windows = np.ceil(np.clip(boxes - 0.5, 0, limit)).astype(int)  # pixels whose centres lie in the box

    def crops() -> Iterator[Crop]:
        for output, box, (x1, y1, x2, y2) in zip(outputs, boxes, windows.tolist(), strict=True):
            down = _linear_weights(np.arange(y1, y2) + 0.5, box[1], box[3], output.shape[0])
            across = _linear_weights(np.arange(x1, x2) + 0.5, box[0], box[2], output.shape[1])
            yield down @ output @ across.T >= threshold

    return windows, crops()


def numbered(parts: Sequence[tuple[Sequence[int], Crop]], size: Size) -> UInt16[np.ndarray, "h w"]:
    """The number, from 1, of the object at every pixel of a picture, 0 where there is none; the first is on top.

    ``parts`` are each object's window ``x1 y1 x2 y2`` and its pixels there, the best first; those after the first
    65,535 are left out.
    """
    ids = np.zeros(size, dtype=np.uint16)
    for number, ((x1, y1, x2, y2), crop) in reversed(list(enumerate(parts[:NUMBERED_AT_MOST], 1))):
        ids[y1:y2, x1:x2][crop] = number
    return ids


def _linear_weights(at: Float[np.ndarray, "p"], low: float, high: float, cells: int) -> Float[np.ndarray, "p cells"]:
    """The weights of linear interpolation at points between ``low`` and ``high``, a side of so many cells."""
    place = np.clip((at - low) * (cells / max(high - low, 1e-9)) - 0.5, 0, cells - 1)
    first = np.minimum(place.astype(int), max(cells - 2, 0))
    share = place - first
    weights = np.zeros((len(at), cells), dtype=np.float32)
    rows = np.arange(len(at))
    weights[rows, first] = 1 - share
    if cells > 1:
        weights[rows, first + 1] = share
    return weights
