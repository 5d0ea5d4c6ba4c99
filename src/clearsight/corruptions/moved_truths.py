"""Truths moved with the content of their picture: what belongs to a pixel of the outcome is what it shows.

Objects of which nothing is left in the picture are no longer there to be found.
"""

from functools import singledispatch

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage

from clearsight.corruptions.corruption import Displacements
from clearsight.ops import instance_masks
from clearsight.types import Boxes, ClassMap, Instances, Picture, Truth

Places = Float[np.ndarray, "2 h w"]


def moved(truth: Truth, displacements: Displacements) -> Truth:
    """The truth of a picture whose pixels show what lies these displacements (down, right, in px) away from them.

    Boxes come to lie around all pixels that show what was in them, to whole pixels; class maps and masks take the
    nearest pixel. What says nothing of places stays as it is.
    """
    height, width = displacements.shape[1:]
    ends = np.array([height - 1, width - 1])[:, None, None]
    return _moved(truth, np.clip(np.mgrid[:height, :width] + displacements, 0, ends))


@singledispatch
def _moved(truth: Truth, places: Places) -> Truth:
    return truth


@_moved.register
def _(truth: ClassMap, places: Places) -> ClassMap:
    rows, columns = places.round().astype(int)
    return ClassMap(labels=torch.from_numpy(truth.labels.numpy()[rows, columns]))


@_moved.register
def _(truth: Picture, places: Places) -> Picture:
    channels = [ndimage.map_coordinates(one, places, order=1, mode="nearest") for one in truth.image.numpy()]
    return Picture(image=torch.from_numpy(np.stack(channels).clip(0, 1)))


@_moved.register
def _(truth: Boxes, places: Places) -> Boxes:
    boxes, kept, areas = [], [], []
    for index, (x1, y1, x2, y2) in enumerate(truth.xyxy.tolist()):
        rows, columns = places + 0.5
        inside = (columns >= x1) & (columns < x2) & (rows >= y1) & (rows < y2)
        if inside.any():
            boxes.append(_around(inside))
            kept.append(index)
            areas.append(float(truth.areas[index]) * float(inside.sum()) / max((x2 - x1) * (y2 - y1), 1e-9))
    return Boxes.of(
        torch.tensor(boxes, dtype=torch.float32), truth.labels[kept], truth.ignored[kept], torch.tensor(areas)
    )


@_moved.register
def _(truth: Instances, places: Places) -> Instances:
    rows, columns = places.round().astype(int)
    masks, boxes, kept = [], [], []
    for index, ((x1, y1, x2, y2), crop) in enumerate(instance_masks.crops(truth.masks)):
        whole = np.zeros(places.shape[1:], dtype=bool)
        whole[y1:y2, x1:x2] = crop
        found = whole[rows, columns]
        if found.any():
            masks.append(found)
            boxes.append(_around(found))
            kept.append(index)
    drawn = instance_masks.of_crops(masks, [(0, 0)] * len(masks), truth.masks.size)
    return Instances(
        xyxy=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        labels=truth.labels[kept],
        ignored=truth.ignored[kept],
        areas=instance_masks.areas(drawn).float(),
        masks=drawn,
    )


def _around(inside: np.ndarray) -> tuple[float, float, float, float]:
    """The smallest box ``x1 y1 x2 y2`` around the pixels."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
