"""Colours held steady from frame to frame: where the lightness of a pixel does not change, neither does its colour."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clearsight.ops.smoothing import gaussian_blur

MEMORY = 0.9  # the share of its former colour that an unchanged pixel keeps
BLUR_PX = 1.5  # noise of single pixels is no change
AROUND_PX = 7  # a pixel changes with its surroundings
CHANGED = 3.0  # the difference in L* from which a pixel counts as changed, more or less
SAME_SCENE = 0.5  # the share of a frame that must be as before, or it is another scene, which shares nothing


def held_steady(
    ab: Float[Tensor, "2 h w"],
    lightness: Float[Tensor, "h w"],
    before_ab: Float[Tensor, "2 h w"],
    before_lightness: Float[Tensor, "h w"],
) -> Float[Tensor, "2 h w"]:
    """a* and b* of a frame, mixed with those held of the frame before where its lightness is what it was.

    An exponential mean over time with the weight ``MEMORY exp(-(d / CHANGED)²)``, where d is the mean difference of
    the two blurred lightnesses around a pixel. Where most of a frame changed, nothing of the one before is kept.
    """
    both = torch.stack([lightness, before_lightness])[None]
    first, second = gaussian_blur(both, torch.tensor([BLUR_PX]))[0]
    apart = (first - second).abs()[None, None]
    around = F.avg_pool2d(apart, AROUND_PX, 1, AROUND_PX // 2, count_include_pad=False)[0]
    same = (-((around / CHANGED) ** 2)).exp()
    return torch.lerp(ab, before_ab, MEMORY * same) if float(same.mean()) > SAME_SCENE else ab
