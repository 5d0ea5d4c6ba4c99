"""Smoothing of pictures: Gaussian blur of a whole batch, and the median filter."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

REACH = 4.0  # standard deviations from the middle of a Gaussian to the end of its kernel


def gaussian_blur(images: Float[Tensor, "b c h w"], sigmas_px: Float[Tensor, "b"]) -> Float[Tensor, "b c h w"]:
    """Each picture blurred by a Gaussian of its own standard deviation in px; 0 leaves it as it is.

    Beyond its border a picture goes on as its outermost pixels.
    """
    batch, channels, height, width = images.shape
    radius = math.ceil(REACH * float(sigmas_px.max()))
    if radius == 0:
        return images
    at = torch.arange(-radius, radius + 1, device=images.device)
    kernels = torch.exp(-0.5 * (at / sigmas_px.to(images)[:, None].clamp(min=1e-6)) ** 2).to(images)
    kernels = (kernels / kernels.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    planes = images.reshape(1, batch * channels, height, width)
    down = F.pad(planes, (0, 0, radius, radius), mode="replicate")
    planes = F.conv2d(down, kernels[:, None, :, None], groups=batch * channels)
    across = F.pad(planes, (radius, radius, 0, 0), mode="replicate")
    return F.conv2d(across, kernels[:, None, None, :], groups=batch * channels).reshape(images.shape)


def median_filter(image: Float[Tensor, "c h w"], width_px: int) -> Float[Tensor, "c h w"]:
    """The median of the square of ``width_px`` (odd) around each pixel, channel by channel.

    Beyond its border the picture goes on as its outermost pixels.
    """
    assert width_px % 2 == 1, "a pixel is the middle of an odd square"
    return torch.from_numpy(ndimage.median_filter(np.asarray(image), size=(1, width_px, width_px), mode="nearest"))
