"""What a picture or a film says of how it came about: made by a model or not, by which run, from which file.

It is read from XMP (PNG, JPEG, MP4), and where there is none from the text that files of ours hold besides. Whoever has
the file can change or remove it: a file that says nothing may still be made by a model. A signed C2PA manifest is for
the readers of that standard.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from clearsight.files import mp4_boxes, xmp
from clearsight.files.credentials import CODES

MADE = tuple(CODES + word for word in ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"))
PICTURES = ("PNG", "JPEG", "GIF")
TEXT_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class StatedOrigin:
    """What a file says of itself: whether a model made it, IPTC's code (``code``), and all that is known (``about``).

    ``about`` has the keys that the package writes, such as "run", "model", "made_from" and "weights"; it is empty, and
    the code "", where the file does not say them.
    """

    file: str
    generated: bool
    code: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)


def stated_origin(path: Path) -> StatedOrigin:
    """What a PNG, JPEG, GIF or MP4 file says of itself.

    Raises ValueError where there is no such file, it is of another kind, or it is damaged.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(12)
            film = mp4_boxes.is_mp4(beginning)
            packet, text = (mp4_boxes.xmp_of(file), "") if film else _of_picture(path)
        code, about = xmp.read(packet) if packet else ("", {})
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}.") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    about = about or xmp.json_of(text[text.find("{") :])
    return StatedOrigin(
        file=str(path), generated=code in MADE or about.get("generated") is True, code=code, about=about
    )


def _of_picture(path: Path) -> tuple[bytes, str]:
    """The XMP packet of a picture, and the text beside it; nothing of it is decoded."""
    try:
        with Image.open(path, formats=PICTURES) as picture:
            info = picture.info
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            "it is no PNG, JPEG, GIF or MP4 file, or a damaged one. Expected one of these: where files of other kinds "
            "say such things is not known here."
        ) from error
    packet = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    text = info.get("clearsight:generated") or info.get("comment") or ""
    packet, text = (one.encode() if isinstance(one, str) else bytes(one) for one in (packet, text))
    return packet[:TEXT_BYTES], text[:TEXT_BYTES].decode("utf-8", "replace")
