"""What an audit of data sees of them: labels, groups and capture conditions as codes per row, and which rows belong
together. However many rows there are, the audits count cells of these codes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars
from jaxtyping import Bool, Int

from clearsight.sources.tables.bins import VALUES_AT_MOST as VALUES_AT_MOST
from clearsight.sources.tables.bins import numbers_of, round_bins
from clearsight.types import UNKNOWN

Labelled = Literal["one class", "several labels", "objects", "numbers", "nothing"]
# Columns that say how a picture was taken rather than who is in it.
OF_CAPTURE = re.compile(
    r"(.*[ _/-])?(view|projection|ap[ _/-]pa|frontal[ _/-]lateral|scanner|device|camera|manufacturer|model|site|"
    r"hospital|center|centre|source|location|illumination|lighting|resolution)([ _-]?(id|name|type|position))?"
)


@dataclass(frozen=True, kw_only=True)
class Coded:
    """One value per row: its place among ``values``, -1 where it is not known."""

    values: tuple[str, ...]
    code: Int[np.ndarray, "rows"]

    @property
    def known(self) -> Bool[np.ndarray, "rows"]:
        """Which rows have a value."""
        return self.code >= 0


@dataclass(frozen=True, kw_only=True)
class AuditedRows:
    """Rows of some data, each a picture or a row of a table (``unit``).

    ``labels`` are what is to be predicted: one column of classes, or several of "absent" and "present", unknown where
    nobody knows; ``states`` counts how often each of several labels is present, absent, uncertain and blank.
    ``cluster`` is one integer per row, equal for rows that belong together, None where every row is alone. ``judged``
    are the rows that a model would be judged on. ``kind`` says what ``labels`` are: numbers are there in quarters, and
    classes of objects by whether a picture holds any.
    """

    name: str
    unit: str
    rows: int
    attributes: Mapping[str, Coded]
    conditions: Mapping[str, Coded]
    labels: Mapping[str, Coded]
    kind: Labelled
    states: Mapping[str, Mapping[str, int]]
    cluster: Int[np.ndarray, "rows"] | None
    judged: Bool[np.ndarray, "rows"]
    judged_on: str = "all rows"
    notes: tuple[str, ...] = field(default=())


def coded(words: polars.Series | Sequence[str], order: Sequence[str] = ()) -> Coded:
    """A column as codes: blanks are unknown, values are in ``order`` where given, else sorted, numbers by their size.

    A column of numbers with more than 20 different ones is put into bins with round limits.
    """
    series = words if isinstance(words, polars.Series) else polars.Series(list(words), dtype=polars.String)
    numbers = numbers_of(series)
    if numbers is not None:
        names, code = round_bins(numbers)
        return Coded(values=names, code=code)
    text = series.cast(polars.String).str.strip_chars().str.replace(r"^(-?[0-9]+)\.0+$", "${1}")
    text = text.fill_null("").replace([UNKNOWN, "nan", "NaN"], ["", "", ""])
    found = text.unique().to_list()
    values = tuple(order) or tuple(sorted((word for word in found if word), key=natural))
    places = {word: place for place, word in enumerate(values)}
    code = text.replace_strict(places, default=-1, return_dtype=polars.Int64).to_numpy()
    return Coded(values=values, code=code)


def natural(word: str) -> tuple[tuple[int, float, str], ...]:
    """A key that sorts "9" before "10", and "under 10" before both."""
    first = (0, -1.0, "") if word.startswith("under ") else (1, 0.0, "")
    parts = re.findall(r"[0-9]+(?:\.[0-9]+)?|[^0-9]+", word)
    return (first, *((0, float(part), "") if part[0].isdigit() else (1, 0.0, part) for part in parts))


def is_of_capture(name: str) -> bool:
    """Whether a column of that name says how pictures were taken."""
    return OF_CAPTURE.fullmatch(name.strip().lower()) is not None
