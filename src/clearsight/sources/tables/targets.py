"""The target of a table: the values or classes to predict, checked before anyone learns from them."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars
from jaxtyping import Float, Int

from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.tables.columns import Cells, read_cells

TableTask = Literal["regression", "classification"]

ROWS_AT_LEAST = 10
# Numbers of so many values are classes where nobody says; of more than the second, they never are.
CLASSES_OF_NUMBERS = 10
CLASSES_AT_MOST_OF_NUMBERS = 50


def answers_of(
    series: polars.Series, wanted: TableTask | None, class_names: Sequence[str], problems: Problems
) -> Cells:
    """The target's column read; raises DataError where the model cannot answer its kind."""
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
            "Use logistic or mlp, which tell classes apart, or choose another column with --target."
        )
    return cells


def with_answers(
    frame: polars.DataFrame, answers: Cells, target: str, problems: Problems
) -> tuple[polars.DataFrame, Cells, list[int]]:
    """The rows whose answer is known, and their numbers in the table, from 1."""
    known = ~answers.missing
    rows = (np.flatnonzero(known) + 1).tolist()
    if known.all():
        return frame, answers, rows
    missing = int((~known).sum())
    if missing == len(known):
        raise DataError(f"the column {shown(target)} is empty in every row. Choose another with --target.")
    problems.note(f"{missing} of {len(known)} rows have no {target} and were left out")
    words = [word for word, keep in zip(answers.words, known, strict=True) if keep] if len(answers.words) else ()
    numbers = answers.numbers[known] if answers.kind == "number" else answers.numbers
    return frame.filter(polars.Series(known)), Cells(kind=answers.kind, numbers=numbers, words=words), rows


def truth_of(
    answers: Cells, wanted: TableTask | None, class_names: Sequence[str], target: str, judging: bool
) -> tuple[Float[np.ndarray, "rows"] | Int[np.ndarray, "rows"], TableTask, tuple[str, ...]]:
    """The answers as values or class ids, and the classes' names; raises DataError where they cannot be learnt."""
    rows = len(answers.numbers) if answers.kind == "number" else len(answers.words)
    if rows < ROWS_AT_LEAST and not judging:
        raise DataError(f"{rows} rows with a known {shown(target)} are too few. Expected at least {ROWS_AT_LEAST}.")
    words = answers.as_words()
    distinct = sorted(set(words), key=lambda word: (answers.kind == "number" and float(word), word))
    if len(distinct) < 2 and not judging:
        raise DataError(
            f"the column {shown(target)} is {shown(distinct[0], 40)!r} in all {rows} rows, so there is nothing to "
            "predict. Expected at least two different values. Choose another column with --target."
        )
    if _is_number(answers, wanted, class_names, len(distinct)):
        return answers.numbers, "regression", ()
    if class_names:
        strangers = [shown(word) for word in distinct if word not in class_names]
        if strangers:
            raise DataError(
                f"the column {shown(target)} holds classes the model does not know: {', '.join(strangers[:10])}. "
                f"It was trained on {', '.join(map(shown, class_names[:10]))}. Correct or remove these rows."
            )
        distinct = list(class_names)
    else:
        _check_classes(words, distinct, answers, target)
    places = {word: index for index, word in enumerate(distinct)}
    return np.array([places[word] for word in words], dtype=np.int64), "classification", tuple(distinct)


def _is_number(answers: Cells, wanted: TableTask | None, class_names: Sequence[str], distinct: int) -> bool:
    if answers.kind == "category" or class_names or wanted == "classification":
        return False
    whole = bool((answers.numbers == np.round(answers.numbers)).all())
    return wanted == "regression" or not whole or distinct > CLASSES_OF_NUMBERS


def _check_classes(words: list[str], distinct: list[str], answers: Cells, target: str) -> None:
    counts = Counter(words)
    number = answers.kind == "number"
    if len(distinct) > 0.5 * len(words) or (number and len(distinct) > CLASSES_AT_MOST_OF_NUMBERS):
        fix = "Use linear, ridge, polynomial or mlp, which estimate numbers" if number else "It may be an id"
        raise DataError(
            f"the column {shown(target)} has {len(distinct)} different values in {len(words)} rows, too many to be "
            f"classes. Expected a few classes with several rows each. {fix}, or choose another column with --target."
        )
    lonely = [shown(word, 40) for word in distinct if counts[word] < 2]
    if lonely:
        raise DataError(
            f"{len(lonely)} of {len(distinct)} classes of {shown(target)} have a single row: {', '.join(lonely[:10])}. "
            "Expected at least two, one to learn from and one to judge by. Add rows, or remove these."
        )
