"""Columns that tell the answer: one column alone that predicts the target almost perfectly on rows left out.

Such a column is often a result of what is to be predicted, and not known when the prediction is needed.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from clearsight.sources.tables.columns import Column
from clearsight.sources.tables.table import Table

SUSPICIOUS = 0.98
ROWS_AT_MOST = 20_000
FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class Alone:
    """How well one column alone predicts the target on rows left out.

    ``score`` is R2 for numbers; for classes the share of the errors of always saying the most frequent class that it
    avoids.
    """

    column: str
    score: float

    @property
    def leaks(self) -> bool:
        """Whether that is too good to be believed."""
        return self.score >= SUSPICIOUS


def alone(table: Table, seed: int = 0) -> tuple[Alone, ...]:
    """Every column by how well it predicts the target alone, the best first; of many rows 20,000 are looked at."""
    rows = np.arange(len(table))
    if len(rows) > ROWS_AT_MOST:
        rows = np.sort(np.random.default_rng(seed).choice(rows, ROWS_AT_MOST, replace=False))
    truth = table.truth[rows]
    found = []
    for place, column in enumerate(table.columns):
        values = _filled(table.inputs[rows, place])
        score = _of_classes(values, truth, seed) if table.class_names else _of_numbers(values, truth, column, seed)
        found.append(Alone(column=column.name, score=score))
    return tuple(sorted(found, key=lambda one: -one.score))


def _filled(values: Float[np.ndarray, "rows"]) -> Float[np.ndarray, "rows"]:
    """Missing cells as a value of their own, below all others: being missing may tell the answer as well."""
    known = values[~np.isnan(values)]
    return np.where(np.isnan(values), (known.min() - 1) if len(known) else 0.0, values)


def _of_numbers(
    values: Float[np.ndarray, "rows"], truth: Float[np.ndarray, "rows"], column: Column, seed: int
) -> float:
    """R2 of the better of a tree (steps) and, for a number, an isotonic regression (any rising or falling curve)."""
    total = ((truth - truth.mean()) ** 2).sum()
    scores = []
    for shape in ("steps", "curve") if column.kind == "number" else ("steps",):
        errors = 0.0
        for training, held_out in KFold(FOLDS, shuffle=True, random_state=seed).split(values):
            if shape == "steps":
                leaf = 1 if column.kind == "category" else 5
                tree = DecisionTreeRegressor(min_samples_leaf=leaf, max_leaf_nodes=256, random_state=seed)
                said = tree.fit(values[training, None], truth[training]).predict(values[held_out, None])
            else:
                curve = IsotonicRegression(increasing=_rises(values[training], truth[training]), out_of_bounds="clip")
                said = curve.fit(values[training], truth[training]).predict(values[held_out])
            errors += float(((said - truth[held_out]) ** 2).sum())
        scores.append(1 - errors / total if total > 0 else 0.0)
    return max(scores)


def _rises(values: Float[np.ndarray, "rows"], truth: Float[np.ndarray, "rows"]) -> bool:
    return bool(((values - values.mean()) * (truth - truth.mean())).sum() >= 0)


def _of_classes(values: Float[np.ndarray, "rows"], truth: Int[np.ndarray, "rows"], seed: int) -> float:
    counts = np.bincount(truth)
    folds = min(FOLDS, int(counts[counts > 0].min()))
    if folds < 2 or counts.max() == len(truth):
        return 0.0
    right = 0
    for training, held_out in StratifiedKFold(folds, shuffle=True, random_state=seed).split(values, truth):
        tree = DecisionTreeClassifier(max_leaf_nodes=256, random_state=seed)
        said = tree.fit(values[training, None], truth[training]).predict(values[held_out, None])
        right += int((said == truth[held_out]).sum())
    most = counts.max() / len(truth)
    return float((right / len(truth) - most) / (1 - most))
