"""Classical augmentation: pictures turned, scaled, sheared, moved and lit at random."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

TURN, SCALE, SHEAR, MOVE = 15.0, 1.15, 0.1, 0.08  # degrees; a factor; a slope; a share of the side
CONTRAST, BRIGHTNESS = 0.2, 0.1  # a share; of the whole range


def varied(images: UInt8[Tensor, "n 3 h w"], random: torch.Generator) -> UInt8[Tensor, "n 3 h w"]:
    """Each picture turned by up to 15 degrees, scaled by up to 1.15, sheared and moved a little, in other light.

    What comes in from outside is the mirrored border. Nothing is flipped: whether a mirror image means the same, the
    data say.
    """
    count, _, height, width = images.shape
    if not count:
        return images
    draws = torch.rand(7, count, generator=random) * 2 - 1
    place = F.affine_grid(_maps(draws, width / height), [count, 3, height, width], align_corners=False)
    seen = F.grid_sample(images.float() / 255, place, padding_mode="reflection", align_corners=False)
    mean = seen.mean((1, 2, 3), keepdim=True)
    contrast, brightness = (1 + CONTRAST * draws[5])[:, None, None, None], (BRIGHTNESS * draws[6])[:, None, None, None]
    return ((seen - mean) * contrast + mean + brightness).clamp(0, 1).mul(255).round().to(torch.uint8)


def _maps(draws: Float[Tensor, "7 n"], aspect: float) -> Float[Tensor, "n 2 3"]:
    """The affine maps from the new pictures to the old, in coordinates from -1 to 1; ``aspect`` is width / height."""
    turn = torch.deg2rad(TURN * draws[0])
    scale, shear = SCALE ** draws[1], SHEAR * draws[2]
    cos, sin = turn.cos() / scale, turn.sin() / scale
    # In pixels: a rotation times a shear; the sides of the picture stretch what is off the diagonal.
    rows = [
        torch.stack([cos, (cos * shear - sin) / aspect, 2 * MOVE * draws[3]], dim=1),
        torch.stack([sin * aspect, sin * shear + cos, 2 * MOVE * draws[4]], dim=1),
    ]
    return torch.stack(rows, dim=1)
