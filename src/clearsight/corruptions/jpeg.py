"""JPEG: the picture is compressed too much (Hendrycks & Dietterich 2019)."""

import io

import numpy as np
from PIL import Image

from clearsight.corruptions.corruption import Corruption, Pixels


def spoil(pixels: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Write the picture as a JPEG file of this quality and read it again."""
    file = io.BytesIO()
    Image.fromarray((pixels.transpose(1, 2, 0) * 255).round().astype(np.uint8)).save(file, "JPEG", quality=int(level))
    with Image.open(file) as read:
        return np.asarray(read, dtype=np.float32).transpose(2, 0, 1) / 255


JPEG = Corruption(name="jpeg", family="digital", level="quality of the file", levels=(30, 20, 13, 8, 5), spoil=spoil)
