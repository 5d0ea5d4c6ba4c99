"""The ground truth in a table of pictures: one class, several labels with their states, or a number."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars
import torch

from clearsight.sources.annotations.layout import Request
from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.tables.columns import read_cells, spelled
from clearsight.suggestions import did_you_mean
from clearsight.types import TRUTHS, Label, Labels, State, Truth, Value

NAMES = ("label", "labels", "class", "classes", "category", "target", "y", "fine_label", "coarse_label")
NAMES_OF_CLASSES = frozenset(NAMES) - {"target", "y"}
CLASSES_OF_NUMBERS = 20
STATES = {
    "1": State.PRESENT,
    "true": State.PRESENT,
    "yes": State.PRESENT,
    "0": State.ABSENT,
    "false": State.ABSENT,
    "no": State.ABSENT,
    "-1": State.UNCERTAIN,
    "": State.UNREAD,
    "nan": State.UNREAD,
}


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The truth of each row (None where there is none), their kind, and the columns they were read from.

    Unless they are ``needed``, a row without one is of use for its picture.
    """

    columns: tuple[str, ...]
    kind: type
    class_names: tuple[str, ...]
    truths: Sequence[Truth]
    needed: bool = True


def target_of(frame: polars.DataFrame, asked: str | None, picture: str) -> tuple[str, ...]:
    """The columns of the truth; raises DataError with the nearest names for one that is not there."""
    known = [name for name in frame.columns if name != picture and name.isprintable()]
    if asked is None:
        found = next((name for wanted in NAMES for name in known if name.lower() == wanted), None)
        if found is None:
            raise DataError(
                f"there is no column of targets. Expected one named {', '.join(NAMES[:7])}. "
                f"Name it with --target: {', '.join(shown(name, 40) for name in known[:30]) or 'there is no other'}."
            )
        return (found,)
    names = (asked,) if asked in known else tuple(name.strip() for name in asked.split(",") if name.strip())
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, "Choose one of its columns.", cutoff=0.4, show=shown)
            raise DataError(
                f"there is no column {shown(name)!r} to predict. The table has: "
                f"{', '.join(shown(one, 40) for one in known[:30])}. {hint}"
            )
    return names


def answers_of(
    frame: polars.DataFrame,
    target: tuple[str, ...],
    request: Request,
    problems: Problems,
    names: Mapping[str, Sequence[str]],
) -> Answers:
    """The truths of all rows; ``names`` are those of numbered classes, by column. Raises DataError for none usable."""
    if len(target) > 1:
        return _several(frame, target, problems)
    series = frame[target[0]]
    possible = _possible(series)
    kind = possible[0] if not request.wanted else next((one for one in possible if one in request.wanted), None)
    if kind is None:
        raise DataError(
            f"the column {shown(series.name)} gives {TRUTHS[possible[0]]}. Expected "
            f"{' or '.join(TRUTHS[one] for one in request.wanted)}. Choose another column with --target, or a model "
            "that predicts this one."
        )
    declared = [str(name) for name in names.get(series.name, ())]
    if kind is Labels:
        return _listed(series, declared, problems)
    return _numbers(series, problems) if kind is Value else _classes(series, declared, problems)


def _possible(series: polars.Series) -> list[type]:
    """The kinds of truth that a column can be, the most likely first."""
    if series.dtype.is_nested():
        return [Labels]
    cells = read_cells(series, Problems())
    if cells is None or cells.kind == "category":
        return [Label]
    known = cells.numbers[~np.isnan(cells.numbers)]
    if (known != np.round(known)).any():
        return [Value]
    few = series.name.lower() in NAMES_OF_CLASSES or len(np.unique(known)) <= CLASSES_OF_NUMBERS
    return [Label, Value] if few else [Value, Label]


def _classes(series: polars.Series, declared: list[str], problems: Problems) -> Answers:
    words = _words(series)
    if declared and all(word.isdigit() and int(word) < len(declared) for word in words if word):
        words = [declared[int(word)] if word else "" for word in words]
    counts = Counter(word for word in words if word)
    numbers = all(word.lstrip("-").isdigit() for word in counts)
    found = [name for name in declared if name] or sorted(counts, key=lambda word: (numbers and int(word), word))
    if len(counts) < 2:
        what = f"the class {shown(next(iter(counts)))!r} only" if counts else "no class"
        raise DataError(
            f"the column {shown(series.name)} holds {what} in {len(words)} rows. Expected at least two classes. "
            "Choose another column with --target, or add pictures of something else."
        )
    if len(counts) >= len(words) - words.count(""):
        raise DataError(
            f"the column {shown(series.name)} has {len(counts)} classes in as many rows, so no class can be learnt. "
            "Expected several pictures of each class. It may be an id: choose another column with --target."
        )
    for row, word in enumerate(words, 1):
        if not word:
            problems.add("row without a class", f"row {row}", f"column {series.name}")
    place = {name: Label(index=index) for index, name in enumerate(found)}
    return Answers(
        columns=(series.name,), kind=Label, class_names=tuple(found), truths=[place.get(word) for word in words]
    )


def _numbers(series: polars.Series, problems: Problems) -> Answers:
    cells = read_cells(series, problems, "number")
    assert cells is not None
    missing = np.isnan(cells.numbers)
    if len(np.unique(cells.numbers[~missing])) < 2:
        raise DataError(
            f"the column {shown(series.name)} is the same in all rows, so there is nothing to predict. Expected "
            "numbers that differ. Choose another column with --target."
        )
    for row in np.flatnonzero(missing) + 1:
        problems.add("row without a number", f"row {row}", f"column {series.name}")
    truths = [
        None if absent else Value(value=number) for number, absent in zip(cells.numbers.tolist(), missing, strict=True)
    ]
    return Answers(columns=(series.name,), kind=Value, class_names=(), truths=truths)


def _several(frame: polars.DataFrame, target: tuple[str, ...], problems: Problems) -> Answers:
    states = np.full((frame.height, len(target)), State.UNREAD, dtype=np.int8)
    bad: set[int] = set()
    for column, name in enumerate(target):
        for row, word in enumerate(_words(frame[name])):
            state = STATES.get(word.lower())
            if state is None:
                problems.add(
                    "label that is no state", f"row {row + 1}", f"{name}: {word}; expected 1, 0, -1 or nothing"
                )
                bad.add(row)
            else:
                states[row, column] = state
    truths = [None if row in bad else Labels(states=each) for row, each in enumerate(torch.from_numpy(states))]
    return Answers(columns=target, kind=Labels, class_names=target, truths=truths)


def _listed(series: polars.Series, declared: list[str], problems: Problems) -> Answers:
    """Lists of the labels present; all others are absent, and a row without a list is unread."""
    lists = [None if each is None else [str(one) for one in each] for each in series.to_list()]
    if declared:
        lists = [None if each is None else [declared[int(one)] for one in each] for each in lists]
    found = declared or sorted({one for each in lists if each for one in each})
    if not found:
        raise DataError(
            f"the column {shown(series.name)} lists no label in any row. Expected the names of what each picture "
            "shows. Choose another column with --target."
        )
    place = {name: index for index, name in enumerate(found)}
    truths: list[Truth] = []
    for each in lists:
        states = torch.full((len(found),), State.UNREAD if each is None else State.ABSENT, dtype=torch.int8)
        for one in each or ():
            states[place[one]] = State.PRESENT
        truths.append(Labels(states=states))
    return Answers(columns=(series.name,), kind=Labels, class_names=tuple(found), truths=truths)


def _words(series: polars.Series) -> list[str]:
    """The cells as strings, whole numbers without a point; "" where missing."""
    if series.dtype.is_float():
        return ["" if cell is None or cell != cell else spelled(cell) for cell in series.to_list()]
    words = [cell.strip() for cell in series.cast(polars.String).fill_null("").to_list()]
    return [word[:-2] if word.endswith(".0") and word[:-2].lstrip("-").isdigit() else word for word in words]
