"""Shot noise: light comes in single photons, so their number varies (Poisson; Hendrycks & Dietterich 2019)."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Count photons, of which white has ``level`` on average."""
    return (random.poisson(pixels * level) / level).astype(np.float32)


SHOT_NOISE = Corruption(
    name="shot-noise",
    family="noise",
    level="photons that a white value is made of",
    levels=(60, 30, 15, 7, 3),
    spoil=spoil,
)
