"""What the pictures of a generator are made from, beside noise: the label maps or the pictures of a data set."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight import drawing
from clearsight.generation.pictures import quantised
from clearsight.types import ClassMap


def conditions(
    made_from: type | None, images: UInt8[Tensor, "n 3 h w"], maps: UInt8[Tensor, "n h w"] | None
) -> UInt8[Tensor, "n ..."] | None:
    """What pictures like these would be made from: their label maps, or the pictures themselves; None for noise alone.

    ``made_from`` is that of the generator's config. A network makes a picture grey or coarse itself.
    """
    if made_from is None:
        return None
    if made_from is not ClassMap:
        return images
    if maps is None:
        raise ValueError("these pictures have no label maps, and the generator makes pictures from label maps only.")
    return maps


def drawn(network: Any, given: UInt8[Tensor, "n ..."], class_names: Sequence[str]) -> UInt8[Tensor, "n 3 h w"]:
    """What pictures are made from, for people: label maps in colours, pictures as poor as the network sees them."""
    if network.config.made_from is not ClassMap:
        device = next(network.parameters()).device
        seen = network.given(given.to(device).float() / 255).expand(-1, 3, -1, -1)
        return quantised(seen / 2 + 0.5).cpu()
    maps = [drawing.class_map_picture(one.cpu(), len(class_names)).convert("RGB") for one in given]
    return torch.stack([torch.from_numpy(np.array(one)).permute(2, 0, 1) for one in maps])
