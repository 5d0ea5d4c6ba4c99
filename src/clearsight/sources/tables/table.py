"""Tables: input columns with a target column, checked before training.

The columns ``id``, ``cluster`` (rows that belong together: one patient) and ``split`` (train, val, test) are taken as
such where a table has them. Every categorical column of few levels is also an attribute to compare groups by; a column
of numbers becomes one, split at its terciles, where it is asked for.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars
from jaxtyping import Float, Int

from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.samples import fingerprint
from clearsight.sources.tables.columns import Cells, Column, read_cells
from clearsight.sources.tables.files import PREFIX, read_frame
from clearsight.sources.tables.files import looks_like_table as looks_like_table
from clearsight.sources.tables.groups import asked_for, attributes_beside, clusters_of, groups_of, ids_of, split_of
from clearsight.sources.tables.targets import MIN_ROWS, TableTask, target_cells, truth_of, with_known_targets
from clearsight.suggestions import asked_after

RESERVED = ("id", "cluster", "split")
LIKELY_TARGETS = ("target", "label", "class", "y", "outcome", "diagnosis")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A checked table: ``inputs`` holds the columns' codes (see ``Column.codes``), ``truth`` values or class ids.

    ``columns`` are the inputs' columns, in their order; ``groups`` one array of strings per attribute;
    ``clusters`` one integer per row; ``split`` "train", "val" or "test" per row where the table has such a column;
    ``frame`` the rows as they were read, without those left out.
    """

    name: str
    target: str
    task: TableTask
    class_names: tuple[str, ...]
    columns: tuple[Column, ...]
    inputs: Float[np.ndarray, "rows columns"]
    truth: Float[np.ndarray, "rows"] | Int[np.ndarray, "rows"]
    ids: tuple[str, ...]
    clusters: Int[np.ndarray, "rows"]
    groups: Mapping[str, np.ndarray]
    split: np.ndarray | None
    fingerprint: str
    frame: polars.DataFrame
    problems: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.truth)


def read_table(
    data: str | Path,
    target: str | None = None,
    *,
    wanted: TableTask | None = None,
    by: Sequence[str] = (),
    ignore: Sequence[str] = (),
    attributes: str | Path | None = None,
    columns: Sequence[Column] = (),
    class_names: Sequence[str] = (),
    skip_bad: bool = False,
) -> Table:
    """Read and check a table: a CSV or Parquet file, or ``sklearn:iris``.

    Args:
        target: the column to predict; wanted: the task of the model, decided by that column where None.
        by: columns that must be attributes; ignore: columns that are not inputs (attributes still).
        attributes: another table with a column ``id`` and one column per attribute.
        columns, class_names: those of a trained model; the table must have them, and there are no other inputs.
        skip_bad: read words among numbers as missing instead of stopping.

    Raises DataError with everything that is wrong with it, in one message.
    """
    frame, own = read_frame(data)
    name = str(data) if str(data).startswith(PREFIX) else Path(data).name
    target = _target(frame, target or own, name)
    _check_asked((*ignore, *(() if attributes is not None else by)), frame, name)
    problems = Problems()
    answers = target_cells(frame[target], wanted, class_names, problems)
    frame, answers, rows = with_known_targets(frame, answers, target, problems)
    inputs = _inputs(frame, target, ignore, columns, problems)
    groups = groups_of({**inputs, **asked_for(frame, (*by, *ignore), inputs)}, by)
    ids = ids_of(frame, rows)
    if attributes is not None:
        groups |= attributes_beside(attributes, ids, by, groups)
    notes = problems.settle(name, skip_bad)
    truth, task, names = truth_of(answers, wanted, class_names, target, len(columns) > 0)
    kept = columns or _learnable(inputs, problems, f"{shown(name)} has no input column besides {shown(target)}")
    notes = (*notes, *(line for line in problems.notes if line not in notes))
    return Table(
        name=name, target=target, task=task, class_names=names, columns=tuple(kept),
        inputs=np.stack([column.codes(inputs[column.name]) for column in kept], axis=1),
        truth=truth, ids=ids, clusters=clusters_of(frame), groups=groups, split=split_of(frame, name),
        fingerprint=fingerprint.of_words([target, task, *names, frame.write_csv()]), frame=frame, problems=notes,
    )  # fmt: skip


def _target(frame: polars.DataFrame, target: str | None, name: str) -> str:
    if target is not None:
        return _known(target, frame.columns, name, "It is the column to predict: name it with --target.")
    columns = [column for column in frame.columns if column not in RESERVED]
    likely = next((column for column in columns if column.lower() in LIKELY_TARGETS), columns[-1] if columns else "")
    raise DataError(
        f"no target column was given for {shown(name)}. It has: {', '.join(map(shown, frame.columns[:40]))}. "
        f"Name one with --target, such as --target {shown(likely)}."
    )


def _known(column: str, columns: Sequence[str], name: str, what: str = "") -> str:
    if column in columns:
        return column
    near = difflib.get_close_matches(column.lower(), [each.lower() for each in columns], n=3, cutoff=0.5)
    names = [each for each in columns if each.lower() in near]
    hint = asked_after(map(shown, names), f"It has: {', '.join(map(shown, columns[:40]))}.")
    raise DataError(f"{shown(name)} has no column {shown(column)!r}. {hint} {what}".rstrip())


def _inputs(
    frame: polars.DataFrame, target: str, ignore: Sequence[str], columns: Sequence[Column], problems: Problems
) -> dict[str, Cells]:
    """The input columns, read; of a trained model those it was trained on."""
    if columns:
        for column in columns:
            _known(column.name, frame.columns, "the table", "The model was trained on it.")
        found = {column.name: read_cells(frame[column.name], problems, column.kind) for column in columns}
        if bad := [shown(name) for name, cells in found.items() if cells is None]:
            raise DataError(f"the columns {', '.join(bad)} hold neither numbers nor words, as they did in training.")
        return {name: cells for name, cells in found.items() if cells is not None}
    inputs = {}
    for name in frame.columns:
        if name in (target, *RESERVED, *ignore):
            continue
        cells = read_cells(frame[name], problems)
        if cells is None:
            problems.note(f"the column {name} holds {frame[name].dtype} and was left out")
        else:
            inputs[name] = cells
    return inputs


def _check_asked(asked: Sequence[str], frame: polars.DataFrame, name: str) -> None:
    for column in asked:
        _known(column, frame.columns, name)


def _learnable(inputs: Mapping[str, Cells], problems: Problems, none: str) -> list[Column]:
    """The columns that vary and may generalise to new rows; DataError ``none`` without any."""
    columns = []
    for name, cells in inputs.items():
        known = [word for word in cells.words if word] if cells.kind == "category" else cells.numbers[~cells.missing]
        values = sorted(set(known))
        if len(values) == 0 or (len(values) == 1 and not cells.missing.any()):
            what = f"{shown(cells.as_words()[0], 40)} in every row" if len(values) else "empty in every row"
            problems.note(f"the column {name} is {what} and was left out")
        elif cells.kind == "category" and len(values) > max(MIN_ROWS, 0.5 * len(known)):
            problems.note(
                f"the column {name} has {len(values)} different values in {len(known)} rows: it identifies rows "
                "and was left out"
            )
        elif cells.kind == "number" and _counts_rows(cells.numbers):
            problems.note(f"the column {name or 'without a name'} only counts the rows and was left out")
        elif cells.kind == "category":
            columns.append(Column(name=name, kind="category", levels=tuple(values)))
        else:
            columns.append(Column(name=name, kind="number", least=float(values[0]), most=float(values[-1])))
    if not columns:
        raise DataError(
            f"{none}. Expected at least one. {' '.join(line + '.' for line in problems.notes[:5])}".rstrip()
        )
    return columns


def _counts_rows(numbers: Float[np.ndarray, "rows"]) -> bool:
    whole = len(numbers) >= MIN_ROWS and numbers[0] == np.round(numbers[0])
    return bool(whole and (np.diff(numbers) == 1).all())


def read_rows(
    path: str | Path, columns: Sequence[Column], skip_bad: bool = False
) -> tuple[polars.DataFrame, Float[np.ndarray, "rows columns"]]:
    """Rows to predict on: the frame as it is, and the codes of a trained model's columns.

    Raises DataError where a column is missing (nearest names) or holds something else than in training.
    """
    frame, _ = read_frame(path)
    return frame, codes_of(frame, columns, Path(path).name, skip_bad)


def codes_of(
    frame: polars.DataFrame, columns: Sequence[Column], name: str, skip_bad: bool = False
) -> Float[np.ndarray, "rows columns"]:
    """The codes of a trained model's columns in a frame that goes by ``name``; raises DataError as ``read_rows``."""
    problems = Problems()
    inputs = _inputs(frame, "", (), columns, problems)
    problems.settle(name, skip_bad)
    return np.stack([column.codes(inputs[column.name]) for column in columns], axis=1)
