"""Pixelate: a picture of few pixels that was enlarged (Hendrycks & Dietterich 2019)."""

import numpy as np
from PIL import Image

from clearsight.corruptions.corruption import Corruption, Pixels, scaled


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Show the mean of blocks of this side, all the picture over."""
    height, width = pixels.shape[1:]
    block = max(1.0, scaled(level, pixels))
    small = (max(1, round(width / block)), max(1, round(height / block)))
    channels = [
        np.asarray(
            Image.fromarray(channel)
            .resize(small, Image.Resampling.BOX)
            .resize((width, height), Image.Resampling.NEAREST)
        )
        for channel in pixels
    ]
    return np.stack(channels)


PIXELATE = Corruption(
    name="pixelate",
    family="digital",
    level="side of a block in px of a shorter side of 224",
    levels=(4.0, 5.5, 7.5, 10.0, 13.0),
    spoil=spoil,
)
