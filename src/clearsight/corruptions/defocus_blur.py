"""Defocus blur: a point becomes a disk, as where a lens is out of focus (Hendrycks & Dietterich 2019)."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels, scaled
from clearsight.corruptions.kernels import convolved, disk


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Convolve with a disk of this radius."""
    return convolved(pixels, disk(scaled(level, pixels)))


DEFOCUS_BLUR = Corruption(
    name="defocus-blur",
    family="blur",
    level="radius of the disk in px of a shorter side of 224",
    levels=(2.0, 3.2, 5.0, 7.2, 10.0),
    spoil=spoil,
)
