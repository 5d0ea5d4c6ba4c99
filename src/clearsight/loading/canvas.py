"""What a generator's pictures are, taken from the pictures it learns from."""

import dataclasses
from typing import Any

from clearsight.ops.spread import evenly_spread
from clearsight.sources import CachedDataset
from clearsight.types import Size

LOOKED_AT = 2000


def with_canvas(config: Any, dataset: CachedDataset, size_px: int, multiple: int) -> Any:
    """The config of a generator with the size and the channels of its pictures, where they are not set.

    The size is that of the training pictures where they have one whose sides are multiples of ``multiple``; else a
    square of at most ``size_px``. Grey is one channel, where the pictures looked at have no colour.
    """
    size = config.size or _size(dataset, size_px, multiple)
    return dataclasses.replace(config, size=tuple(size), channels=config.channels or (1 if is_grey(dataset) else 3))


def cached_px(config: Any, size_px: int) -> int:
    """The longer side that pictures are kept at for a generator: at least that of the pictures it is to make."""
    return max((size_px, *config.size))


def _size(dataset: CachedDataset, size_px: int, multiple: int) -> Size:
    common = dataset.common_size
    if common is not None and not any(side % multiple for side in common):
        return common
    side = max(multiple, size_px // multiple * multiple)
    return side, side


def is_grey(dataset: CachedDataset) -> bool:
    """Whether at most 2,000 pictures, spread evenly over the data, have three equal channels each."""
    images = (dataset.image(index) for index in evenly_spread(len(dataset), LOOKED_AT))
    return all(bool((image[0] == image[1]).all() and (image[0] == image[2]).all()) for image in images)
