"""Underexposure: too little light, so that dark parts fall into few steps of brightness."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels
from clearsight.corruptions.exposure import exposed


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Expose shorter by so many stops; 8 bits a value are what is left of the dark parts."""
    return exposed(pixels, -level)


UNDEREXPOSURE = Corruption(
    name="underexposure",
    family="light",
    level="stops: halvings of the light",
    levels=(1.0, 2.0, 3.0, 4.0, 5.0),
    spoil=spoil,
)
