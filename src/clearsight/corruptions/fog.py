"""Fog: light is scattered on its way, the more the denser the fog (Koschmieder 1924; Hendrycks & Dietterich 2019)."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels
from clearsight.corruptions.fields import clouds

AIRLIGHT = 0.9
ROUGHNESS = 1.7


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Mix each pixel with the light of the fog, whose optical depth varies by half around ``level``."""
    passed = np.exp(-level * (0.5 + clouds(pixels.shape[1:], ROUGHNESS, random)))
    return pixels * passed + AIRLIGHT * (1 - passed)


FOG = Corruption(
    name="fog", family="weather", level="mean optical depth", levels=(0.35, 0.6, 0.9, 1.3, 1.8), spoil=spoil
)
