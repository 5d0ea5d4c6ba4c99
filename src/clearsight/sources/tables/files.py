"""Rows and columns from a file or from scikit-learn's own sets: a frame of strings or numbers, as they are.

CSV with a header line (separated by commas, semicolons or tabs, in UTF-8 with or without a byte-order mark), also
compressed (``.csv.gz``, ``.csv.zst``), Parquet of plain columns, and ``sklearn:iris``, which needs no network.
"""

import codecs
import csv
import io
import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import polars

from clearsight.sources.problems import DataError, listed, shown
from clearsight.sources.tables.compressed import beginning_of, content_of, kind_of

PREFIX = "sklearn:"
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
# The loaders of scikit-learn that come with their data, and what each set's target is called.
TARGETS = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
    "digits": "digit",
}
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
FIRST_ROWS = 20


def looks_like_table(data: str | Path) -> bool:
    """Whether ``data`` names a table rather than pictures: ``sklearn:NAME``, or a CSV or Parquet file without pictures.

    Only the first rows are read. A file that is not there is judged by its ending.
    """
    if str(data).startswith(PREFIX):
        return True
    path = Path(data)
    if not kind_of(path) or path.is_dir():
        return False
    if not path.is_file():
        return True
    try:
        return not (_parquet_shows_pictures(path) if kind_of(path) == ".parquet" else _csv_names_pictures(path))
    except (polars.exceptions.PolarsError, OSError, ValueError):
        return True  # its errors are reported when it is read


def _parquet_shows_pictures(path: Path) -> bool:
    schema = polars.read_parquet_schema(path)
    if any(kind == polars.Binary or isinstance(kind, polars.Struct) for kind in schema.values()):
        return True
    words = [name for name, kind in schema.items() if kind == polars.String]
    head = polars.scan_parquet(path).select(words).head(FIRST_ROWS).collect() if words else polars.DataFrame()
    return any(_is_picture(cell) for column in head.iter_columns() for cell in column)


def _csv_names_pictures(path: Path) -> bool:
    text = beginning_of(path).decode("utf-8-sig", errors="replace")
    lines = list(itertools.islice(io.StringIO(text, newline=""), FIRST_ROWS))
    rows = csv.reader(lines, delimiter=separator_of(lines[0] if lines else "", path))
    return any(_is_picture(cell) for row in itertools.islice(rows, 1, None) for cell in row)


def _is_picture(cell: object) -> bool:
    return isinstance(cell, str) and cell.strip().lower().endswith(PICTURE_ENDINGS)


def read_frame(data: str | Path) -> tuple[polars.DataFrame, str | None]:
    """The columns as they are, and the target where the set itself has one; raises DataError if it is unreadable."""
    if str(data).startswith(PREFIX):
        return _of_sklearn(str(data).removeprefix(PREFIX))
    path = Path(data)
    if path.is_dir():
        raise DataError(f"{shown(path)} is a folder. Expected one CSV or Parquet file. Name the file in it.")
    if not path.is_file():
        raise DataError(f"there is no table {shown(path)}. Expected a CSV or Parquet file, or sklearn:iris.")
    try:
        frame = _of_parquet(path) if kind_of(path) == ".parquet" else _of_csv(path)
    except DataError:
        raise
    except UnicodeError as error:
        raise DataError(
            f"{shown(path)} is no text in UTF-8. Expected CSV with a header line (or .csv.gz, .csv.zst), or Parquet. "
            "Save the table again in one of these."
        ) from error
    except (polars.exceptions.PolarsError, OSError, csv.Error) as error:
        raise DataError(
            f"{shown(path)} cannot be read as a table: {shown(str(error).splitlines()[0] if str(error) else error)}. "
            "Expected UTF-8 CSV with a header line (or .csv.gz, .csv.zst), or Parquet. Save it again in one of these."
        ) from error
    if not frame.height:
        raise DataError(
            f"{shown(path)} has a header line and no rows. Expected one line for each row under it. Check the file."
        )
    return frame, None


def _are_even(content: bytes, separator: str, cells: int) -> bool:
    """Whether every line surely has so many cells; where text is quoted only reading the lines tells."""
    if b'"' in content or content.count(b"\r") != content.count(b"\r\n"):
        return False
    symbols = np.frombuffer(content, dtype=np.uint8)
    ends = np.append(np.flatnonzero(symbols == ord("\n")), len(symbols))
    separators = np.searchsorted(np.flatnonzero(symbols == ord(separator)), ends)
    counts, lengths = np.diff(separators, prepend=0), np.diff(ends, prepend=-1) - 1
    return bool(((counts == cells - 1) | (lengths == 0)).all())


def _of_csv(path: Path) -> polars.DataFrame:
    # Bytes throughout: a table as text in memory takes up to four times as much.
    content = content_of(path).removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
    if not content.strip():
        raise DataError(f"{shown(path)} is empty. Expected a header line and one row per line. Check the file.")
    separator = separator_of(content.split(b"\n", 1)[0].decode("utf-8"), path)
    rows = csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline=""), delimiter=separator)
    header = [name.strip() for name in next(rows)]
    _check_names(header, path)
    ragged = (
        []
        if _are_even(content, separator, len(header))
        else [f"line {rows.line_num}: {len(row)} cells" for row in rows if row and len(row) != len(header)]
    )  # polars would pad short lines silently
    if ragged:
        raise DataError(
            f"{len(ragged)} lines of {shown(path)} do not have {len(header)} cells, as the header line has "
            f"(separated by {SEPARATORS[separator]}):\n{listed(ragged)}\n"
            'Expected one cell for each column. Correct these lines; text that holds a separator stands in "quotes".'
        )
    frame = polars.read_csv(io.BytesIO(content), separator=separator, infer_schema=False).fill_null("")
    frame.columns = header
    if separator == ";":
        frame = _decimal_points(frame)
    return frame.filter(~polars.all_horizontal(polars.all().str.strip_chars() == ""))


def _decimal_points(frame: polars.DataFrame) -> polars.DataFrame:
    """Columns of numbers with decimal commas, as such files write them, with points."""
    shape = r"^\s*[+-]?\d*(,\d+)?\s*$"
    fits = frame.select(polars.all().str.contains(shape).all())
    names = [name for name in frame.columns if fits[name][0]]
    return frame.with_columns(polars.col(names).str.replace(",", ".", literal=True))


def _of_parquet(path: Path) -> polars.DataFrame:
    frame = polars.read_parquet(path, memory_map=False)
    frame.columns = [name.strip() for name in frame.columns]
    _check_names(frame.columns, path)
    return frame


def _check_names(names: list[str], path: Path) -> None:
    double = [shown(name) for name, count in Counter(names).items() if count > 1 and name]
    if double:
        raise DataError(
            f"{shown(path)} has more than one column named {', '.join(double)}. Expected a name of its own for each. "
            "Correct the header line."
        )
    if names.count("") > 1 or (names and names[0] and "" in names):
        raise DataError(
            f"{shown(path)} has a column without a name (number {names.index('') + 1}). Expected a name for each. "
            "Correct the header line."
        )


def separator_of(header: str, path: Path) -> str:
    """The separator that the header line holds most of, outside quotes."""
    if kind_of(path) == ".tsv":
        return "\t"
    outside = "".join(header.split('"')[::2])
    return max(SEPARATORS, key=outside.count)


def _of_sklearn(name: str) -> tuple[polars.DataFrame, str]:
    from sklearn import datasets

    if name not in TARGETS:
        raise DataError(f"scikit-learn brings no set named {shown(name)!r}. Choose one of: {', '.join(TARGETS)}.")
    found = getattr(datasets, f"load_{name}")()
    names = [str(column) for column in found.feature_names]
    frame = polars.DataFrame({column: found.data[:, index] for index, column in enumerate(names)})
    classes = [str(word) for word in getattr(found, "target_names", ())]
    target = [classes[number] for number in found.target] if classes else found.target
    return frame.with_columns(polars.Series(TARGETS[name], target)), TARGETS[name]
