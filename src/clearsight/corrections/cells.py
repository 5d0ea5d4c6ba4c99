"""Cells of a table changed in place, CSV or Parquet, compressed or not: all other cells stay as they are."""

import codecs
import csv
import gzip
import io
from collections.abc import Collection, Mapping
from pathlib import Path

import polars
import zstandard

from clearsight.files import durable
from clearsight.sources.tables.compressed import content_of, kind_of
from clearsight.sources.tables.files import separator_of

New = Mapping[int, object]


def column(path: Path, name: str) -> list[object]:
    """The cells of a column in the order of the rows: lines without any cell are no rows."""
    if kind_of(path) == ".parquet":
        frame = polars.read_parquet(path, memory_map=False)
        return frame[_stored(frame, name)].to_list()
    lines = _lines(path)[0]
    index = [cell.strip() for cell in lines[0]].index(name)
    return [line[index] for line in lines[1:] if _is_row(line)]


def rewrite(path: Path, new: Mapping[str, New], dropped: Collection[int] = ()) -> None:
    """Give cells a new value, by column and by row from 0, and leave out rows; numbers and states as they are stored.

    The file is replaced in one step. Raises ValueError where it cannot be written.
    """
    if kind_of(path) == ".parquet":
        _rewrite_parquet(path, new, dropped)
        return
    lines, separator, end, mark = _lines(path)
    header = [cell.strip() for cell in lines[0]]
    row, kept = -1, [lines[0]]
    for line in lines[1:]:
        if not _is_row(line):
            kept.append(line)
            continue
        row += 1
        for name, cells in new.items():
            if row in cells:
                line[header.index(name)] = str(cells[row])
        if row not in dropped:
            kept.append(line)
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(kept)
    durable.write_bytes(path, _packed(path, mark + text.getvalue().encode("utf-8")))


def _rewrite_parquet(path: Path, new: Mapping[str, New], dropped: Collection[int]) -> None:
    frame = polars.read_parquet(path, memory_map=False)
    for name, cells in new.items():
        stored = _stored(frame, name)
        values = frame[stored].to_list()
        for row, value in cells.items():
            values[row] = value
        frame = frame.with_columns(polars.Series(stored, values, dtype=frame.schema[stored]))
    if dropped:
        gone = set(dropped)
        frame = frame.filter(polars.Series([row not in gone for row in range(frame.height)]))
    # What others wrote beside the columns, such as the names of numbered classes, is kept.
    said = {key: value for key, value in polars.read_parquet_metadata(path).items() if key != "ARROW:schema"}

    def write(unfinished: Path) -> None:
        frame.write_parquet(unfinished, metadata=said)

    durable.write_atomically(path, write)


def _stored(frame: polars.DataFrame, name: str) -> str:
    return next(column for column in frame.columns if column.strip() == name)


def _lines(path: Path) -> tuple[list[list[str]], str, str, bytes]:
    """The cells of every line, the separator, how lines end, and the byte-order mark where there is one."""
    content = content_of(path)
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8").lstrip("\r\n")
    first = text.split("\n", 1)[0]
    separator = separator_of(first, path)
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    return lines, separator, "\r\n" if first.endswith("\r") else "\n", mark


def _is_row(line: list[str]) -> bool:
    return any(cell.strip() for cell in line)


def _packed(path: Path, content: bytes) -> bytes:
    if path.suffix.lower() == ".gz":
        return gzip.compress(content)
    return zstandard.compress(content) if path.suffix.lower() == ".zst" else content
