"""From the codes of a table's columns to what a model can take: missing cells filled, numbers scaled, words spread out.

Everything here is learnt inside each training fold, so that no held-out row has a say in it.
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

LEVELS_AT_MOST = 50

Folds = Sequence[tuple[Int[np.ndarray, "training"], Int[np.ndarray, "held_out"]]]
Inputs = Float[np.ndarray, "rows columns"]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The columns of the inputs: their names, and the levels of each that is a category (None for a number)."""

    names: tuple[str, ...]
    levels: tuple[tuple[str, ...] | None, ...]

    @property
    def numbers(self) -> list[int]:
        """The places of the columns of numbers."""
        return [place for place, levels in enumerate(self.levels) if levels is None]

    @property
    def categories(self) -> list[int]:
        """The places of the columns of categories."""
        return [place for place, levels in enumerate(self.levels) if levels is not None]


@dataclass(frozen=True, kw_only=True)
class Build:
    """What an estimator is built from, besides its config: the columns, the task, and the folds to choose by."""

    layout: Layout
    task: str
    folds: Folds
    seed: int = 0


@runtime_checkable
class Estimator(Protocol):
    """A model of tables. ``build`` gives an unfitted scikit-learn estimator that chooses what it chooses by ``folds``.

    ``tasks`` are those it can answer.
    """

    tasks: ClassVar[tuple[str, ...]]
    config_type: ClassVar[type]

    @classmethod
    def build(cls, config: Any, build: Build) -> Any:
        """An unfitted estimator with ``fit`` and ``predict``; the prepared inputs are its step ``prepare``."""
        ...


def prepare(layout: Layout) -> ColumnTransformer:
    """Numbers: the median where missing, a column that says so, mean 0 and deviation 1. Categories: one column a level.

    A level that was never seen in training is none of them; levels beyond the 50 most frequent are one together.
    """
    numbers = Pipeline(
        [
            ("fill", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("scale", StandardScaler()),
        ]
    )
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=LEVELS_AT_MOST, sparse_output=False)
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
        spread = steps["categories"]
        for index, place in enumerate(layout.categories):
            rare = spread.infrequent_categories_[index] if hasattr(spread, "infrequent_categories_") else None
            gone = set() if rare is None else set(rare.tolist())
            kept = [code for code in spread.categories_[index].tolist() if code not in gone]
            names += [f"{layout.names[place]} = {_level(layout.levels[place], code)}" for code in kept]
            names += [f"{layout.names[place]} = any rarer one"] if gone else []
    return names


def _level(levels: tuple[str, ...] | None, code: float) -> str:
    assert levels is not None
    return "missing" if np.isnan(code) else levels[int(code)] if code < len(levels) else "never seen"


def deal_folds(
    truth: Float[np.ndarray, "rows"] | Int[np.ndarray, "rows"],
    clusters: Int[np.ndarray, "rows"],
    count: int = 5,
    seed: int = 0,
) -> Folds:
    """``count`` folds of whole clusters, each with its share of every class, or of small and large values.

    Clusters are put in the order of their mean value (or main class) and dealt like cards. Fewer folds where there are
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
            f"the rows cannot be dealt into two parts: there is one of the {what}. Expected at least two, one to learn "
            "from and one to judge by. Add rows, or remove that class."
        )
    order = np.lexsort((random.permutation(len(names)), value))
    dealt = np.empty(len(names), dtype=np.int64)
    # Classes go round in one order, so that neighbours never share a fold; values are dealt block by block, so that no
    # fold has always the smallest.
    turns = -(-len(names) // count)
    cards = [random.permutation(count)] * turns if classes else [random.permutation(count) for _ in range(turns)]
    dealt[order] = np.concatenate(cards)[: len(names)]
    fold = dealt[place]
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(count)]
