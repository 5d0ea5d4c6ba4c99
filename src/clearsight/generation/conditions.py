"""What the pictures of a generator are made from, beside noise: the label maps or the pictures of a data set."""

from jaxtyping import UInt8
from torch import Tensor

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
