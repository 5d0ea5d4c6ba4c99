"""Which group each picture is of: every value of one attribute, or every combination of several, with each class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from clearsight.evaluation.judging import check_attributes
from clearsight.sources import Record, Source, records_of
from clearsight.types import UNKNOWN, Label

CLASS = "class"  # the word for the classes themselves, where no attribute is called so
FIGURES_AT_LEAST = 20  # pictures of a group and class that is judged


@dataclass(frozen=True, kw_only=True)
class Coded:
    """Pictures by class, by group, and by cell: each pair of a group and a class; -1 where nobody said the group."""

    labels: Int[np.ndarray, "n"]
    groups: Int[np.ndarray, "n"]
    cells: Int[np.ndarray, "n"]


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """The attributes that pictures are grouped by, and the groups found; one group without a name by class alone."""

    by: tuple[str, ...]
    class_names: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]

    def coded(self, records: Sequence[Record]) -> Coded:
        """The numbers of the pictures."""
        place: dict[tuple[str, ...] | None, int] = {group: index for index, group in enumerate(self.groups)}
        labels = np.array([_label(record) for record in records], dtype=np.int64)
        groups = np.array([place.get(_group(record, self.by), -1) for record in records], dtype=np.int64)
        return Coded(
            labels=labels, groups=groups, cells=np.where(groups < 0, -1, groups * len(self.class_names) + labels)
        )

    def name(self, cell: int) -> str:
        """A cell in words: the class, then the values of the attributes in their order."""
        group, label = divmod(cell, len(self.class_names))
        return ", ".join((self.class_names[label], *self.groups[group]))


def grouping_of(source: Source, by: Sequence[str]) -> Grouping:
    """The groups of the data by these attributes; the word ``class`` adds nothing, since classes are always told apart.

    Raises ValueError for no attributes, and for one that the data do not have.
    """
    known = {name for dataset in source.splits.values() for one in records_of(dataset) for name in one.groups}
    if not by:
        have = f"The data have: {', '.join(sorted(known))}." if known else "The data have none."
        raise ValueError(
            f"nobody said which groups are to be served alike. Give --by with attributes, or --by {CLASS} for the "
            f"classes themselves. {have}"
        )
    named = tuple(dict.fromkeys(name for name in by if name != CLASS or CLASS in known))
    check_attributes(named, source)
    groups = {_group(one, named) for dataset in source.splits.values() for one in records_of(dataset)}
    return Grouping(
        by=named, class_names=source.class_names, groups=tuple(sorted(one for one in groups if one is not None))
    )


def judged_cells(found: Coded, at_least: int) -> Int[np.ndarray, "n"]:
    """The cell of each picture, -1 where the cell has fewer pictures than that."""
    counts = np.bincount(found.cells[found.cells >= 0], minlength=1)
    enough = (found.cells >= 0) & (counts[found.cells] >= at_least)
    return np.where(enough, found.cells, -1)


def check_judged(cells: Int[np.ndarray, "n"], which: str, at_least: int) -> None:
    """Raise ValueError where fewer than two cells can be compared."""
    held = len(np.unique(cells[cells >= 0]))
    if held < 2:
        raise ValueError(
            f"{held} of the groups by class have {at_least} pictures or more among the {len(cells)} {which}. Expected "
            "two or more: smaller ones say nothing of how they are served. Train with more pictures set aside, such "
            "as --set held_out=0.5, or name fewer attributes."
        )


def _label(record: Record) -> int:
    truth = record.truth
    assert isinstance(truth, Label)
    return truth.index


def _group(record: Record, by: Sequence[str]) -> tuple[str, ...] | None:
    """The values of the attributes; None where one is unknown."""
    values = tuple(record.groups.get(name, UNKNOWN) for name in by)
    return None if UNKNOWN in values else values
