"""Speckle noise: the noise grows with the value, as in ultrasound and radar (Hendrycks & Dietterich 2019, extra)."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Multiply each value by a random number around 1."""
    return pixels * (1 + level * random.standard_normal(pixels.shape, dtype=np.float32))


SPECKLE_NOISE = Corruption(
    name="speckle-noise",
    family="noise",
    level="standard deviation as a share of the value itself",
    levels=(0.12, 0.2, 0.3, 0.45, 0.6),
    spoil=spoil,
)
