"""Enlarged pictures that agree with what was given: made small again, they are the given pictures."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clearsight.ops.downscaling import BOX, downscaled

ROUNDS = 16  # of the bicubic filter
HALVINGS = 24  # of the range of a shift, from 4: beyond single precision


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
    grown = _repeated(missing, factor) if filter == BOX else enlarged(missing, factor)
    return found + grown


def consistent(
    found: Float[Tensor, "b c h w"], given: Float[Tensor, "b c h2 w2"], filter: str = BOX
) -> Float[Tensor, "b c h w"]:
    """The same with values in [0, 1].

    For the mean of squares it is the projection onto the pictures in [0, 1] that agree: each square is shifted by one
    number and cut to that range, by the shift that gives it its mean. For the bicubic filter pictures are by turns
    corrected and cut, which comes close.
    """
    if filter != BOX:
        for _ in range(ROUNDS):
            found = corrected(found, given, filter).clamp(0, 1)
        return found
    factor = found.shape[2] // given.shape[2]
    found = found.clamp(-1, 2)
    low, high = torch.full_like(given, -2.0), torch.full_like(given, 2.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        under = F.avg_pool2d((found + _repeated(middle, factor)).clamp(0, 1), factor) < given
        low, high = torch.where(under, middle, low), torch.where(under, high, middle)
    return (found + _repeated((low + high) / 2, factor)).clamp(0, 1)


def _repeated(maps: Float[Tensor, "b c h w"], factor: int) -> Float[Tensor, "b c h2 w2"]:
    return F.interpolate(maps, scale_factor=factor, mode="nearest")
