"""Example pictures of a run folder as data URIs, so that the page needs no other file."""

import base64
from dataclasses import dataclass
from pathlib import Path

from clearsight.types import Example

MOST_BYTES = 8_000_000
_KINDS = {
    "made": "Generated pictures", "restored": "Restored pictures: imagined, not recovered",
    "copied": "Nearest to a training picture",
    "best": "Best", "typical": "Typical", "worst": "Worst",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A picture of the page: its data URI, or None and a sentence that says why it is not there."""

    caption: str
    source: str | None
    trouble: str = ""


def shown(example: Example, folder: Path) -> Shown:
    """The example with its picture embedded.

    Only PNG, JPEG, WebP and GIF files inside the run folder are read, up to 8 MB.
    """
    try:
        place = (folder / example.path).resolve()
        if not place.is_relative_to(folder.resolve()):
            return Shown(caption=example.caption, source=None, trouble="Its file lies outside the run folder.")
        if place.stat().st_size > MOST_BYTES:
            return Shown(
                caption=example.caption, source=None, trouble="Its file is larger than 8 MB, so it is left out."
            )
        data = place.read_bytes()
    except (OSError, ValueError):
        return Shown(caption=example.caption, source=None, trouble="Its file is no longer in the run folder.")
    kind = _media_type(data)
    if kind is None:
        return Shown(caption=example.caption, source=None, trouble="Its file is not a PNG, JPEG, WebP or GIF picture.")
    return Shown(caption=example.caption, source=f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}")


def _media_type(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return "image/gif" if data[:6] in (b"GIF87a", b"GIF89a") else None


def grids(examples: tuple[Example, ...], folder: Path) -> list[tuple[str, list[Shown]]]:
    """The examples by kind, best first, each kind in the order of the card."""
    found = [(title, [shown(e, folder) for e in examples if e.kind == kind]) for kind, title in _KINDS.items()]
    return [(title, pictures) for title, pictures in found if pictures]


def by_subject(examples: tuple[Example, ...], folder: Path, kind: str, otherwise: str) -> list[tuple[str, list[Shown]]]:
    """The pictures of one kind by what they have in common, in the order of the card."""
    mine = [example for example in examples if example.kind == kind]
    titles = dict.fromkeys(example.about for example in mine)
    return [(title or otherwise, [shown(e, folder) for e in mine if e.about == title]) for title in titles]
