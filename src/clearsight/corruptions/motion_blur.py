"""Motion blur: a point becomes a line in a random direction, as a camera moves (Hendrycks & Dietterich 2019)."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels, scaled
from clearsight.corruptions.kernels import convolved, line


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Convolve with a line of this length, its middle in the middle, so that objects stay where they are."""
    return convolved(pixels, line(scaled(level, pixels), random.uniform(0, np.pi)))


MOTION_BLUR = Corruption(
    name="motion-blur",
    family="blur",
    level="length of the line in px of a shorter side of 224",
    levels=(6.0, 10.0, 15.0, 22.0, 32.0),
    spoil=spoil,
)
