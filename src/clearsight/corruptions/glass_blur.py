"""Glass blur: each pixel shows one that lies at random near it, as through frosted glass.

Hendrycks & Dietterich 2019 shuffle neighbouring pixels; here each pixel looks in a random direction of its own, up to
a distance, and the outcome is smoothed a little.
"""

import numpy as np
import torch
from scipy import ndimage

from clearsight.corruptions.corruption import Corruption, Pixels, scaled
from clearsight.ops import smoothing

SMOOTHED = 0.3  # standard deviation of the smoothing as a share of the distance


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Let each pixel show one at most so far away in either direction."""
    distance = scaled(level, pixels)
    moved = np.mgrid[: pixels.shape[1], : pixels.shape[2]] + random.uniform(-distance, distance, (2, *pixels.shape[1:]))
    seen = np.stack([ndimage.map_coordinates(channel, moved, order=1, mode="nearest") for channel in pixels])
    sigma = torch.tensor([SMOOTHED * distance])
    return smoothing.gaussian_blur(torch.from_numpy(seen)[None], sigma)[0].numpy()


GLASS_BLUR = Corruption(
    name="glass-blur",
    family="blur",
    level="the largest distance in px of a shorter side of 224, in either direction",
    levels=(1.5, 2.5, 4.0, 6.0, 9.0),
    spoil=spoil,
)
