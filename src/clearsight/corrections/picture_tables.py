"""Corrected tables of pictures: the cell of the target gets the word that the class has in other rows."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars

from clearsight.corrections import cells
from clearsight.corrections.changes import Change
from clearsight.corrections.copies import Copy
from clearsight.sources.annotations.assembling import named_apart
from clearsight.sources.annotations.image_answers import STATES
from clearsight.sources.annotations.layout import Request
from clearsight.sources.formats.image_table import Rows, rows_of
from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.tables.files import read_frame
from clearsight.types import Label, State

SPELLINGS = {State.PRESENT: "1", State.ABSENT: "0"}


@dataclass(frozen=True, eq=False)
class Spelled:
    """How the rows of a table write a class, a state or a label: looked up once, for it takes all rows."""

    rows: Rows

    @cached_property
    def classes(self) -> Mapping[str, Any]:
        """The cell that most rows of a class have, by its name."""
        names, column = self.rows.answers.class_names, self.rows.frame[self.rows.answers.columns[0]]
        seen: dict[str, Counter[Any]] = {}
        for truth, cell in zip(self.rows.answers.truths, column.to_list(), strict=True):
            if isinstance(truth, Label):
                seen.setdefault(names[truth.index], Counter())[cell] += 1
        return {name: cells_.most_common(1)[0][0] for name, cells_ in seen.items()}

    @cached_property
    def labels(self) -> Mapping[str, Any]:
        """The entry of a list that stands for a label: its name, or its number where classes are declared."""
        names = self.rows.answers.class_names
        entries = self.rows.frame[self.rows.answers.columns[0]].explode().drop_nulls().unique().to_list()
        return {str(one) if str(one) in names else names[int(one)]: one for one in entries}

    @cached_property
    def states(self) -> Mapping[tuple[str, State], Any]:
        """The cell that stands for a state in a column: the most usual one, else 1 or 0."""
        found = {}
        for name in self.rows.answers.columns:
            column = self.rows.frame[name]
            seen = Counter(column.drop_nulls().to_list())
            for state, word in SPELLINGS.items():
                mine = [cell for cell, _ in seen.most_common() if STATES.get(_plain(cell)) is state]
                usual = word if column.dtype == polars.String else word == "1"
                found[name, state] = mine[0] if mine else usual
        return found


def write(copy: Copy) -> None:
    """Change the cells in each table of the copy."""
    rows = rows_of(copy.place, Request(folder=copy.place, wanted=(copy.kind,), target=copy.target), Problems())
    drafts = named_apart([draft for _, draft in rows.drafts])
    place = {draft.id: row for (row, _), draft in reversed(list(zip(rows.drafts, drafts, strict=True)))}
    spelled = Spelled(rows)
    new: dict[str, dict[int, Any]] = {}
    dropped: set[int] = set()
    for id, changes in copy.changes.items():
        if copy.kind is Label and changes[-1].after is None:
            dropped.add(place[id])
            continue
        for name, cell in _cells(spelled, place[id], changes, copy.kind).items():
            new.setdefault(name, {})[place[id]] = cell
    start = 0
    for table in rows.tables:
        stop = start + read_frame(table)[0].height
        own = {name: _part(column, start, stop) for name, column in new.items()}
        gone = {row - start for row in dropped if start <= row < stop}
        if gone or any(own.values()):
            cells.rewrite(table, own, gone)
        start = stop


def _part(column: Mapping[int, Any], start: int, stop: int) -> dict[int, Any]:
    """The cells of some rows, counted from the first of these."""
    return {row - start: cell for row, cell in column.items() if start <= row < stop}


def _cells(spelled: Spelled, row: int, changes: list[Change], kind: type) -> Mapping[str, Any]:
    """The new cells of a row, by column; raises DataError where no row says how the table writes a class."""
    columns = spelled.rows.answers.columns
    if kind is Label:
        after = changes[-1].after
        assert after is not None
        return {columns[0]: _known(spelled.classes, after.name)}
    states = {}
    for change in changes:
        mark = change.after or change.before
        assert mark is not None
        states[mark.name] = State.ABSENT if change.after is None else State.PRESENT
    if len(columns) > 1:
        return {name: spelled.states[name, state] for name, state in states.items()}
    listed = spelled.rows.frame[columns[0]].slice(row, 1).to_list()[0] or []
    for name, state in states.items():
        entry = _known(spelled.labels, name)
        listed = [one for one in listed if one != entry] + [entry] * (state is State.PRESENT)
    return {columns[0]: listed}


def _known(written: Mapping[str, Any], name: str) -> Any:
    if name not in written:
        raise DataError(
            f"no row bears the label {shown(name)}, so nobody knows how this table writes it. Undo that correction, or "
            "add a row with it."
        )
    return written[name]


def _plain(cell: object) -> str:
    return str(cell).strip().lower().removesuffix(".0")
