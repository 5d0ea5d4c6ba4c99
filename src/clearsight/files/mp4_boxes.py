"""An MP4 file as boxes (ISO/IEC 14496-12): which there are, and what a box for metadata says.

XMP stands in a box of type "uuid" at the level of the file, under an identifier of its own (XMP specification, part 3).
Put at the end, it moves nothing that the file points at, and players pass over it. Only the headers of boxes are read,
so that a file of any size takes no memory.
"""

import os
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

XMP = uuid.UUID("BE7ACFCB-97A9-42E8-9C71-999491E3AFAC").bytes
PACKET_BYTES = 2**20  # no packet of ours comes near it; one that is larger is not read
BOXES = 1_000_000  # a film in fragments of a second has some thousand an hour
_HEADER, _LARGE, _IDENTIFIER = 8, 16, 16


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box at the level of the file: its type, where its content begins and where it ends, in bytes.

    ``open`` is one without a stated length: whatever is put behind it would be its content.
    """

    kind: bytes
    start: int
    end: int
    open: bool = False


def boxes(file: BinaryIO) -> Iterator[Box]:
    """The boxes of a file in their order.

    Raises ValueError where a box ends beyond the file, or is shorter than its own header.
    """
    whole, place, count = file.seek(0, os.SEEK_END), 0, 0
    while place < whole:
        count += 1
        file.seek(place)
        header = file.read(_HEADER)
        size, kind, content = 0, b"", place + _HEADER
        if len(header) == _HEADER:
            size, kind = struct.unpack(">I4s", header)
        open_ended = size == 0 and bool(kind)
        if size == 1:
            large, content = file.read(8), place + _LARGE
            size = struct.unpack(">Q", large)[0] if len(large) == 8 else 0
        end = whole if open_ended else place + size
        if end < content or end > whole or not kind or count > BOXES:
            raise ValueError(
                f"it is cut off or damaged: a part at byte {place:,} of {whole:,} does not end within the file. "
                "Expected a whole MP4 file."
            )
        yield Box(kind=kind, start=content, end=end, open=open_ended)
        place = end


def is_mp4(beginning: bytes) -> bool:
    """Whether a file that begins with these 12 bytes or more is one of this family."""
    return beginning[4:8] == b"ftyp"


def xmp_of(file: BinaryIO) -> bytes:
    """The XMP packet of a file; b"" where it has none. Raises ValueError where the file is damaged before it."""
    for box in boxes(file):
        if box.kind != b"uuid" or box.end - box.start < _IDENTIFIER:
            continue
        file.seek(box.start)
        if file.read(_IDENTIFIER) == XMP and box.end - box.start - _IDENTIFIER <= PACKET_BYTES:
            return file.read(box.end - box.start - _IDENTIFIER)
    return b""


def append_xmp(path: Path, packet: bytes) -> None:
    """Put an XMP packet at the end of an MP4 file that nobody reads yet; where that fails, the file is as it was.

    Raises ValueError where the file is no whole MP4, has a packet already, or ends in a part without a length; OSError
    where it cannot be written.
    """
    box = struct.pack(">I4s", _HEADER + _IDENTIFIER + len(packet), b"uuid") + XMP + packet
    with path.open("r+b") as file:
        if not is_mp4(file.read(12)):
            raise ValueError(f"{path.name} is no MP4 file. Expected one: only there does a film keep XMP of ours.")
        try:
            found = list(boxes(file))
            former = xmp_of(file)
        except ValueError as error:
            raise ValueError(f"{path.name} cannot be marked as generated: {error}") from error
        if former or found[-1].open or not any(one.kind == b"moov" for one in found):
            why = "it has XMP already" if former else "nothing can be put behind its last part, or it has no index"
            raise ValueError(
                f"{path.name} cannot be marked as generated: {why}. Expected a film that was just written."
            )
        end = file.seek(0, os.SEEK_END)
        try:
            file.write(box)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise
