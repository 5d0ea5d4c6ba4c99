"""The mix of groups that data are compared with: "uniform", or a table of the user's own. None is ever assumed.

The table is a CSV or Parquet file with a column for each attribute (``sex``, ``race``) and a column ``share`` or
``count``; each row is one cell, such as the women of one race. Shares add up to 1; counts may be of anyone, such as a
census. A table of several attributes also says the mix of each alone and of fewer together.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars
from jaxtyping import Float

from clearsight.sources.problems import DataError, listed, shown
from clearsight.sources.tables.columns import spelled
from clearsight.sources.tables.files import read_frame
from clearsight.suggestions import did_you_mean
from clearsight.types import UNKNOWN

UNIFORM = "uniform"
AMOUNTS = ("share", "count")
# Shares are often written with two digits, and then add up to 0.99 or 1.01.
ROUNDING = 0.02

Cell = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ReferenceMix:
    """The expected share of every cell; a cell is one value for each of ``attributes``, in their order.

    ``shares`` add up to 1, and a cell that is not there is expected never. ``origin`` is "uniform" or the file's name.
    """

    attributes: tuple[str, ...]
    shares: Mapping[Cell, float] = field(repr=False)
    origin: str

    def of(self, attributes: Sequence[str]) -> "ReferenceMix":
        """The mix of some of the attributes, whatever the others are; raises KeyError for one it does not have."""
        for name in attributes:
            if name not in self.attributes:
                raise KeyError(name)
        places = [self.attributes.index(name) for name in attributes]
        found: dict[Cell, float] = {}
        for cell, share in self.shares.items():
            part = tuple(cell[place] for place in places)
            found[part] = found.get(part, 0.0) + share
        return ReferenceMix(attributes=tuple(attributes), shares=found, origin=self.origin)

    def covers(self, attributes: Sequence[str]) -> bool:
        """Whether it says anything of all these attributes."""
        return set(attributes) <= set(self.attributes)


def read_reference_mix(declared: str | Path, values: Mapping[str, Sequence[str]]) -> ReferenceMix:
    """The mix declared as "uniform" (every cell equally often) or as a table (see the module).

    ``values`` are the attributes to compare, each with the values found in the data; "unknown" is no value. A table may
    leave attributes out, and may expect values that the data do not have. "uniform" is of all attributes.

    Raises DataError, a ValueError, for a table that cannot be read, an attribute that is not asked for, a value of the
    data that the table does not know, a cell given twice, and shares that do not add up to 1.
    """
    values = {name: [word for word in words if word != UNKNOWN] for name, words in values.items()}
    if str(declared) == UNIFORM:
        cells = list(itertools.product(*values.values()))
        return ReferenceMix(
            attributes=tuple(values), shares=dict.fromkeys(cells, 1 / max(1, len(cells))), origin=UNIFORM
        )
    path = Path(declared)
    if not path.is_file():
        raise DataError(
            f"there is no reference {shown(declared)}. Expected the word uniform, or a CSV file with a column for each "
            f"of {', '.join(map(shown, values)) or 'the attributes'} and a column share or count. Correct --reference."
        )
    frame, _ = read_frame(path)
    names, amount = _columns(frame, path, list(values))
    cells = list(zip(*(_words(frame[name], path) for name in names), strict=True))
    _check_cells(cells, path, names, values)
    shares = _shares(frame[amount], path)
    return ReferenceMix(
        attributes=tuple(names), shares=dict(zip(cells, shares.tolist(), strict=True)), origin=path.name
    )


def _columns(frame: polars.DataFrame, path: Path, asked: Sequence[str]) -> tuple[list[str], str]:
    """The columns of attributes, and the one of shares or counts."""
    amounts = [name for name in frame.columns if name in AMOUNTS and name not in asked]
    if len(amounts) != 1:
        found = "both a column share and a column count" if amounts else "no column share or count"
        raise DataError(
            f"the reference {shown(path)} has {found}. It has: {', '.join(map(shown, frame.columns[:20]))}. Expected "
            "exactly one of them: share (adding up to 1), or count. Correct its header line."
        )
    names = [name for name in frame.columns if name not in amounts]
    for name in names:
        if name not in asked:
            hint = did_you_mean(name, asked, "Ask for it with --by, or remove it.", show=shown)
            raise DataError(
                f"the reference {shown(path)} has a column {shown(name)!r}, which is none of the attributes to compare "
                f"({', '.join(map(shown, asked)) or 'none were asked for'}). {hint}"
            )
    if not names:
        raise DataError(
            f"the reference {shown(path)} has no column of an attribute. Expected one for each of "
            f"{', '.join(map(shown, asked)) or 'the attributes'}, named as there. Add it."
        )
    return names, amounts[0]


def _words(series: polars.Series, path: Path) -> list[str]:
    if series.dtype.is_float():
        words = ["" if cell is None or cell != cell else spelled(cell) for cell in series.to_list()]
    else:
        words = [cell.strip() for cell in series.cast(polars.String).fill_null("").to_list()]
    empty = [str(row) for row, word in enumerate(words, 1) if word in ("", UNKNOWN)]
    if empty:
        raise DataError(
            f"the reference {shown(path)} names no value of {shown(series.name)} in {len(empty)} rows (row "
            f"{', '.join(empty[:10])}). Expected one in each row: pictures of unknown {shown(series.name)} are left "
            "out of the comparison. Fill in these cells, or remove the rows."
        )
    return words


def _check_cells(cells: Sequence[Cell], path: Path, names: Sequence[str], values: Mapping[str, Sequence[str]]) -> None:
    double = sorted(" x ".join(map(shown, cell)) for cell, count in Counter(cells).items() if count > 1)
    if double:
        raise DataError(
            f"the reference {shown(path)} gives {len(double)} cells more than once:\n{listed(double)}\n"
            "Expected one row for each. Add their shares up."
        )
    for place, name in enumerate(names):
        known = {cell[place] for cell in cells}
        missing = [word for word in values[name] if word not in known]
        if missing:
            raise DataError(
                f"the reference {shown(path)} does not say how many are expected where {shown(name)} is "
                f"{', '.join(shown(word, 40) for word in missing[:10])}, which the data have. It knows: "
                f"{', '.join(shown(word, 40) for word in sorted(known)[:20])}. Spell them as the data do, or add rows "
                "(with 0 where none are expected)."
            )


def _shares(series: polars.Series, path: Path) -> Float[np.ndarray, "cells"]:
    amounts = series.cast(polars.Float64, strict=False).to_numpy().astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(amounts) | (amounts < 0))
    if len(bad):
        rows = ", ".join(f"row {row + 1}: {shown(series[int(row)], 40)!r}" for row in bad[:10])
        raise DataError(
            f"the column {series.name} of the reference {shown(path)} is no amount in {len(bad)} rows ({rows}). "
            "Expected a number of 0 or more in each. Correct them."
        )
    total = float(amounts.sum())
    if total == 0:
        raise DataError(f"all rows of the reference {shown(path)} are 0. Expected some cell that does occur.")
    if series.name == "share" and abs(total - 1) > ROUNDING:
        raise DataError(
            f"the shares of the reference {shown(path)} add up to {total:.6g}. Expected 1. Complete the table; or "
            "name the column count, for percentages or numbers of people."
        )
    return amounts / total
