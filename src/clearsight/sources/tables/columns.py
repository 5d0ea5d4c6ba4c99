"""What a column of a table holds: numbers or categories, and what of it is missing or out of place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars
from jaxtyping import Bool, Float

from clearsight.sources.problems import Problems, shown

Kind = Literal["number", "category"]

# Spellings of a missing value, in lower case.
NOTHING = ("", "na", "n/a", "nan", "null")
NO_NUMBER = (*NOTHING, "none", "nil", "?", "-", ".", "missing", "unknown")
# From this share of numbers on, a column is numeric and its other cells are faults; below it, it is categorical.
NUMERIC_SHARE = 0.8
MAX_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class Column:
    """An input column: its levels where it is categorical, its minimum and maximum (``least``, ``most``) else."""

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    least: float = float("nan")
    most: float = float("nan")

    def codes(self, cells: "Cells") -> Float[np.ndarray, "rows"]:
        """Cells as numbers: NaN where missing; the index of a level; for an unknown level the number of levels."""
        if self.kind == "number":
            return cells.numbers
        places = {"": float("nan")} | {level: float(index) for index, level in enumerate(self.levels)}
        words = polars.Series(cells.words, dtype=polars.String)
        codes = words.replace_strict(places, default=float(len(self.levels)), return_dtype=polars.Float64)
        return codes.to_numpy().astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class Cells:
    """One column read: ``numbers`` (NaN where missing) or ``words`` ("" where missing), by its kind."""

    kind: Kind
    numbers: Float[np.ndarray, "rows"]
    words: Sequence[str]

    @property
    def missing(self) -> Bool[np.ndarray, "rows"]:
        """Which rows have nothing here."""
        if self.kind == "number":
            return np.isnan(self.numbers)
        return np.array([word == "" for word in self.words], dtype=bool)

    def as_words(self) -> list[str]:
        """The cells as strings, whole numbers without a point; "" where missing."""
        if self.kind == "category":
            return list(self.words)
        return ["" if np.isnan(number) else spelled(number) for number in self.numbers.tolist()]


def spelled(number: float) -> str:
    """A number as people write it: whole ones without a point."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


def read_cells(series: polars.Series, problems: Problems, kind: Kind | None = None) -> Cells | None:
    """A column as numbers or categories (as ``kind`` where given); None where it holds neither.

    Words among numbers become faults, named with their rows.
    """
    if series.dtype.is_numeric() and kind != "category":
        numbers = series.cast(polars.Float64).to_numpy().astype(np.float64)
        return _finite(series.name, numbers, problems)
    if series.dtype.is_nested() or series.dtype == polars.Binary or series.dtype.is_temporal():
        return None
    text = series.cast(polars.String).fill_null("")
    # Each different cell is looked at once: a column of a million rows may have two.
    clean = {cell: " ".join(cell.split()) for cell in text.unique().to_list()}
    clean = {cell: "" if word.lower() in NOTHING else word for cell, word in clean.items()}
    tidy = text.replace_strict(clean, return_dtype=polars.String)
    words = tidy.to_list()
    counts = {word: count for word, count in tidy.value_counts().iter_rows() if word.lower() not in NO_NUMBER}
    parsed = {word: _number(word) for word in counts}
    held, fitting = sum(counts.values()), sum(count for word, count in counts.items() if parsed[word] is not None)
    if kind == "category" or (kind is None and (not held or fitting < NUMERIC_SHARE * held)):
        return Cells(kind="category", numbers=np.zeros(0), words=words)
    strange = {word for word, number in parsed.items() if number is None}
    stray = [(row, word) for row, word in enumerate(words, 1) if word in strange] if strange else []
    if stray:
        named = ", ".join(f"row {row}: {shown(word, 40)!r}" for row, word in stray[:MAX_NAMED])
        more = f", and {len(stray) - MAX_NAMED} more" if len(stray) > MAX_NAMED else ""
        problems.add("text in a number column", f"column {series.name}", named + more)
    numbers = np.array([_or_nan(parsed.get(word)) for word in words], dtype=np.float64)
    return _finite(series.name, numbers, problems)


def _finite(name: str, numbers: Float[np.ndarray, "rows"], problems: Problems) -> Cells:
    endless = np.flatnonzero(np.isinf(numbers))
    if len(endless):
        rows = ", ".join(str(row + 1) for row in endless[:MAX_NAMED])
        problems.add("infinite numbers", f"column {name}", f"rows {rows}")
    return Cells(kind="number", numbers=np.where(np.isinf(numbers), np.nan, numbers), words=())


def _number(word: str) -> float | None:
    """The number that a word spells; None where it spells none."""
    try:
        return float(word) if "_" not in word else None
    except ValueError:
        return None


def _or_nan(number: float | None) -> float:
    return float("nan") if number is None else number
