"""Brightness: the value of every pixel (the V of HSV) is raised, colours kept (Hendrycks & Dietterich 2019)."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Raise the highest channel of each pixel by ``level``, to 1 at most, and the others in proportion."""
    value = pixels.max(0, keepdims=True)
    raised = np.minimum(value + level, 1.0)
    return np.where(value > 0, pixels * (raised / np.maximum(value, 1e-6)), raised)


BRIGHTNESS = Corruption(
    name="brightness",
    family="light",
    level="what is added to the value, a share of its range",
    levels=(0.1, 0.2, 0.3, 0.4, 0.5),
    spoil=spoil,
)
