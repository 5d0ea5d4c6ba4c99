"""Contrast: every value comes nearer to the mean of its channel (Hendrycks & Dietterich 2019)."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Keep this share of each value's difference from the mean."""
    mean = pixels.mean((1, 2), keepdims=True)
    return mean + level * (pixels - mean)


CONTRAST = Corruption(
    name="contrast",
    family="light",
    level="share of the differences from the mean that is left",
    levels=(0.55, 0.4, 0.27, 0.16, 0.08),
    spoil=spoil,
)
