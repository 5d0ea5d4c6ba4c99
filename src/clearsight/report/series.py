"""The points of a finding, read from its columns and checked: what each plot and each table is made of."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clearsight.quantities import count, fixed, number, score, shared_digits, significant, span
from clearsight.types import Finding, Plot

COLUMNS: Mapping[Plot, tuple[str, ...]] = {
    "intervals": ("label", "value", "low", "high", "n", "note", "expected", "pictures"),
    "reliability": ("confidence", "correct", "low", "high", "n", "pictures"),
    "curve": ("line", "x", "y", "low", "high"),
    "bars": ("label", "value", "ours", "pictures"),
    "matrix": ("truth", "answer", "share", "n", "low", "high", "pictures"),
    "parallel": ("line", "axis", "place", "text", "ours"),
}
_NEEDED: Mapping[Plot, tuple[str, ...]] = {
    "intervals": ("label", "value"),
    "reliability": ("confidence", "correct"),
    "curve": ("x", "y"),
    "bars": ("label", "value"),
    "matrix": ("truth", "answer", "share"),
    "parallel": ("line", "axis", "place", "text"),
}

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table: its heading, one text per row, and whether they are numbers.

    ``links`` are the addresses that the cells lead to; empty where they lead nowhere, and None for a cell that does.
    """

    heading: str
    cells: tuple[str, ...]
    numeric: bool = False
    links: tuple[str | None, ...] = ()


def rows(finding: Finding) -> list[Row]:
    """The points of a finding's plot, one mapping per row; optional columns that are not there read as None.

    Raises ValueError where the columns do not fit the plot.
    """
    if finding.plot is None or not finding.series:
        return []
    missing = [name for name in _NEEDED[finding.plot] if name not in finding.series]
    lengths = {name: len(column) for name, column in finding.series.items()}
    if missing or len(set(lengths.values())) > 1:
        raise ValueError(
            f"the series of {finding.claim!r} cannot be drawn as {finding.plot!r}: "
            f"{'missing ' + ', '.join(missing) if missing else 'the columns differ in length'}. "
            f"Expected columns of equal length: {', '.join(COLUMNS[finding.plot])}. Found: {lengths}. "
            "Give the finding these columns, or plot=None."
        )
    names = COLUMNS[finding.plot]
    count_ = next(iter(lengths.values()))
    return [
        {name: finding.series[name][i] if name in finding.series else None for name in names} for i in range(count_)
    ]


def words(value: Any) -> str:
    """A label or a note as text; nothing for None."""
    return "" if value is None else str(value)


def limits_of(row: Row) -> tuple[float | None, float | None]:
    """The interval of a row; None where it has none."""
    return number(row["low"]), number(row["high"])


def is_overall(row: Row) -> bool:
    """Whether a row holds the value over all, the reference of the others."""
    return words(row["label"]).casefold().split(" ")[0].rstrip(",:") in ("overall", "all")


def digits_of(points: Sequence[Row]) -> int | None:
    """The digits that all values and intervals of a plot are written with; None where no row has an interval."""
    return shared_digits([limits_of(row) for row in points])


def interval_text(row: Row, digits: int | None) -> str:
    """The interval of a row as text; empty where it has none."""
    low, high = limits_of(row)
    return "" if low is None or high is None else span(low, high, digits)


def table(finding: Finding) -> tuple[Column, ...]:
    """The series of a finding as a table for people; no columns where there is no series."""
    points = rows(finding)
    if not points:
        return _plain_table(finding)
    digits = digits_of(points) if finding.plot not in ("bars", "matrix", "parallel") else None
    makers = {
        "intervals": _intervals, "reliability": _reliability, "curve": _curve, "bars": _bars, "matrix": _matrix,
        "parallel": _parallel,
    }  # fmt: skip
    columns = makers[str(finding.plot)](finding, points, digits)
    return tuple(column for column in columns if any(column.cells))


def _numbers(points: Sequence[Row], name: str, digits: int | None) -> tuple[str, ...]:
    return tuple(score(row[name], digits=digits) for row in points)


def _counts(points: Sequence[Row]) -> tuple[str, ...]:
    return tuple("" if number(row["n"]) is None else count(row["n"]) for row in points)


def _spans(points: Sequence[Row], digits: int | None) -> tuple[str, ...]:
    return tuple(interval_text(row, digits) for row in points)


def _expected(points: Sequence[Row], digits: int | None) -> tuple[str, ...]:
    return tuple("" if number(row["expected"]) is None else score(row["expected"], digits=digits) for row in points)


def _links(points: Sequence[Row]) -> tuple[str | None, ...]:
    """Where the rows lead to, for the first column: only where a server shows the report (see ``browsing``)."""
    return tuple(words(row["pictures"]) or None for row in points) if any(row["pictures"] for row in points) else ()


def _intervals(finding: Finding, points: Sequence[Row], digits: int | None) -> tuple[Column, ...]:
    values = tuple(
        "too few to judge" if number(row["value"]) is None else score(row["value"], digits=digits) for row in points
    )
    return (
        Column(heading="", cells=tuple(words(row["label"]) for row in points), links=_links(points)),
        Column(heading=axis(finding, 0, finding.metric), cells=values, numeric=True),
        Column(heading="interval", cells=_spans(points, digits), numeric=True),
        Column(heading="expected", cells=_expected(points, digits), numeric=True),
        Column(heading="n", cells=_counts(points), numeric=True),
        Column(heading="note", cells=tuple(words(row["note"]) for row in points)),
    )


def _reliability(finding: Finding, points: Sequence[Row], digits: int | None) -> tuple[Column, ...]:
    return (
        Column(heading="confidence", cells=_numbers(points, "confidence", 2), numeric=True, links=_links(points)),
        Column(heading="correct", cells=_numbers(points, "correct", digits), numeric=True),
        Column(heading="interval", cells=_spans(points, digits), numeric=True),
        Column(heading="n", cells=_counts(points), numeric=True),
    )


def _curve(finding: Finding, points: Sequence[Row], digits: int | None) -> tuple[Column, ...]:
    across, up = axis(finding, 0, "x"), axis(finding, 1, finding.metric)
    positions = tuple(words(row["x"]) if number(row["x"]) is None else significant(float(row["x"])) for row in points)
    return (
        Column(heading="", cells=tuple(words(row["line"]) for row in points)),
        Column(heading=across, cells=positions, numeric=True),
        Column(heading=up, cells=_numbers(points, "y", digits), numeric=True),
        Column(heading="interval", cells=_spans(points, digits), numeric=True),
    )


def _bars(finding: Finding, points: Sequence[Row], digits: int | None) -> tuple[Column, ...]:
    marks = [bool(row["ours"]) for row in points]
    told = any(marks) and not all(marks)
    return (
        Column(heading="", cells=tuple(words(row["label"]) for row in points), links=_links(points)),
        Column(heading=", ".join(finding.axes) or finding.metric, cells=bar_texts(points), numeric=True),
        Column(heading="", cells=tuple("this run" if mark and told else "" for mark in marks)),
    )


def _matrix(finding: Finding, points: Sequence[Row], digits: int | None) -> tuple[Column, ...]:
    """Only the pairs that occur, the most frequent confusions first: a table of all would be a page of zeros."""
    found = sorted((row for row in points if number(row["share"])), key=lambda row: -float(row["share"]))
    wrong = [row for row in found if row["truth"] != row["answer"]]
    shown = wrong[:100] + [row for row in found if row["truth"] == row["answer"]]
    return (
        Column(
            heading=axis(finding, 0, "true class"),
            cells=tuple(words(row["truth"]) for row in shown),
            links=_links(shown),
        ),
        Column(heading=axis(finding, 1, "predicted class"), cells=tuple(words(row["answer"]) for row in shown)),
        Column(heading="share", cells=tuple(score(row["share"], digits=3) for row in shown), numeric=True),
        Column(heading="interval", cells=_spans(shown, 3), numeric=True),
        Column(heading="n", cells=_counts(shown), numeric=True),
    )


def _parallel(finding: Finding, points: Sequence[Row], digits: int | None) -> tuple[Column, ...]:
    """A row for each line, a column for each axis."""
    lines = list(dict.fromkeys(words(row["line"]) for row in points))
    texts = {(words(row["line"]), words(row["axis"])): words(row["text"]) for row in points}
    names = dict.fromkeys(words(row["axis"]) for row in points)
    of_axes = [Column(heading=name, cells=tuple(texts.get((one, name), "") for one in lines)) for name in names]
    return (Column(heading="", cells=tuple(lines)), *of_axes)


def _plain_table(finding: Finding) -> tuple[Column, ...]:
    columns = []
    for name, cells in finding.series.items():
        numeric = all(cell is None or number(cell) is not None for cell in cells)
        shown = tuple(_plain_cell(cell) for cell in cells)
        columns.append(Column(heading=name.replace("_", " "), cells=shown, numeric=numeric))
    return tuple(column for column in columns if column.cells)


def _plain_cell(cell: Any) -> str:
    as_number = number(cell)
    if as_number is None:
        return words(cell)
    return fixed(as_number, 0) if as_number == round(as_number) else significant(as_number)


def bar_texts(points: Sequence[Row]) -> tuple[str, ...]:
    """The values of bars: alike in their digits where their sizes are alike, else three figures each."""
    values = [number(row["value"]) for row in points]
    sizes = [abs(value) for value in values if value]
    if not sizes or max(sizes) >= 100 * min(sizes) or max(sizes) >= 1000 or max(sizes) < 0.001:
        return tuple(score(value) for value in values)
    whole = all(value is None or value == round(value) for value in values)
    digits = 0 if whole else max(0, 2 - math.floor(math.log10(max(sizes))))
    return tuple(score(value, digits=digits) for value in values)


def axis(finding: Finding, index: int, otherwise: str) -> str:
    """The name of an axis, or another where the finding gives none."""
    return finding.axes[index] if index < len(finding.axes) else otherwise
