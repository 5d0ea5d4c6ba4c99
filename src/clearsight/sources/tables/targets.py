"""The target of a table: the values or classes to predict, checked before training."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars
from jaxtyping import Float, Int

from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.tables.columns import Cells, read_cells

TableTask = Literal["regression", "classification"]

MIN_ROWS = 10
# Up to so many distinct whole numbers are classes by default; more than the second number never are.
CLASSES_OF_NUMBERS = 10
MAX_CLASSES_OF_NUMBERS = 50


def target_cells(
    series: polars.Series, wanted: TableTask | None, class_names: Sequence[str], problems: Problems
) -> Cells:
    """The target's column read; raises DataError where the model cannot predict its kind."""
    cells = read_cells(series, problems, "category" if class_names else None)
    if cells is None:
        raise DataError(
            f"the column {shown(series.name)} holds {series.dtype}, which cannot be predicted. "
            "Expected numbers or words. Choose another column with --target."
        )
    if wanted == "regression" and cells.kind == "category":
        examples = ", ".join(repr(shown(word, 30)) for word in sorted({word for word in cells.words if word})[:5])
        raise DataError(
            f"the column {shown(series.name)} holds words ({examples}), and this model estimates numbers. "
            "Use logistic or mlp, which are classifiers, or choose another column with --target."
        )
    return cells


def with_known_targets(
    frame: polars.DataFrame, cells: Cells, target: str, problems: Problems
) -> tuple[polars.DataFrame, Cells, list[int]]:
    """The rows whose target is known, and their numbers in the table, from 1."""
    known = ~cells.missing
    rows = (np.flatnonzero(known) + 1).tolist()
    if known.all():
        return frame, cells, rows
    missing = int((~known).sum())
    if missing == len(known):
        raise DataError(f"the column {shown(target)} is empty in every row. Choose another with --target.")
    problems.note(f"{missing} of {len(known)} rows have no {target} and were left out")
    words = [word for word, keep in zip(cells.words, known, strict=True) if keep] if len(cells.words) else ()
    numbers = cells.numbers[known] if cells.kind == "number" else cells.numbers
    return frame.filter(polars.Series(known)), Cells(kind=cells.kind, numbers=numbers, words=words), rows


def truth_of(
    cells: Cells, wanted: TableTask | None, class_names: Sequence[str], target: str, evaluating: bool
) -> tuple[Float[np.ndarray, "rows"] | Int[np.ndarray, "rows"], TableTask, tuple[str, ...]]:
    """The targets as values or class ids, and the classes' names; raises DataError where they cannot be learnt."""
    rows = len(cells.numbers) if cells.kind == "number" else len(cells.words)
    if rows < MIN_ROWS and not evaluating:
        raise DataError(f"{rows} rows with a known {shown(target)} are too few. Expected at least {MIN_ROWS}.")
    words = cells.as_words()
    distinct = sorted(set(words), key=lambda word: (cells.kind == "number" and float(word), word))
    if len(distinct) < 2 and not evaluating:
        raise DataError(
            f"the column {shown(target)} is {shown(distinct[0], 40)!r} in all {rows} rows, so there is nothing to "
            "predict. Expected at least two different values. Choose another column with --target."
        )
    if _is_number(cells, wanted, class_names, len(distinct)):
        return cells.numbers, "regression", ()
    if class_names:
        unknown = [shown(word) for word in distinct if word not in class_names]
        if unknown:
            raise DataError(
                f"the column {shown(target)} holds classes the model does not know: {', '.join(unknown[:10])}. "
                f"It was trained on {', '.join(map(shown, class_names[:10]))}. Correct or remove these rows."
            )
        distinct = list(class_names)
    else:
        _check_classes(words, distinct, cells, target)
    places = {word: index for index, word in enumerate(distinct)}
    return np.array([places[word] for word in words], dtype=np.int64), "classification", tuple(distinct)


def _is_number(cells: Cells, wanted: TableTask | None, class_names: Sequence[str], distinct: int) -> bool:
    if cells.kind == "category" or class_names or wanted == "classification":
        return False
    whole = bool((cells.numbers == np.round(cells.numbers)).all())
    return wanted == "regression" or not whole or distinct > CLASSES_OF_NUMBERS


def _check_classes(words: list[str], distinct: list[str], cells: Cells, target: str) -> None:
    counts = Counter(words)
    number = cells.kind == "number"
    if len(distinct) > 0.5 * len(words) or (number and len(distinct) > MAX_CLASSES_OF_NUMBERS):
        fix = "Use linear, ridge, polynomial or mlp, which estimate numbers" if number else "It may be an id"
        raise DataError(
            f"the column {shown(target)} has {len(distinct)} different values in {len(words)} rows, too many to be "
            f"classes. Expected a few classes with several rows each. {fix}, or choose another column with --target."
        )
    single = [shown(word, 40) for word in distinct if counts[word] < 2]
    if single:
        raise DataError(
            f"{len(single)} of {len(distinct)} classes of {shown(target)} have a single row: {', '.join(single[:10])}. "
            "Expected at least two, one to train on and one to evaluate on. Add rows, or remove these."
        )
