"""Rain: long, thin, half transparent streaks before a darker picture of less contrast (after Garg & Nayar 2007)."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels, scaled
from clearsight.corruptions.fields import streaks

DROP_PX, FALL_PX, OPACITY = 0.7, 28.0, 0.7


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Let ``level`` thousand drops fall, and darken the picture the more they are."""
    angle = random.uniform(0.4 * np.pi, 0.6 * np.pi)
    drops = streaks(
        pixels.shape[1:], round(1000 * level), scaled(DROP_PX, pixels), scaled(FALL_PX, pixels), angle, random
    )
    duller = pixels + min(0.5, 0.2 * level) * (0.35 - pixels)
    return duller + OPACITY * drops * (0.85 - duller)


RAIN = Corruption(
    name="rain", family="weather", level="drops in thousands", levels=(0.2, 0.4, 0.7, 1.1, 1.7), spoil=spoil
)
