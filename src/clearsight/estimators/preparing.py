"""Preprocessing of a table's columns: imputation, standardisation, one-hot encoding; and cross-validation folds.

Everything is fitted within each training fold, so that nothing leaks from held-out rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

MAX_LEVELS = 50

Folds = Sequence[tuple[Int[np.ndarray, "training"], Int[np.ndarray, "held_out"]]]
Inputs = Float[np.ndarray, "rows columns"]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The columns of the inputs: their names, and the levels of each that is a category (None for a number)."""

    names: tuple[str, ...]
    levels: tuple[tuple[str, ...] | None, ...]

    @property
    def numbers(self) -> list[int]:
        """The indices of the columns of numbers."""
        return [place for place, levels in enumerate(self.levels) if levels is None]

    @property
    def categories(self) -> list[int]:
        """The indices of the columns of categories."""
        return [place for place, levels in enumerate(self.levels) if levels is not None]


@dataclass(frozen=True, kw_only=True)
class Build:
    """What an estimator is built from, besides its config: the columns, the task, and the folds of model selection."""

    layout: Layout
    task: str
    folds: Folds
    seed: int = 0


@runtime_checkable
class Estimator(Protocol):
    """A model of tables. ``build`` gives an unfitted scikit-learn estimator that is selected, if at all, by ``folds``.

    ``tasks`` are those it supports.
    """

    tasks: ClassVar[tuple[str, ...]]
    config_type: ClassVar[type]

    @classmethod
    def build(cls, config: Any, build: Build) -> Any:
        """An unfitted estimator with ``fit`` and ``predict``; the prepared inputs are its step ``prepare``."""
        ...


def prepare(layout: Layout) -> ColumnTransformer:
    """Numbers: median imputation with a missing indicator, standardised. Categories: one-hot.

    A level never seen in training has no column of its own; levels beyond the 50 most frequent share one.
    """
    numbers = Pipeline(
        [
            ("fill", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("scale", StandardScaler()),
        ]
    )
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MAX_LEVELS, sparse_output=False)
    return ColumnTransformer([("numbers", numbers, layout.numbers), ("categories", categories, layout.categories)])


def prepared_names(prepared: ColumnTransformer, layout: Layout) -> list[str]:
    """What each prepared column is, in words: "Length1", "Length1 is missing", "Species = Perch"."""
    names: list[str] = []
    steps = prepared.named_transformers_
    if layout.numbers:
        fill = steps["numbers"].named_steps["fill"]
        own = [layout.names[place] for place in layout.numbers]
        missing = [] if fill.indicator_ is None else fill.indicator_.features_.tolist()
        names += own + [f"{own[place]} is missing" for place in missing]
    if layout.categories:
        encoder = steps["categories"]
        for index, place in enumerate(layout.categories):
            rare = encoder.infrequent_categories_[index] if hasattr(encoder, "infrequent_categories_") else None
            merged = set() if rare is None else set(rare.tolist())
            kept = [code for code in encoder.categories_[index].tolist() if code not in merged]
            names += [f"{layout.names[place]} = {_level(layout.levels[place], code)}" for code in kept]
            names += [f"{layout.names[place]} = any rarer one"] if merged else []
    return names


def _level(levels: tuple[str, ...] | None, code: float) -> str:
    assert levels is not None
    return "missing" if np.isnan(code) else levels[int(code)] if code < len(levels) else "never seen"


def stratified_folds(
    truth: Float[np.ndarray, "rows"] | Int[np.ndarray, "rows"],
    clusters: Int[np.ndarray, "rows"],
    count: int = 5,
    seed: int = 0,
) -> Folds:
    """``count`` folds of whole clusters, stratified by class, or by the value.

    Clusters are sorted by their mean value (or main class) and assigned to folds in turn. Fewer folds where there are
    fewer clusters, or fewer of the rarest class, than folds; raises ValueError where not even two can be made.
    """
    random = np.random.default_rng(seed)
    names, place = np.unique(clusters, return_inverse=True)
    classes = np.issubdtype(truth.dtype, np.integer)
    sizes = np.bincount(place)
    if classes:
        counts = np.zeros((len(names), int(truth.max()) + 1))
        np.add.at(counts, (place, truth), 1)
        value = counts.argmax(1).astype(np.float64)
        rarest = int((counts > 0).sum(0)[counts.any(0)].min())
        count = min(count, rarest)
    else:
        value = np.bincount(place, weights=truth) / sizes
    count = min(count, len(names))
    if count < 2:
        what = "clusters with the rarest class" if classes else "clusters"
        raise ValueError(
            f"the rows cannot be split into two folds: there is one of the {what}. Expected at least two, one to train "
            "on and one to validate on. Add rows, or remove that class."
        )
    order = np.lexsort((random.permutation(len(names)), value))
    assigned = np.empty(len(names), dtype=np.int64)
    # Classes go round in one order, so that neighbours never share a fold; values are permuted within each block, so
    # that no fold has always the smallest.
    blocks = -(-len(names) // count)
    folds = [random.permutation(count)] * blocks if classes else [random.permutation(count) for _ in range(blocks)]
    assigned[order] = np.concatenate(folds)[: len(names)]
    fold = assigned[place]
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(count)]
