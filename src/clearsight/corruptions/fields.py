"""Random fields and flakes that are the same at any size of a picture."""

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage

from clearsight.corruptions.corruption import SMALL_PX
from clearsight.corruptions.kernels import convolved, line
from clearsight.ops import smoothing
from clearsight.types import Size

CELLS = 128
FINEST_PX = 0.35  # the standard deviation of a spot that one pixel shows

Field = Float[np.ndarray, "h w"]


def clouds(size: Size, roughness: float, random: np.random.Generator) -> Field:
    """A field in [0, 1] like clouds: random waves whose amplitude falls with their frequency to this power."""
    frequency = np.hypot(np.fft.fftfreq(CELLS)[:, None], np.fft.rfftfreq(CELLS)[None])
    frequency[0, 0] = np.inf
    waves = np.fft.rfft2(random.standard_normal((CELLS, CELLS))) / frequency**roughness
    coarse = np.fft.irfft2(waves, s=(CELLS, CELLS))
    coarse = (coarse - coarse.min()) / (coarse.max() - coarse.min())
    return resampled(coarse, size, order=1)


def resampled(coarse: Field, size: Size, order: int) -> Field:
    """A coarse field over a picture of any size: its outermost values lie on the outermost pixels."""
    places = [np.linspace(0, cells - 1, side) for cells, side in zip(coarse.shape, size, strict=True)]
    grid = np.stack(np.meshgrid(*places, indexing="ij"))
    return ndimage.map_coordinates(coarse, grid, order=order, mode="nearest").astype(np.float32)


def streaks(
    size: Size, count: int, width_px: float, length_px: float, angle: float, random: np.random.Generator
) -> Field:
    """So many bright spots of this width (a standard deviation), drawn out by a length, each at most 1.

    A picture of few pixels can show no finer ones: it gets fewer, which cover no larger a part of it.
    """
    coarser = min(1.0, min(size) / SMALL_PX) ** 2 * min(1.0, width_px / FINEST_PX) * min(1.0, length_px)
    count = max(1, round(count * coarser))
    places, bright = random.random((count, 2)), random.uniform(0.4, 1.0, count)
    layer = np.zeros(size, dtype=np.float32)
    rows, columns = (places * size).astype(int).T
    np.add.at(layer, (rows, columns), bright)
    sigma = max(width_px, FINEST_PX)
    spread = smoothing.gaussian_blur(torch.from_numpy(layer)[None, None], torch.tensor([sigma]))[0].numpy()
    drawn = convolved(spread, line(max(length_px, 1.0), angle))[0]
    # One spot alone, of brightness 1, would have this peak.
    peak = 1 / (2 * np.pi * sigma**2) * min(1.0, np.sqrt(2 * np.pi) * sigma / max(length_px, 1.0))
    return np.clip(drawn / min(peak, 1.0), 0, 1).astype(np.float32)
