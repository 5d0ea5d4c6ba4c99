"""Picture files to ``uint8`` RGB tensors ``3 h w``; how they are decoded and checked is said in ``decoding``."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from clearsight.files import decoding
from clearsight.files.decoding import BOMB as BOMB
from clearsight.files.decoding import BROKEN as BROKEN
from clearsight.files.decoding import MISSING as MISSING
from clearsight.files.decoding import NO_RANGE as NO_RANGE
from clearsight.files.decoding import NOT_A_PICTURE as NOT_A_PICTURE
from clearsight.files.decoding import PIXEL_LIMIT as PIXEL_LIMIT
from clearsight.files.decoding import SUFFIXES as SUFFIXES
from clearsight.files.decoding import TURNS as TURNS
from clearsight.files.decoding import PictureError as PictureError
from clearsight.files.decoding import captured as captured
from clearsight.files.decoding import content as content
from clearsight.files.decoding import probe as probe
from clearsight.files.decoding import resized as resized
from clearsight.sources.problems import DataError, shown


@dataclass(frozen=True, eq=False)
class EmbeddedPicture:
    """A picture whose file is a cell of a table: its bytes, still encoded, and the name it goes by."""

    data: bytes
    name: str

    @property
    def stem(self) -> str:
        """The name without its folders and ending."""
        return PurePosixPath(self.name).stem

    def __call__(self) -> UInt8[Tensor, "3 h w"]:
        """The picture; raises DataError where it is broken, which only decoding can tell."""
        try:
            return decode(self.data)
        except PictureError as error:
            raise DataError(
                f"{shown(self.name)}: {error}. It looked whole when the data were read. "
                "Write the table again, or leave bad pictures out with --skip-bad (skip_bad=True)."
            ) from error


def decode(picture: Path | bytes, size_px: int | None = None) -> UInt8[Tensor, "3 h w"]:
    """The picture as RGB, its longer side ``size_px`` where given (aspect kept, antialiased).

    Raises PictureError, a ValueError, for anything that is not a whole picture of at most 178 megapixels.
    """
    return torch.from_numpy(decoding.decode(picture, size_px).transpose(2, 0, 1).copy())


def resize(image: UInt8[Tensor, "3 h w"], size_px: int) -> UInt8[Tensor, "3 H W"]:
    """The picture with its longer side ``size_px`` px, by the same filter as ``decode``."""
    size = resized((image.shape[1], image.shape[2]), size_px)
    if size == (image.shape[1], image.shape[2]):
        return image
    small = decoding.shrunk(Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0).numpy())), size)
    return torch.from_numpy(np.array(small).transpose(2, 0, 1).copy())
