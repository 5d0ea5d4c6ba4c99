"""Snow: bright flakes that are drawn out as they fall, before a paler picture (Hendrycks & Dietterich 2019)."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels, scaled
from clearsight.corruptions.fields import streaks

FLAKE_PX, FALL_PX = 1.6, 9.0


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Let ``level`` thousand flakes fall, and turn the picture paler the more they are."""
    angle = random.uniform(np.pi / 4, 3 * np.pi / 4)
    flakes = streaks(
        pixels.shape[1:], round(1000 * level), scaled(FLAKE_PX, pixels), scaled(FALL_PX, pixels), angle, random
    )
    pale = 0.5 + 0.5 * pixels.mean(0, keepdims=True)
    paler = pixels + min(0.6, 0.25 * level) * (pale - pixels)
    return paler + flakes * (1 - paler)


SNOW = Corruption(
    name="snow", family="weather", level="flakes in thousands", levels=(0.25, 0.45, 0.75, 1.1, 1.6), spoil=spoil
)
