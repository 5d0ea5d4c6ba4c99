"""Class maps that are read or rasterised on demand: from a mask's picture file, or from outlines."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped, UInt8
from PIL import Image

from clearsight.ops import masks
from clearsight.sources.annotations.mask_classes import MaskClasses
from clearsight.sources.problems import DataError, shown
from clearsight.sources.samples import fingerprint, pictures
from clearsight.types import IGNORE, ClassMap, Size

# Lossy compression changes values.
LOSSLESS = ("PNG", "BMP", "GIF", "TIFF", "PPM")
INDEXED = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L")
COLOURLESS = "colour mask without a table of colours"


@dataclass(frozen=True)
class MaskPicture:
    """The class map of a mask file; ``digest`` is that of the file's bytes and the meaning of its values."""

    path: Path
    classes: MaskClasses
    digest: str

    def __call__(self) -> ClassMap:
        """Read the file; raises DataError naming it where it is broken."""
        try:
            labels, _ = labels_of(pictures.content(self.path), self.classes)
        except pictures.PictureError as error:
            raise DataError(
                f"{shown(self.path)}: {error}. It was whole when the data were read. Restore the file and start again."
            ) from error
        return ClassMap(labels=torch.from_numpy(labels))


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One object: polygons of corners ``x y``, or run lengths for a picture of ``size``; its class id or 255."""

    label: int
    polygons: tuple[Float[np.ndarray, "n 2"], ...] = ()
    runs: Int[np.ndarray, "k"] | None = None
    size: Size | None = None


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A class map rasterised from outlines: ignored regions first, then the objects from the largest to the smallest.

    Pixels of no object are class 0. ``relative`` corners are shares of the picture's width and height.
    """

    picture: Path
    shapes: tuple[Shape, ...]
    relative: bool = False
    digest: str = field(default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", _digest(self.shapes, self.relative))

    def __call__(self) -> ClassMap:
        """Draw it; raises DataError naming the picture where its size cannot be read or is not that of a mask."""
        size, problem = pictures.probe(self.picture)
        if size is None:
            raise DataError(f"{shown(self.picture)}: {problem}. Restore the file and start again.")
        drawn = []
        for shape in self.shapes:
            if shape.runs is not None:
                mask = masks.from_run_lengths(shape.runs.tolist(), shape.size or size)
                if mask.shape != size:
                    raise DataError(
                        f"{shown(self.picture)} is {size[1]} x {size[0]} px, the run lengths of one of its objects are "
                        f"of {mask.shape[1]} x {mask.shape[0]}. Export the annotations again."
                    )
            else:
                scale = np.array([size[1], size[0]], dtype=np.float64) if self.relative else 1.0
                mask = masks.union([polygon * scale for polygon in shape.polygons], size)
            drawn.append((shape.label != IGNORE, -int(mask.sum()), shape.label, mask))
        labels = np.zeros(size, dtype=np.uint8)
        for _, _, label, mask in sorted(drawn, key=lambda each: each[:2]):
            labels[mask] = label
        return ClassMap(labels=torch.from_numpy(labels))


def labels_of(data: bytes, classes: MaskClasses) -> tuple[UInt8[np.ndarray, "h w"], dict[str, int]]:
    """The class of every pixel of a mask file, and how many pixels have which undeclared values (they become 255).

    Raises PictureError for anything but a complete lossless picture, and for colours without a table of colours.
    """
    image = opened(data)
    if image.mode in INDEXED:
        values = np.asarray(image).astype(np.int64)
        if not classes.colours or not _all_colours_known(image, values, classes.colours):
            return _by_value(values, classes.values)
    elif not classes.colours:
        channels = np.asarray(image.convert("RGB"))
        if (channels != channels[:, :, :1]).any():
            raise pictures.PictureError(COLOURLESS, "add classes.csv with lines such as road,128,64,128")
        return _by_value(channels[:, :, 0].astype(np.int64), classes.values)
    return _by_colour(_packed(np.asarray(image.convert("RGB"))), classes.colours)


def opened(data: bytes) -> Image.Image:
    """A mask's picture; raises PictureError for anything but a complete lossless one of values or colours."""
    try:
        image = Image.open(io.BytesIO(data), formats=(*LOSSLESS, "JPEG"))
        if image.format not in LOSSLESS:
            raise pictures.PictureError("mask in a lossy format", f"{image.format}; export it as PNG")
        if image.width * image.height > pictures.PIXEL_LIMIT:
            raise pictures.PictureError(pictures.BOMB, f"{image.width} x {image.height} pixels")
        image.load()
    except (pictures.PictureError, MemoryError):
        raise
    except Exception as error:
        # Pillow's decoders raise many types on broken files.
        raise pictures.PictureError("broken mask", str(error) if data else "empty file") from error
    if image.mode not in (*INDEXED, "RGB", "RGBA", "LA", "PA"):
        raise pictures.PictureError("mask that is neither values nor colours", f"mode {image.mode}; export it as PNG")
    return image


def _all_colours_known(image: Image.Image, values: Int[np.ndarray, "h w"], colours: dict[int, int]) -> bool:
    """Whether all grey values or palette colours in use are in the table of colours; else they are class numbers."""
    if values.max(initial=0) > 255:
        return False
    _, first = np.unique(values, return_index=True)
    seen = np.asarray(image.convert("RGB")).reshape(-1, 3)[first]
    return set(_packed(seen).tolist()) <= colours.keys()


def _packed(channels: UInt8[np.ndarray, "*n 3"]) -> Int[np.ndarray, "*n"]:
    red, green, blue = (channels[..., index].astype(np.int64) for index in range(3))
    return (red << 16) | (green << 8) | blue


def _by_value(
    values: Int[np.ndarray, "h w"], meaning: dict[int, int]
) -> tuple[UInt8[np.ndarray, "h w"], dict[str, int]]:
    values = np.where((values < 0) | (values > 65535), 65535, values)
    counts = np.bincount(values.reshape(-1))
    table = np.full(len(counts), IGNORE, dtype=np.uint8)
    unknown = {}
    for value in np.flatnonzero(counts).tolist():
        if value in meaning:
            table[value] = meaning[value]
        elif value != IGNORE:
            unknown[str(value)] = int(counts[value])
    return table[values], unknown


def _by_colour(
    packed: Int[np.ndarray, "h w"], meaning: dict[int, int]
) -> tuple[UInt8[np.ndarray, "h w"], dict[str, int]]:
    keys = np.array(sorted(meaning), dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, packed), len(keys) - 1)
    known = keys[place] == packed
    labels = np.where(known, np.array([meaning[int(key)] for key in keys], dtype=np.uint8)[place], np.uint8(IGNORE))
    found, counts = np.unique(packed[~known], return_counts=True)
    named = {f"{colour >> 16},{colour >> 8 & 255},{colour & 255}": count for colour, count in _pairs(found, counts)}
    return labels, named


def _pairs(found: Shaped[np.ndarray, "n"], counts: Shaped[np.ndarray, "n"]) -> list[tuple[int, int]]:
    return sorted(zip(found.tolist(), counts.tolist(), strict=True), key=lambda each: -each[1])


def _digest(shapes: Sequence[Shape], relative: bool) -> str:
    state = hashlib.blake2b(fingerprint.of_words(["drawing", str(relative)]).encode(), digest_size=fingerprint.LENGTH)
    for shape in shapes:
        arrays = [np.ascontiguousarray(polygon, dtype="<f8") for polygon in shape.polygons]
        if shape.runs is not None:
            arrays.append(shape.runs.astype("<i8"))
        words = [str(shape.label), str(shape.size), str(shape.runs is None), *(str(array.shape) for array in arrays)]
        state.update(fingerprint.of_words(words).encode())
        for array in arrays:
            state.update(array.tobytes())
    return state.hexdigest()
