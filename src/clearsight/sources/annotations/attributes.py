"""The sidecar table of attributes of each picture: ``attributes.csv`` (``.csv.gz``, ``.csv.zst``) or ``.parquet``.

A column ``id`` (the picture's id, file stem or file name), one column per attribute, and ``cluster`` where pictures
belong together (one patient, one video). Everything is read as strings; empty cells are "unknown".
"""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars

from clearsight.sources.annotations.layout import Draft
from clearsight.sources.problems import DataError, listed, shown
from clearsight.sources.samples.records import Record
from clearsight.sources.tables.bins import numbers_of, round_bins
from clearsight.sources.tables.compressed import content_of, kind_of
from clearsight.types import UNKNOWN

NAMES = ("attributes.csv", "attributes.csv.gz", "attributes.csv.zst", "attributes.parquet")


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """The groups and clusters of pictures by draft id, and the attributes' names."""

    names: tuple[str, ...] = ()
    groups: dict[str, dict[str, str]] = field(default_factory=dict)
    clusters: dict[str, str] = field(default_factory=dict)
    missing: int = 0

    def of(self, id: str) -> dict[str, str]:
        """The groups of one picture, "unknown" where it is not in the table."""
        return self.groups.get(id) or dict.fromkeys(self.names, UNKNOWN)


def beside(folder: Path) -> Path | None:
    """The table lying in the folder, if any; raises DataError where there are two."""
    found = [folder / name for name in NAMES if (folder / name).is_file()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise DataError(f"{shown(folder)} holds both {names}. Expected one. Name it with --attributes.")
    return found[0] if found else None


def read(path: Path, drafts: list[Draft]) -> Attributes:
    """The table matched with the pictures; raises DataError for ids that are unknown, double or ambiguous."""
    table = _table(path)
    names = tuple(name for name in table.columns if name not in ("id", "cluster"))
    keys = _keys(drafts)
    unknown, ambiguous = [], []
    rows: dict[str, list[dict[str, str | None]]] = {}
    for row in table.iter_rows(named=True):
        matches = keys.get(row["id"], [])
        if len(matches) == 1:
            rows.setdefault(matches[0], []).append(row)
        elif matches:
            ambiguous.append(f"{shown(row['id'])}: {', '.join(shown(id) for id in matches[:4])}")
        else:
            unknown.append(shown(row["id"]))
    double = [shown(id) for id, found in rows.items() if len(found) > 1]
    _refuse(path, "name no picture", unknown, "Remove these rows, or correct the ids")
    _refuse(path, "fit several pictures", ambiguous, "Write the id with its folder or ending")
    _refuse(path, "occur more than once", double, "Keep one row for each picture")
    return Attributes(
        names=names,
        groups={id: {name: _word(found[0][name]) for name in names} for id, found in rows.items()},
        clusters={id: (found[0].get("cluster") or "").strip() for id, found in rows.items()},
        missing=len(drafts) - len(rows),
    )


def in_bins(records: list[Record], names: Sequence[str]) -> list[Record]:
    """The records with attributes of many numbers in bins with round limits, those among ``names``."""
    binned: dict[str, list[str]] = {}
    for name in names:
        numbers = numbers_of(polars.Series([record.groups.get(name, UNKNOWN) for record in records]))
        if numbers is not None:
            values, code = round_bins(numbers)
            binned[name] = [values[place] if place >= 0 else UNKNOWN for place in code.tolist()]
    if not binned:
        return records
    rows = zip(*binned.values(), strict=True)
    return [
        replace(record, groups={**record.groups, **dict(zip(binned, row, strict=True))})
        for record, row in zip(records, rows, strict=True)
    ]


def _table(path: Path) -> polars.DataFrame:
    if not path.is_file():
        raise DataError(
            f"there is no table {shown(path)}. Expected a CSV or Parquet file with a column id. "
            "Correct the path given as --attributes."
        )
    try:
        if kind_of(path) == ".parquet":
            table = polars.read_parquet(path, memory_map=False).cast(polars.String)
        else:
            separator = "\t" if kind_of(path) == ".tsv" else ","
            table = polars.read_csv(io.BytesIO(content_of(path)), infer_schema=False, separator=separator)
    except DataError:
        raise
    except (polars.exceptions.PolarsError, OSError, ValueError, UnicodeError) as error:
        raise DataError(
            f"{shown(path)} cannot be read as a table: {shown(error)}. Expected UTF-8 CSV with a header line, or "
            "Parquet of plain columns. Save it again in one of these."
        ) from error
    columns = [name.strip() for name in table.columns]
    double = [name for name, count in Counter(columns).items() if count > 1]
    # polars renames the second of two equal columns instead of refusing it.
    double += [name for name in columns if "_duplicated_" in name]
    if "id" not in columns or double or "" in columns:
        raise DataError(
            f"{shown(path)} has the columns {', '.join(repr(shown(name)) for name in columns[:20])}. "
            "Expected one named id, and a name of its own for every other. Correct the header line."
        )
    table.columns = columns
    return table.with_columns(polars.col("id").fill_null("").str.strip_chars())


def _keys(drafts: list[Draft]) -> dict[str, list[str]]:
    """Every way a table may name a picture -> the ids of the pictures so named."""
    keys: dict[str, list[str]] = {}
    for draft in drafts:
        for key in {draft.id, draft.id.rpartition("/")[2], draft.picture.name, draft.picture.stem}:
            keys.setdefault(key, []).append(draft.id)
    # A full id is never ambiguous, even where it is also the stem of another picture.
    return {**keys, **{draft.id: [draft.id] for draft in drafts}}


def _word(cell: str | None) -> str:
    return (cell or "").strip() or UNKNOWN


def _refuse(path: Path, fault: str, ids: list[str], fix: str) -> None:
    if ids:
        raise DataError(
            f"{len(ids)} id{'s' * (len(ids) > 1)} of {shown(path)} {fault}:\n{listed(ids)}\n"
            f"Expected one row for each picture, by its file name with or without ending. {fix}."
        )
