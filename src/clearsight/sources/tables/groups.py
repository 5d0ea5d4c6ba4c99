"""The metadata of a table's rows: groups, clusters, splits and ids."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars
from jaxtyping import Float, Int

from clearsight.sources.problems import DataError, Problems, listed, shown
from clearsight.sources.tables.columns import Cells, read_cells
from clearsight.sources.tables.files import read_frame
from clearsight.types import UNKNOWN

SPLITS = ("train", "val", "test")
MAX_GROUPS = 20
MAX_VALUES = 10


def asked_for(frame: polars.DataFrame, by: Sequence[str], inputs: Mapping[str, Cells]) -> dict[str, Cells]:
    """Columns to compare groups by that are not inputs."""
    found = {name: read_cells(frame[name], Problems()) for name in by if name in frame.columns and name not in inputs}
    return {name: cells for name, cells in found.items() if cells is not None}


def groups_of(cells: Mapping[str, Cells], by: Sequence[str]) -> dict[str, np.ndarray]:
    """The attributes: every categorical column of few levels, and those asked for."""
    groups = {}
    for name, one in cells.items():
        distinct = len(set(one.as_words()))
        if name in by and one.kind == "number" and distinct > MAX_VALUES:
            groups[name] = _thirds(one.numbers)
        elif name in by or (one.kind == "category" and 2 <= distinct <= MAX_GROUPS):
            groups[name] = np.array([word or UNKNOWN for word in one.as_words()])
    return groups


def _thirds(numbers: Float[np.ndarray, "rows"]) -> np.ndarray:
    low, high = np.nanquantile(numbers, [1 / 3, 2 / 3])
    words = np.where(numbers <= low, f"up to {low:.4g}", f"{low:.4g} to {high:.4g}")
    words = np.where(numbers > high, f"above {high:.4g}", words)
    return np.where(np.isnan(numbers), UNKNOWN, words)


def ids_of(frame: polars.DataFrame, rows: Sequence[int]) -> tuple[str, ...]:
    """The column ``id`` where it is unique, else the rows' numbers from 1."""
    if "id" in frame.columns:
        words = frame["id"].cast(polars.String).fill_null("").to_list()
        if len(set(words)) == len(words):
            return tuple(words)
    return tuple(str(row) for row in rows)


def clusters_of(frame: polars.DataFrame) -> Int[np.ndarray, "rows"]:
    """One integer per row, equal where the column ``cluster`` is; every row alone where there is none."""
    if "cluster" not in frame.columns:
        return np.arange(frame.height, dtype=np.int64)
    words = frame["cluster"].cast(polars.String).fill_null("").to_list()
    names = [f"named {word}" if word else f"alone {row}" for row, word in enumerate(words)]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def split_of(frame: polars.DataFrame, name: str) -> np.ndarray | None:
    """The column ``split``, if any: "train", "val" or "test" for each row. Raises DataError for other words."""
    if "split" not in frame.columns:
        return None
    words = np.array(frame["split"].cast(polars.String).fill_null("").str.strip_chars().str.to_lowercase().to_list())
    unknown = sorted(set(words) - set(SPLITS))
    if unknown or "train" not in words:
        found = ", ".join(repr(shown(word, 30)) for word in sorted(set(words))[:10])
        raise DataError(
            f"the column split of {shown(name)} holds {found}. Expected train, val or test in each row, and some of "
            "train. Correct it, or give the column another name."
        )
    return words


def attributes_beside(
    path: str | Path, ids: Sequence[str], by: Sequence[str], groups: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The attributes of another table, matched by its column ``id``; "unknown" for rows it does not name.

    Raises DataError where it has no such column, names rows twice, or names rows that are not there.
    """
    frame, _ = read_frame(path)
    if "id" not in frame.columns:
        raise DataError(f"{shown(path)} has no column id. Expected one, to match its rows with the table's. Add it.")
    named = frame["id"].cast(polars.String).fill_null("").str.strip_chars().to_list()
    known = set(ids)
    unknown = [shown(id) for id in named if id not in known]
    double = sorted(shown(id) for id, count in Counter(named).items() if count > 1)
    for fault, found in (("name no row of the table", unknown), ("occur more than once", double)):
        if found:
            raise DataError(f"{len(found)} ids of {shown(path)} {fault}:\n{listed(found)}\nCorrect these ids.")
    missing = [name for name in by if name not in frame.columns and name not in groups]
    if missing:
        raise DataError(f"neither table has a column {shown(missing[0])!r}, which --by asks for. Correct the name.")
    rows = {id: row for row, id in enumerate(named)}
    values: dict[str, np.ndarray] = {}
    for name in frame.columns:
        cells = None if name in ("id", "cluster") else read_cells(frame[name], Problems())
        if cells is not None:
            words = cells.as_words()
            values[name] = np.array([(words[rows[id]] if id in rows else "") or UNKNOWN for id in ids])
    return values
