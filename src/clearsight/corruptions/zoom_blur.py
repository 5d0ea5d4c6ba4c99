"""Zoom blur: the mean of ever larger views of the middle, as while approaching (Hendrycks & Dietterich 2019)."""

import numpy as np
import torch
import torch.nn.functional as F

from clearsight.corruptions.corruption import Corruption, Pixels

VIEWS = 12


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Average views magnified by 1 to 1 + ``level``."""
    shares = 1 / torch.linspace(1, 1 + level, VIEWS)
    turns = torch.zeros(VIEWS, 2, 3)
    turns[:, 0, 0] = turns[:, 1, 1] = shares
    grid = F.affine_grid(turns, [VIEWS, 3, *pixels.shape[1:]], align_corners=False)
    total = torch.zeros(pixels.shape)
    for view in grid:
        total += F.grid_sample(
            torch.from_numpy(pixels)[None], view[None], mode="bilinear", padding_mode="border", align_corners=False
        )[0]
    return (total / VIEWS).numpy()


ZOOM_BLUR = Corruption(
    name="zoom-blur",
    family="blur",
    level="the largest magnification less 1",
    levels=(0.05, 0.09, 0.14, 0.2, 0.28),
    spoil=spoil,
)
