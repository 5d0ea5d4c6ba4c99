"""A sheet of restorations: the small picture, what was restored of it several times, and the first made small again."""

import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from clearsight.depixelising.restoring import Restored
from clearsight.generation.drawn_sheets import repeated
from clearsight.generation.pictures import quantised
from clearsight.generation.sheets import grid
from clearsight.ops.downscaling import downscaled

ROWS_AT_MOST, COLUMNS_AT_MOST = 16, 6
LEGEND = "from left to right: what was given, {count} of its restorations, and the first of them made small again"


def sheet(
    small: UInt8[Tensor, "inputs 3 h w"], found: Restored, true: UInt8[Tensor, "inputs 3 h2 w2"] | None = None
) -> Image.Image:
    """A row for each of the first inputs; the true picture stands last where it is known."""
    factor = found.plan.factor
    again = quantised(downscaled(found.pictures[:, 0].float() / 255, factor, found.plan.filter))
    parts = [repeated(small, factor)[:, None], found.pictures[:, :COLUMNS_AT_MOST], repeated(again, factor)[:, None]]
    if true is not None:
        parts.append(true[:, None])
    rows = torch.cat(parts, 1)[:ROWS_AT_MOST]
    return grid(rows.flatten(0, 1), rows.shape[1])


def legend(found: Restored, known: bool = False) -> str:
    """What the columns of a sheet are, in words."""
    count = min(found.pictures.shape[1], COLUMNS_AT_MOST)
    said = LEGEND.format(count=count)
    return f"{said}; the true picture stands last" if known else said
