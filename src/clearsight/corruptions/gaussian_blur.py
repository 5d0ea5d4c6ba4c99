"""Gaussian blur: each pixel is a weighted mean of those around it (Hendrycks & Dietterich 2019, extra)."""

import numpy as np
import torch

from clearsight.corruptions.corruption import Corruption, Pixels, scaled
from clearsight.ops import smoothing


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Blur by a Gaussian of this standard deviation."""
    sigma = torch.tensor([scaled(level, pixels)])
    return smoothing.gaussian_blur(torch.from_numpy(pixels)[None], sigma)[0].numpy()


GAUSSIAN_BLUR = Corruption(
    name="gaussian-blur",
    family="blur",
    level="standard deviation in px of a shorter side of 224",
    levels=(1.0, 1.7, 2.6, 4.0, 6.0),
    spoil=spoil,
)
