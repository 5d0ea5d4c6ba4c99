"""Kernels of blurs, and pictures convolved with them; beyond its border a picture goes on as its outermost pixels."""

import numpy as np
from jaxtyping import Float
from scipy.signal import oaconvolve

from clearsight.corruptions.corruption import Pixels

Kernel = Float[np.ndarray, "k k"]
SUBPIXELS = 8


def disk(radius_px: float) -> Kernel:
    """A disk of this radius, each pixel by the share of it that is covered; the sum is 1."""
    reach = int(np.ceil(radius_px + 0.5))
    steps = (np.arange((2 * reach + 1) * SUBPIXELS) + 0.5) / SUBPIXELS - reach - 0.5
    inside = np.add.outer(steps**2, steps**2) <= max(radius_px, 0.5) ** 2
    side = 2 * reach + 1
    kernel = inside.reshape(side, SUBPIXELS, side, SUBPIXELS).mean((1, 3))
    return (kernel / kernel.sum()).astype(np.float32)


def line(length_px: float, angle: float) -> Kernel:
    """A line of this length through the middle, at an angle in radians, shared among the pixels it crosses; sum 1."""
    reach = int(np.ceil(length_px / 2)) + 1
    along = np.linspace(-0.5, 0.5, max(2, int(np.ceil(4 * length_px)))) * length_px
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), dtype=np.float64)
    y, x = reach + along * np.sin(angle), reach + along * np.cos(angle)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    for down in (0, 1):
        for right in (0, 1):
            share = np.abs(1 - down - (y - top)) * np.abs(1 - right - (x - left))
            np.add.at(kernel, (np.minimum(top + down, 2 * reach), np.minimum(left + right, 2 * reach)), share)
    return (kernel / kernel.sum()).astype(np.float32)


def convolved(pixels: Pixels, kernel: Kernel) -> Pixels:
    """Every channel convolved with the kernel."""
    reach = len(kernel) // 2
    padded = np.pad(pixels, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    return oaconvolve(padded, kernel[None], mode="valid", axes=(1, 2)).astype(np.float32)
