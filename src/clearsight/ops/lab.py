"""CIE L*a*b* of sRGB pictures and back, under the white of D65: batched, differentiable, in single precision.

Transfer function and primaries are those of IEC 61966-2-1; L*, a* and b* those of CIE 15 (the 2 degree observer). L* is
in [0, 100]; a* and b* of colours that a screen can show lie within -87 to 99 and -108 to 95.
"""

import torch
from jaxtyping import Float
from torch import Tensor

# Linear sRGB to CIE XYZ, and the white it gives, which is that of D65.
TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
DELTA = 6 / 29  # below its cube the root of CIE Lab is a line

Pictures = Float[Tensor, "b 3 h w"]


def lab_of(images: Pictures) -> Pictures:
    """L*, a* and b* of pictures in [0, 1]."""
    matrix = torch.tensor(TO_XYZ)
    x, y, z = _root(_mixed(linear_of(images), matrix / matrix.sum(1, keepdim=True))).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def rgb_of(lab: Pictures) -> Pictures:
    """Pictures in [0, 1] of L*, a* and b*; what no screen can show is cut off, channel by channel."""
    light, a, b = lab.float().unbind(1)
    y = (light + 16) / 116
    relative = _cubed(torch.stack([y + a / 500, y, y - b / 200], 1))
    matrix = torch.tensor(TO_XYZ)
    return encoded(_mixed(relative, torch.linalg.inv(matrix / matrix.sum(1, keepdim=True))))


def grey_of(images: Pictures) -> Pictures:
    """Pictures in [0, 1] without their colour: a* and b* are 0, and L* is what it was."""
    return encoded(_mixed(linear_of(images), torch.tensor(TO_XYZ[1:2]))).expand(-1, 3, -1, -1)


def linear_of(images: Pictures) -> Pictures:
    """Light in proportion to its amount, of pictures in [0, 1] as a file holds them."""
    values = images.float()
    return torch.where(values <= 0.04045, values / 12.92, ((values.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def encoded(linear: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Values in [0, 1] as a file holds them, of amounts of light; what lies outside is cut off."""
    light = linear.clamp(0, 1)
    return torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)


def _mixed(planes: Pictures, matrix: Float[Tensor, "k 3"]) -> Float[Tensor, "b k h w"]:
    """Each row of the matrix as weights of the three planes; sums, since products of matrices may lose precision."""
    return torch.stack([sum(w * planes[:, c] for c, w in enumerate(row)) for row in matrix.tolist()], 1)


def _root(relative: Tensor) -> Tensor:
    line = relative / (3 * DELTA**2) + 4 / 29
    return torch.where(relative > DELTA**3, relative.clamp(min=DELTA**3) ** (1 / 3), line)


def _cubed(root: Tensor) -> Tensor:
    return torch.where(root > DELTA, root**3, 3 * DELTA**2 * (root - 4 / 29))
