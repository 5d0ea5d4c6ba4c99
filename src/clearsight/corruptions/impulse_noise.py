"""Impulse noise: some values are 0 or at their highest, as by faulty transmission (Hendrycks & Dietterich 2019)."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Replace this share of the values of each channel, by 0 and 1 equally often."""
    drawn = random.random(pixels.shape, dtype=np.float32)
    return np.where(drawn < level / 2, 0.0, np.where(drawn > 1 - level / 2, 1.0, pixels)).astype(np.float32)


IMPULSE_NOISE = Corruption(
    name="impulse-noise",
    family="noise",
    level="share of the values that are replaced",
    levels=(0.02, 0.05, 0.09, 0.16, 0.26),
    spoil=spoil,
)
