"""The label maps that pictures are made from: those of a batch in training, those given in sampling.

A network sees a map as planes, one for each class and a last one for pixels of none (255), 1 where a pixel is of it.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from clearsight.types import IGNORE, Batch, ClassMap, Size, Truth


def of_batch(batch: Batch) -> UInt8[Tensor, "b h w"]:
    """The label map of each real picture, on the pictures' device; raises ValueError where a picture has none."""
    return maps_of(batch.truths).to(batch.images.device)


def maps_of(truths: Sequence[Truth]) -> UInt8[Tensor, "b h w"]:
    """Label maps of one size as one tensor; raises ValueError where a truth is another."""
    found = [truth.labels for truth in truths if isinstance(truth, ClassMap)]
    if len(found) < len(truths):
        raise ValueError(
            f"{len(truths) - len(found)} of {len(truths)} pictures have no label map, and this network makes pictures "
            "from label maps. Expected a class for every pixel, such as masks beside the pictures."
        )
    return torch.stack(found)


def checked(maps: UInt8[Tensor, "n h w"] | None, count: int, size: Size, names: int) -> UInt8[Tensor, "n h w"]:
    """The maps given for ``count`` pictures; raises ValueError where they do not fit the network."""
    if maps is None:
        raise ValueError(
            f"no label map was given, and this network makes pictures from label maps. Expected one for each of {count}"
            " pictures."
        )
    if tuple(maps.shape) != (count, *size):
        raise ValueError(
            f"label maps of shape {tuple(maps.shape)} were given for {count} pictures. Expected {(count, *size)}."
        )
    if bool(((maps >= names) & (maps != IGNORE)).any()):
        strange = sorted(set(maps[(maps >= names) & (maps != IGNORE)].tolist()))
        raise ValueError(
            f"a label map holds the class ids {strange[:10]}, and the network knows {names} classes. Expected 0 to "
            f"{names - 1}, or {IGNORE} where a pixel is of none."
        )
    return maps


def planes(maps: UInt8[Tensor, "b h w"], names: int) -> Float[Tensor, "b k h w"]:
    """One plane for each class and one for pixels of none."""
    places = torch.where(maps == IGNORE, names, maps.long())
    return F.one_hot(places, names + 1).permute(0, 3, 1, 2).float()


def resized(found: Float[Tensor, "b k h w"], size: Size) -> Float[Tensor, "b k h2 w2"]:
    """Planes at another size: each pixel is that its centre falls on."""
    return found if tuple(found.shape[2:]) == size else F.interpolate(found, size=size, mode="nearest-exact")
