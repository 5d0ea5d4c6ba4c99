"""Gaussian noise: independent noise in every value, as a sensor makes in low light (Hendrycks & Dietterich 2019)."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Add noise of this standard deviation."""
    return pixels + level * random.standard_normal(pixels.shape, dtype=np.float32)


GAUSSIAN_NOISE = Corruption(
    name="gaussian-noise",
    family="noise",
    level="standard deviation as a share of the range of a value",
    levels=(0.06, 0.1, 0.15, 0.22, 0.32),
    spoil=spoil,
)
