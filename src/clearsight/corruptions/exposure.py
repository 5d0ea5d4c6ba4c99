"""Exposure: the light that a sensor gathered, multiplied, through the curve of sRGB (IEC 61966-2-1)."""

import numpy as np

from clearsight.corruptions.corruption import Pixels


def exposed(pixels: Pixels, stops: float) -> Pixels:
    """The picture with 2 to the power ``stops`` times the light; what would be brighter than white is white."""
    linear = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    light = np.minimum(linear * 2.0**stops, 1.0)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)
