"""What is in a table, before anyone trains on it: its columns, what they miss, the target, and columns that tell it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from clearsight.sources.checks.leaks import alone
from clearsight.sources.tables.table import Table


@dataclass(frozen=True, kw_only=True)
class ColumnDescription:
    """One column to learn from: its kind, how many cells are missing, and what it holds in a few words."""

    name: str
    kind: str
    missing: int
    holds: str


@dataclass(frozen=True, kw_only=True)
class TableDescription:
    """A table in numbers. ``target`` holds how often each class is, or least, median, mean and most of the numbers.

    ``telling`` is how well each column predicts the target alone (R2, or the share of errors avoided), best first;
    ``audit`` is a ``data_audit.DataAudit``, if any.
    """

    name: str
    rows: int
    target_name: str
    target: Mapping[str, float]
    columns: tuple[ColumnDescription, ...]
    groups: Mapping[str, Mapping[str, int]]
    clusters: int
    telling: Mapping[str, float]
    leaks: tuple[str, ...]
    fingerprint: str
    problems: tuple[str, ...]
    audit: Any = None

    def as_dict(self) -> dict[str, Any]:
        """The same as nested dicts and lists, for JSON."""
        return asdict(self)


def describe_table(table: Table) -> TableDescription:
    """Describe a table that was read; every column is tried as a predictor of the target, which takes seconds."""
    found = alone(table)
    return TableDescription(
        name=table.name,
        rows=len(table),
        target_name=table.target,
        target=_target(table),
        columns=tuple(_column(table, place) for place in range(len(table.columns))),
        groups={name: _counts(words) for name, words in table.groups.items()},
        clusters=len(np.unique(table.clusters)),
        telling={one.column: round(one.score, 4) for one in found},
        leaks=tuple(one.column for one in found if one.leaks),
        fingerprint=table.fingerprint,
        problems=table.problems,
    )


def _target(table: Table) -> dict[str, float]:
    if table.class_names:
        counts = np.bincount(table.truth.astype(np.int64), minlength=len(table.class_names))
        return dict(zip(table.class_names, counts.tolist(), strict=True))
    truth = table.truth
    parts = (truth.min(), np.median(truth), truth.mean(), truth.max())
    return dict(zip(("least", "median", "mean", "most"), map(float, parts), strict=True))


def _column(table: Table, place: int) -> ColumnDescription:
    column, values = table.columns[place], table.inputs[:, place]
    missing = int(np.isnan(values).sum())
    if column.kind == "category":
        shown = ", ".join(column.levels[:5]) + (", ..." if len(column.levels) > 5 else "")
        holds = f"{len(column.levels)} values: {shown}"
    else:
        holds = f"{column.least:.4g} to {column.most:.4g}"
    return ColumnDescription(name=column.name, kind=column.kind, missing=missing, holds=holds)


def _counts(words: np.ndarray) -> dict[str, int]:
    values, counts = np.unique(words, return_counts=True)
    return {str(value): int(count) for value, count in zip(values, counts, strict=True)}
