"""Pictures of generated pictures: grids and animations, in files that say what they are."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from clearsight.files.credentials import signed
from clearsight.files.generated_pictures import as_json
from clearsight.files.generated_pictures import png as png

GAP = 2
LEAST_SHOWN_PX = 56  # smaller pictures are magnified in grids for people, by a whole number


def grid(images: UInt8[Tensor, "n 3 h w"], columns: int | None = None, *, magnify: bool = True) -> Image.Image:
    """Pictures side by side in rows, as near to a square as their number allows unless ``columns`` says otherwise."""
    count, _, height, width = images.shape
    columns = min(count, columns or int(np.ceil(np.sqrt(count))))
    rows = -(-count // columns)
    scale = -(-LEAST_SHOWN_PX // max(height, width)) if magnify else 1
    large = images.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    height, width = large.shape[2:]
    sheet = torch.full((3, rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), 255, dtype=torch.uint8)
    for index, image in enumerate(large):
        top, left = index // columns * (height + GAP), index % columns * (width + GAP)
        sheet[:, top : top + height, left : left + width] = image
    return Image.fromarray(sheet.permute(1, 2, 0).contiguous().numpy())


def animation(
    frames: Sequence[Image.Image], about: Mapping[str, Any], frame_ms: int = 120, hold_ms: int = 1500
) -> bytes:
    """Frames as a GIF without end, each in at most 256 colours of its own; the last stays for ``hold_ms``.

    It says that it was generated, and by what, in a C2PA manifest (see ``credentials``) and in its comment.
    """
    drawn = [frame.quantize(256, dither=Image.Dither.NONE) for frame in frames]
    file = io.BytesIO()
    times = [frame_ms] * (len(drawn) - 1) + [hold_ms]
    drawn[0].save(file, "GIF", save_all=True, append_images=drawn[1:], duration=times, loop=0, optimize=False,
                  comment=as_json(about).encode())  # fmt: skip
    return signed(file.getvalue(), "image/gif", about)
