"""What is measured of the colours of pictures: their distance from others, how colourful they are, their mean tone."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from clearsight.ops.lab import lab_of

Pictures = Float[Tensor, "b 3 h w"]
Each = Float[Tensor, "b"]

GREY_BELOW = 1.0  # the colourfulness in which nobody sees a colour: compression leaves a little
TONES = ("L*", "a*", "b*", "chroma")


def error_in_ab(first: Pictures, second: Pictures) -> Each:
    """The mean distance of pixels in the plane of a* and b*, of pictures in [0, 1]; lightness plays no part."""
    apart = lab_of(first)[:, 1:] - lab_of(second)[:, 1:]
    return apart.square().sum(1).sqrt().mean((1, 2))


def colourfulness(images: Pictures) -> Each:
    """How colourful pictures in [0, 1] are: 0 for grey ones, about 15 slightly, 59 quite, above 109 extremely.

    Hasler and Süsstrunk 2003, equations of section 5: spread and mean in the plane of two opponent colours.
    """
    red, green, blue = (255 * images.float()).unbind(1)
    opponents = torch.stack([red - green, (red + green) / 2 - blue], 1).flatten(2)
    spread = opponents.var(2, correction=0).sum(1).sqrt()
    return spread + 0.3 * opponents.mean(2).square().sum(1).sqrt()


def is_grey(images: Pictures) -> Bool[Tensor, "b"]:
    """Whether pictures in [0, 1] have no colour that anybody sees."""
    return colourfulness(images) < GREY_BELOW


def tones(images: Pictures) -> dict[str, Each]:
    """The means over each picture of L*, a*, b* and chroma, the distance of a colour from grey."""
    lab = lab_of(images)
    chroma = lab[:, 1:].square().sum(1).sqrt()
    means = [*lab.mean((2, 3)).unbind(1), chroma.mean((1, 2))]
    return dict(zip(TONES, means, strict=True))
