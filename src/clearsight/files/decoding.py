"""Picture files to ``uint8`` RGB arrays ``h w 3``, whatever their colour mode; checked from the header first.

EXIF rotation is applied, so sizes and boxes are those of the picture as it is seen. Transparent pixels are composited
on white. 16-bit grey is scaled linearly to 8 bits; floating-point pictures and wider integers have no defined range and
are refused. Colour profiles are ignored. Of an animation the first frame is taken. Nothing here needs torch.
"""

import datetime
import io
import os
import stat
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image

Size = tuple[int, int]

PIXEL_LIMIT = 178_956_970
BYTE_LIMIT = 2 * 1024**3
SCAN_LIMIT = 200  # of a JPEG: progressive ones have about ten, and every scan goes over all pixels again
EXIF_WITHIN = 4096
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".jp2"}
)

MISSING = "picture missing"
NOT_A_PICTURE = "not a picture"
BROKEN = "picture truncated or broken"
BOMB = "picture too large (a decompression bomb?)"
NO_RANGE = "picture without a defined range of values"

# Only formats decoded inside the process: Pillow opens EPS, for one, by starting another program.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "JPEG2000")

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PictureError(ValueError):
    """A picture that cannot be used; ``kind`` is the kind of problem in plain words."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind} ({detail})" if detail else kind)
        self.kind = kind
        self.detail = detail


def content(picture: Path | bytes) -> bytes:
    """The bytes of a picture file; raises PictureError where there is no regular file of a sane length."""
    if isinstance(picture, bytes):
        return picture
    try:
        status = os.stat(picture)
        # A named pipe or a device would block or never end.
        if not stat.S_ISREG(status.st_mode):
            raise PictureError(NOT_A_PICTURE, "not a regular file")
        if status.st_size > BYTE_LIMIT:
            raise PictureError(BOMB, f"a file of {status.st_size / 1e9:.1f} GB")
        return picture.read_bytes()
    except FileNotFoundError as error:
        raise PictureError(MISSING) from error
    except OSError as error:
        raise PictureError("picture unreadable", error.strerror or "") from error


def measured(picture: bytes, pixels: int = PIXEL_LIMIT) -> tuple[Size, bool]:
    """The stored size of a picture, and whether it is an animation, from its header: nothing is decoded.

    Raises PictureError for what is no picture, and for one of more than so many ``pixels``.
    """
    image = _opened(picture, pixels)
    try:
        return (image.height, image.width), bool(getattr(image, "is_animated", False))
    except Exception as error:
        raise PictureError(BROKEN, str(error)) from error


def decode(picture: Path | bytes, size_px: int | None = None, pixels: int = PIXEL_LIMIT) -> UInt8[np.ndarray, "h w 3"]:
    """The picture as RGB, its longer side ``size_px`` where given (aspect kept, antialiased).

    Raises PictureError, a ValueError, for anything that is not a whole picture of at most ``pixels``, 178 million.
    """
    data = content(picture)
    image = _opened(data, pixels)
    try:
        if size_px is not None:
            # JPEG can be decoded at 1/2, 1/4 or 1/8; Pillow picks the smallest that is still large enough.
            height, width = resized((image.height, image.width), size_px)
            image.draft(None, (width, height))
            stored = (height, width)
        image.load()
        turn = TURNS.get(_orientation(image))
        image = _rgb(image)
        if size_px is not None:
            image = shrunk(image, stored)
        if turn is not None:
            image = image.transpose(turn)
    except PictureError:
        raise
    except MemoryError:
        raise
    except Exception as error:
        # Pillow's decoders raise many types on broken files (OSError, SyntaxError, struct.error, zlib.error, ...).
        raise PictureError(BROKEN, str(error)) from error
    return _pixels(image)


def _pixels(image: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    """The pixels, copied a strip at a time: at once, Pillow holds a large picture three times."""
    pixels = np.empty((image.height, image.width, 3), dtype=np.uint8)
    rows = max(1, 2**22 // image.width)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels


def probe(picture: Path | bytes) -> tuple[Size | None, PictureError | None]:
    """The size of a picture after EXIF rotation, and what is wrong with it, mostly from its header and its end.

    JPEG and PNG are not decoded: their end marker is looked for. Other formats, and files without that marker, are.
    """
    try:
        data = content(picture)
        image = _opened(data)
        try:
            if image.format not in ("JPEG", "MPO", "PNG") or not _has_end(data, image.format):
                image.load()
            turned = _may_be_turned(data, image) and _orientation(image) >= 5
        except MemoryError:
            raise
        except Exception as error:
            raise PictureError(BROKEN, str(error)) from error
        _check_mode(image)
    except PictureError as error:
        return None, error
    return ((image.width, image.height) if turned else (image.height, image.width)), None


def captured(data: bytes) -> tuple[str, float] | None:
    """The camera (make, model, serial number) and the second a picture was taken, by its EXIF; None where not said."""
    if b"Exif\0\0" not in data[:EXIF_WITHIN]:
        return None
    try:
        exif = _opened(data).getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        taken = datetime.datetime.strptime(str(details[ExifTags.Base.DateTimeOriginal]), "%Y:%m:%d %H:%M:%S")
        part = str(details.get(ExifTags.Base.SubsecTimeOriginal, "")).strip("\0 ")
    except Exception:
        # What cameras write of a picture is an extra, and often broken: the picture is whole without it.
        return None
    words = (exif.get(ExifTags.Base.Make), exif.get(ExifTags.Base.Model), details.get(ExifTags.Base.BodySerialNumber))
    second = taken.replace(tzinfo=datetime.UTC).timestamp() + (float(f"0.{part}") if part.isdigit() else 0.0)
    return " ".join(str(word).strip("\0 ") for word in words if word), second


def resized(size: Size, size_px: int) -> Size:
    """The size a picture has when its longer side is ``size_px`` px; no side is shorter than 1 px."""
    scale = size_px / max(size)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


def _opened(data: bytes, pixels: int = PIXEL_LIMIT) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(BOMB, str(error)) from error
    except Exception as error:
        # An unknown format, or a header too broken to read: either way nothing here can be decoded.
        raise PictureError(NOT_A_PICTURE, "empty file" if not data else "") from error
    if image.width * image.height > pixels:
        raise PictureError(BOMB, f"{image.width} x {image.height} pixels")
    if image.format in ("JPEG", "MPO") and (scans := data.count(b"\xff\xda")) > SCAN_LIMIT:
        raise PictureError(BOMB, f"a JPEG of {scans} scans")
    return image


def _has_end(data: bytes, format: str) -> bool:
    # Some cameras append a few bytes after the end marker.
    return (b"IEND" if format == "PNG" else b"\xff\xd9") in data[-4096:]


def _may_be_turned(data: bytes, image: Image.Image) -> bool:
    # Asked for the orientation of a PNG, Pillow decodes it, as it may stand behind the pixels. Few PNGs have one.
    return image.format != "PNG" or any(mark in data for mark in (b"eXIf", b"com.adobe.xmp", b"Raw profile"))


def _orientation(image: Image.Image) -> int:
    return cast(int, image.getexif().get(ExifTags.Base.Orientation, 1)) or 1


def _check_mode(image: Image.Image) -> None:
    if image.mode == "F":
        raise PictureError(NO_RANGE, "floating point; save it with 8 or 16 bits")


def _rgb(image: Image.Image) -> Image.Image:
    _check_mode(image)
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise PictureError(NO_RANGE, "more than 16 bits; save it with 8 or 16 bits")
        return Image.fromarray(((values + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(white, seen).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def shrunk(image: Image.Image, size: Size) -> Image.Image:
    """The picture resized to ``size`` (height, width): bilinear, antialiased where it shrinks."""
    if (image.height, image.width) == size:
        return image
    return image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
