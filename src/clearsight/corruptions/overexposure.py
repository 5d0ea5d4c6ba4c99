"""Overexposure: more light than the sensor can hold, so that bright parts are all white."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels
from clearsight.corruptions.exposure import exposed


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Expose longer by so many stops."""
    return exposed(pixels, level)


OVEREXPOSURE = Corruption(
    name="overexposure",
    family="light",
    level="stops: doublings of the light",
    levels=(0.6, 1.1, 1.7, 2.4, 3.2),
    spoil=spoil,
)
