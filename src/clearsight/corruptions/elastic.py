"""Elastic: the picture is stretched here and there (Simard et al. 2003); boxes and masks are moved with it."""

import numpy as np
from scipy import ndimage

from clearsight.corruptions.corruption import Corruption, Displacements, Pixels
from clearsight.corruptions.fields import resampled
from clearsight.types import Size

CELLS = 7


def displace(size: Size, level: float, random: np.random.Generator) -> Displacements:
    """A smooth random displacement whose standard deviation is this share of the shorter side."""
    coarse = random.standard_normal((2, CELLS, CELLS))
    return np.stack([level * min(size) * resampled(each, size, order=3) for each in coarse])


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Show at each pixel what lies a displacement away from it."""
    at = np.mgrid[: pixels.shape[1], : pixels.shape[2]] + displace(pixels.shape[1:], level, random)
    return np.stack([ndimage.map_coordinates(channel, at, order=1, mode="nearest") for channel in pixels])


ELASTIC = Corruption(
    name="elastic",
    family="digital",
    level="standard deviation of the displacement as a share of the shorter side",
    levels=(0.008, 0.014, 0.02, 0.028, 0.036),
    spoil=spoil,
    displace=displace,
)
