"""Saturation: colours fade to grey of the same luminance; grey pictures stay (after Hendrycks & Dietterich 2019)."""

import numpy as np

from clearsight.corruptions.corruption import Corruption, Pixels

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)  # of red, green and blue: ITU-R BT.709


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Keep this share of each colour's difference from grey."""
    grey = np.einsum("c,chw->hw", LUMINANCE, pixels)[None]
    return grey + level * (pixels - grey)


SATURATION = Corruption(
    name="saturation",
    family="light",
    level="share of the colour that is left",
    levels=(0.65, 0.45, 0.28, 0.12, 0.0),
    spoil=spoil,
)
