"""Who is in the data: each group and each intersection of groups, beside a declared reference, and which are too small.

Nobody is taken to be expected at any share unless the user declares it. Where a reference is declared, every cell is
tested against it, with Holm's correction over all of them.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from clearsight.audits.attributes import CLUSTERS_AT_LEAST, PICTURES_AT_LEAST
from clearsight.data_audit.rows import AuditedRows
from clearsight.metrics.rates import detectable_gap, holm, trials_for_gap, trials_needed
from clearsight.metrics.shares import Shares, shares_of
from clearsight.sources.tables.reference_mix import UNIFORM, ReferenceMix, read_reference_mix

TOGETHER_AT_MOST = 3
CELLS_AT_MOST = 2000
RATE, HALF_WIDTH, GAP, POWER = 0.9, 0.05, 0.1, 0.8
NEEDED_FOR_INTERVAL = trials_needed(HALF_WIDTH, RATE)


@dataclass(frozen=True, kw_only=True)
class CellOfGroups:
    """One group, or one intersection of groups: ``values`` of ``attributes``, in their order.

    ``share`` is that of the ``rows`` among all rows whose attributes are known, with its interval; ``expected`` that of
    the reference and ``p`` the test against it, corrected for all tests (Holm), None where no reference says anything.
    ``judged`` are independent rows that a model would be judged on: those, or the clusters they are of, where rows
    belong together. ``needed_for_interval`` would give a rate of 90% an interval of 5 points to either side;
    ``needed_for_gap`` would show a rate 10 points below the 90% of all others with 80% power, None where no number
    would. ``smallest_gap`` is the gap that can be shown so with those there are, None where none can.
    """

    attributes: tuple[str, ...]
    values: tuple[str, ...]
    rows: int
    share: float
    interval: tuple[float, float] | None
    expected: float | None
    p: float | None
    judged: int
    too_small: bool
    needed_for_interval: int
    needed_for_gap: int | None
    smallest_gap: float | None

    @property
    def name(self) -> str:
        """Such as "sex = female, race = black"."""
        return ", ".join(f"{name} = {value}" for name, value in zip(self.attributes, self.values, strict=True))


@dataclass(frozen=True, kw_only=True)
class Representation:
    """The cells of every set of attributes; ``unknown`` counts the rows without a value, by attribute."""

    cells: tuple[CellOfGroups, ...]
    reference: str
    tests: int
    unknown: dict[str, int]
    notes: tuple[str, ...] = ()


def representation(rows: AuditedRows, reference: str | Path | None) -> Representation:
    """Every group and intersection of up to three attributes; raises DataError for a reference that does not fit."""
    names = list(rows.attributes)
    if not names:
        return Representation(cells=(), reference="", tests=0, unknown={})
    declared = declared_mix(rows, reference)
    notes: list[str] = []
    cells: list[CellOfGroups] = []
    for together in _sets(rows, names, notes):
        cells += _cells(rows, together, _expected(rows, together, reference, declared))
    tested = [place for place, cell in enumerate(cells) if cell.p is not None]
    corrected = holm([cells[place].p or 0.0 for place in tested])
    for place, p in zip(tested, corrected, strict=True):
        cells[place] = CellOfGroups(**{**cells[place].__dict__, "p": p})
    return Representation(
        cells=tuple(cells),
        reference="" if reference is None else declared.origin if declared is not None else UNIFORM,
        tests=len(tested),
        unknown={name: int((~column.known).sum()) for name, column in rows.attributes.items()},
        notes=tuple(notes),
    )


def _sets(rows: AuditedRows, names: Sequence[str], notes: list[str]) -> Iterator[tuple[str, ...]]:
    """Sets of attributes, the smaller first, as long as their cells are not too many."""
    total = 0
    for size in range(1, min(TOGETHER_AT_MOST, len(names)) + 1):
        sets = list(itertools.combinations(names, size))
        count = sum(int(np.prod([len(rows.attributes[name].values) for name in one])) for one in sets)
        if size > 1 and total + count > CELLS_AT_MOST:
            notes.append(
                f"intersections of {size} attributes are left out: they have {count:,} cells. Name fewer attributes "
                "with --by."
            )
            return
        total += count
        yield from sets


def declared_mix(rows: AuditedRows, reference: str | Path | None) -> ReferenceMix | None:
    """The table that was declared; None where none was, or where it is "uniform", which is made for each set.

    Raises DataError where it does not fit the attributes of the rows.
    """
    if reference is None or str(reference) == UNIFORM:
        return None
    return read_reference_mix(reference, {name: column.values for name, column in rows.attributes.items()})


def _expected(
    rows: AuditedRows, names: tuple[str, ...], reference: str | Path | None, declared: ReferenceMix | None
) -> ReferenceMix | None:
    if declared is not None:
        return declared.of(names) if declared.covers(names) else None
    if reference is None:
        return None
    return read_reference_mix(reference, {name: rows.attributes[name].values for name in names})


def _cells(rows: AuditedRows, names: tuple[str, ...], expected: ReferenceMix | None) -> list[CellOfGroups]:
    columns = [rows.attributes[name] for name in names]
    values = list(itertools.product(*(column.values for column in columns)))
    known = np.all([column.known for column in columns], axis=0)
    place = np.zeros(int(known.sum()), dtype=np.int64)
    for column in columns:
        place = place * len(column.values) + column.code[known]
    cluster = None if rows.cluster is None else rows.cluster[known]
    shares = shares_of(place, len(values), cluster)
    judged = _independent(
        place[rows.judged[known]], len(values), None if cluster is None else cluster[rows.judged[known]]
    )
    others = int(judged.sum()) - judged
    found = [
        _cell(
            names, value, index, shares, None if expected is None else expected.shares.get(value, 0.0), judged, others
        )
        for index, value in enumerate(values)
    ]
    if expected is not None:
        found += [
            _absent(names, value, share, shares) for value, share in expected.shares.items() if value not in set(values)
        ]
    return found


def _independent(
    place: Int[np.ndarray, "n"], cells: int, cluster: Int[np.ndarray, "n"] | None
) -> Int[np.ndarray, "cells"]:
    """The rows of each cell, or the clusters they are of."""
    return shares_of(place, cells, cluster).held if len(place) else np.zeros(cells, dtype=np.int64)


def _cell(
    names: tuple[str, ...],
    values: tuple[str, ...],
    index: int,
    shares: Shares,
    expected: float | None,
    judged: Int[np.ndarray, "cells"],
    others: Int[np.ndarray, "cells"],
) -> CellOfGroups:
    count, rest = int(judged[index]), int(others[index])
    gap = detectable_gap(count, rest, RATE, POWER)
    return CellOfGroups(
        attributes=names,
        values=values,
        rows=int(shares.rows[index]),
        share=float(shares.share[index]),
        interval=shares.interval(index),
        expected=expected,
        p=None if expected is None else shares.p(index, expected),
        judged=count,
        too_small=count < max(PICTURES_AT_LEAST, CLUSTERS_AT_LEAST),
        needed_for_interval=NEEDED_FOR_INTERVAL,
        needed_for_gap=trials_for_gap(GAP, rest, RATE, POWER),
        smallest_gap=gap if np.isfinite(gap) else None,
    )


def _absent(names: tuple[str, ...], values: tuple[str, ...], expected: float, shares: Shares) -> CellOfGroups:
    """A cell of the reference with a value that the data do not have at all."""
    none = Shares(
        rows=np.array([0, shares.rows.sum()]), held=np.array([0, 0]), share=np.array([0.0, 1.0]),
        effect=np.full(2, float(shares.effect.max())), clusters=shares.clusters,
        effective_clusters=shares.effective_clusters,
    )  # fmt: skip
    total = int(shares.held.sum())
    return _cell(names, values, 0, none, expected, np.array([0]), np.array([total]))
