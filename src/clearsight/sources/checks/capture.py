"""How pictures were taken, as far as their files tell: size, brightness, contrast, sharpness, compression, camera.

Brightness, contrast and sharpness are measured on grey values from 0 to 255 of the picture made 256 px large at its
longer side, so that sizes compare; a smaller picture is taken as it is. Sharpness there says nothing of details finer
than that.
"""

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import ExifTags, Image, UnidentifiedImageError

from clearsight.files.decoding import FORMATS
from clearsight.sources.samples.pictures import EmbeddedPicture
from clearsight.sources.samples.records import Record

SIDE_PX = 256
# Numbers of a Capture by the name of the field, in words.
MEASURED = {
    "brightness": "brightness (mean grey value)",
    "contrast": "contrast (spread of grey values)",
    "sharpness": "sharpness (at 256 px)",
    "jpeg_quality": "JPEG quality",
}
MEASURED_AT_ONCE = 4
# The luminance table of the JPEG standard (ITU-T T.81, table K.1), which encoders scale by their quality.
LUMINANCE = np.array(
    [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
        14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
        49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ]
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Capture:
    """One picture: its size in pixels, mean, standard deviation and sharpness of its grey values, JPEG quality, camera.

    ``sharpness`` is the variance of the Laplacian. ``jpeg_quality`` runs from 1 to 100, NaN where it is no JPEG;
    ``camera`` is make and model by EXIF, "" where not said.
    """

    width_px: int
    height_px: int
    brightness: float
    contrast: float
    sharpness: float
    jpeg_quality: float
    camera: str


def captures(
    records: Sequence[Record], watch: Callable[[int, int], None] = lambda done, total: None
) -> list[Capture | None]:
    """How each picture was taken; None for one that cannot be read."""
    found = []
    with ThreadPoolExecutor(MEASURED_AT_ONCE) as pool:
        for index, one in enumerate(pool.map(capture, records)):
            found.append(one)
            watch(index + 1, len(records))
    return found


def capture(record: Record) -> Capture | None:
    """How one picture was taken; None where it cannot be read."""
    picture = record.picture
    try:
        if not isinstance(picture, Path | EmbeddedPicture):
            image = Image.fromarray(np.ascontiguousarray(record.decode().permute(1, 2, 0).numpy()))
            return _measured(image, image.size, float("nan"), "")
        data = picture.read_bytes() if isinstance(picture, Path) else picture.data
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            size, quality, camera = image.size, jpeg_quality(image), _camera(image)
            image.draft("L", (2 * SIDE_PX, 2 * SIDE_PX))
            return _measured(image, size, quality, camera)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def jpeg_quality(image: Image.Image) -> float:
    """The quality from 1 to 100 at which the reference encoder would have quantised a JPEG so; NaN for other files.

    Encoders that do not scale the standard's table, such as those of some cameras, get the quality that comes nearest.
    """
    tables = getattr(image, "quantization", None)
    if not tables:
        return float("nan")
    table = np.sort(np.asarray(tables[min(tables)], dtype=np.float64))
    # Sorted, as the order of the entries is told differently by different readers.
    errors = [np.abs(np.sort(scaled_luminance(quality)) - table).sum() for quality in range(1, 101)]
    return float(int(np.argmin(errors)) + 1)


def scaled_luminance(quality: int) -> Float[np.ndarray, "64"]:
    """The standard's luminance table as the reference encoder (Independent JPEG Group) scales it."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    return np.clip(np.floor((LUMINANCE * np.floor(scale) + 50) / 100), 1, 255)


def _camera(image: Image.Image) -> str:
    try:
        exif = image.getexif()
        words = (exif.get(ExifTags.Base.Make), exif.get(ExifTags.Base.Model))
    except Exception:
        # EXIF is an extra, and often broken: the picture is whole without it.
        return ""
    return " ".join(str(word).strip("\0 ") for word in words if word)


def _measured(image: Image.Image, size: tuple[int, int], quality: float, camera: str) -> Capture:
    scale = min(1.0, SIDE_PX / max(image.size))
    small = image.convert("RGB").convert("L").resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BOX
    )  # fmt: skip
    grey = np.asarray(small, dtype=np.float64)
    return Capture(
        width_px=size[0], height_px=size[1], brightness=float(grey.mean()), contrast=float(grey.std()),
        sharpness=_sharpness(grey), jpeg_quality=quality, camera=camera,
    )  # fmt: skip


def _sharpness(grey: Float[np.ndarray, "h w"]) -> float:
    """The variance of the Laplacian: how strongly neighbouring values differ."""
    if min(grey.shape) < 3:
        return float("nan")
    inner = grey[1:-1, 1:-1]
    return float((grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner).var())
