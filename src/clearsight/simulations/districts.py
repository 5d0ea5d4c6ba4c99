"""The places a decision chooses among: how often something is there to be found, and what the records say at the start.

They are districts in policing, branches or customer groups in credit, plants in inspection.
"""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars
from jaxtyping import Float

from clearsight.sources.problems import DataError, shown
from clearsight.sources.tables.files import read_frame

SAMPLE = Path(__file__).with_name("districts.csv")
NEEDED = ("district", "true_rate", "start")
OPTIONAL = ("reported_share",)
MOST = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class Districts:
    """What is true of each of k places, and what was recorded of it before the first decision.

    ``true_rate`` in (0, 1] is the probability that one visit finds an incident. ``reported_share`` >= 0 is how many
    incidents become known without a visit, as a share of what an equal share of the visits would find. ``start`` > 0 is
    the number of records at the start.
    """

    names: tuple[str, ...]
    true_rate: Float[np.ndarray, "k"]
    reported_share: Float[np.ndarray, "k"]
    start: Float[np.ndarray, "k"]

    @property
    def true_shares(self) -> Float[np.ndarray, "k"]:
        """The share of all incidents that each place has; they sum to 1."""
        return self.true_rate / self.true_rate.sum()


def read_districts(place: str | Path | None = None) -> Districts:
    """The table of a user with the columns district, true_rate, start and, where wanted, reported_share.

    Without a place it is the sample table, which is invented. Raises DataError where a row does not fit.
    """
    path = SAMPLE if place is None else Path(place)
    frame, _ = read_frame(path)
    _check_columns(frame, path)
    names = tuple(str(cell).strip() for cell in frame["district"])
    double = [shown(name) or "(blank)" for name, count in Counter(names).items() if count > 1 or not name]
    if double or not 2 <= len(names) <= MOST:
        raise DataError(
            f"{shown(path)} has {len(names)} rows"
            + (f", and these names are blank or there twice: {', '.join(double[:5])}" if double else "")
            + f". Expected one row for each of 2 to {MOST} districts, each with a name of its own."
        )
    zeros = np.zeros(len(names))
    return Districts(
        names=names,
        true_rate=_numbers(frame, "true_rate", path, "above 0 and at most 1", lambda value: 0 < value <= 1),
        start=_numbers(frame, "start", path, "above 0: without a record a district is never chosen", _positive),
        reported_share=(
            _numbers(frame, "reported_share", path, "0 or above", lambda value: value >= 0)
            if "reported_share" in frame.columns
            else zeros
        ),
    )


def _positive(value: float) -> bool:
    return value > 0


def _check_columns(frame: polars.DataFrame, path: Path) -> None:
    missing = [name for name in NEEDED if name not in frame.columns]
    unknown = [shown(name) for name in frame.columns if name not in NEEDED + OPTIONAL]
    if missing or unknown:
        found = [f"lacks {', '.join(missing)}"] if missing else []
        found += [f"has {', '.join(unknown)}, which have no meaning here"] if unknown else []
        raise DataError(
            f"{shown(path)} {' and '.join(found)}. Expected the columns {', '.join(NEEDED)} and, where wanted, "
            f"{', '.join(OPTIONAL)}. Rename or remove columns; the sample table is {SAMPLE}."
        )


def _numbers(frame: polars.DataFrame, name: str, path: Path, expected: str, fits) -> Float[np.ndarray, "k"]:
    values = []
    for row, cell in enumerate(frame[name], start=1):
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or not fits(value):
            raise DataError(
                f"row {row} of {shown(path)} has {name} {shown(cell)!r}. Expected a number {expected}. Correct it."
            )
        values.append(value)
    return np.array(values)
