"""Enlarged pictures that agree with what was given: made small again, they are the given pictures."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clearsight.ops.downscaling import BOX, downscaled

ROUNDS = 8


def in_levels(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Pictures in [0, 1] rounded to 256 levels, as a file holds them."""
    return (255 * images).round() / 255


def enlarged(given: Float[Tensor, "b c h w"], factor: int) -> Float[Tensor, "b c h2 w2"]:
    """Bicubic interpolation to ``factor`` times as many rows and columns (Keys 1981 with a = -0.5).

    Values may lie a little outside of those given.
    """
    # The plain bicubic of torch has a = -0.75; the antialiased one has -0.5, and does nothing else when it enlarges.
    size = (given.shape[2] * factor, given.shape[3] * factor)
    found = F.interpolate(given.float(), size=size, mode="bicubic", align_corners=False, antialias=True)
    return found.to(given.dtype)


def corrected(
    found: Float[Tensor, "b c h w"], given: Float[Tensor, "b c h2 w2"], filter: str = BOX
) -> Float[Tensor, "b c h w"]:
    """Pictures plus their difference from what was given, enlarged (Irani and Peleg 1991).

    Where pictures are made small by the mean of squares, that is the projection onto the pictures that agree exactly:
    the nearest of them by squared error, so it never adds to the distance from the true picture, which is one of them.
    """
    factor = found.shape[2] // given.shape[2]
    missing = given - downscaled(found, factor, filter)
    grown = F.interpolate(missing, scale_factor=factor, mode="nearest") if filter == BOX else enlarged(missing, factor)
    return found + grown


def consistent(
    found: Float[Tensor, "b c h w"], given: Float[Tensor, "b c h2 w2"], filter: str = BOX
) -> Float[Tensor, "b c h w"]:
    """The same with values in [0, 1]: by turns corrected and cut to that range, until both hold closely."""
    for _ in range(ROUNDS):
        found = corrected(found, given, filter).clamp(0, 1)
    return found
