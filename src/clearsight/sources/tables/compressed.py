"""Tables that may be compressed: which files are tables, and their bytes unpacked, never more than a bounded many."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from clearsight.sources.problems import DataError, shown

SUFFIXES = (".csv", ".tsv", ".parquet")
# Parquet is compressed within.
COMPRESSED = {".gz": "gzip", ".zst": "Zstandard"}
# A few kilobytes may unpack to terabytes; tables of this many bytes of text would not fit into memory as columns.
UNPACKED_AT_MOST = 1_000_000_000
PART = 1 << 20


def kind_of(path: Path) -> str:
    """ ".csv", ".tsv" or ".parquet" where a file's name is that of a table, compressed or not; "" where it is not."""
    name = path.name.lower()
    packed = next((ending for ending in COMPRESSED if name.endswith(ending)), "")
    kind = Path(name.removesuffix(packed)).suffix
    return kind if kind in SUFFIXES and not (packed and kind == ".parquet") else ""


def stem_of(path: Path) -> str:
    """The name of a table's file without the endings that say how it is stored: "train" of ``train.csv.gz``."""
    kind = kind_of(path)
    return path.name[: path.name.lower().rindex(kind)] if kind else path.stem


def content_of(path: Path) -> bytes:
    """The unpacked bytes of a table of text; raises DataError where they are too many or cannot be unpacked."""
    ending = path.suffix.lower()
    if ending not in COMPRESSED:
        return path.read_bytes()
    size = 0
    for part in _parts(path):  # counted before any of it is kept
        size += len(part)
        if size > UNPACKED_AT_MOST:
            raise DataError(
                f"{shown(path)} ({path.stat().st_size:,} bytes) unpacks to more than {UNPACKED_AT_MOST:,} bytes. "
                "Expected a table that fits into memory. If it is sound, unpack it, and keep the columns you need."
            )
    return b"".join(_parts(path))


def beginning_of(path: Path, size: int = PART) -> bytes:
    """The first unpacked bytes, at most ``size``; raises DataError where they cannot be unpacked."""
    if path.suffix.lower() not in COMPRESSED:
        with open(path, "rb") as file:
            return file.read(size)
    content = b""
    for part in _parts(path):
        content += part
        if len(content) >= size:
            break
    return content[:size]


def _parts(path: Path) -> Iterator[bytes]:
    """The unpacked bytes, a part at a time; raises DataError where the file is damaged or ends too early."""
    ending = path.suffix.lower()
    try:
        yield from (_of_gzip if ending == ".gz" else _of_zstandard)(path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{shown(path)} cannot be unpacked: {shown(error)}. Expected a whole file of {COMPRESSED[ending]}. "
            "Get it again, or unpack it with another program."
        ) from error


def _of_gzip(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        while part := file.read(PART):
            yield part


def _of_zstandard(path: Path) -> Iterator[bytes]:
    """As gzip's, which raises EOFError where a file ends within a frame; several frames may follow each other."""
    import zstandard  # imported here: only such files need it

    with open(path, "rb") as file:
        frame = None
        # Four bytes may unpack to 128 kB, so little is taken at a time.
        while taken := file.read(1024):
            while taken:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                try:
                    yield frame.decompress(taken)
                except zstandard.ZstdError as error:
                    raise zlib.error(str(error)) from error
                taken = frame.unused_data if frame.eof else b""
                frame = None if frame.eof else frame
        if frame is not None:
            raise EOFError("the file ends within a frame")
