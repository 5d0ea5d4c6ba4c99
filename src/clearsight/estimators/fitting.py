"""Fitting an estimator, predicting with it, and out-of-fold predictions."""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import LinAlgWarning
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from clearsight.estimators.preparing import Build, Estimator, Folds, Inputs, Layout, stratified_folds

INNER_FOLDS = 5

Truths = Float[np.ndarray, "rows"] | Int[np.ndarray, "rows"]
Predicted = Float[np.ndarray, "rows"] | Float[np.ndarray, "rows classes"]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A validation curve: mean and standard deviation over the folds of the error (RMSE) of each choice."""

    choices: tuple[int, ...]
    training: tuple[float, ...]
    training_spread: tuple[float, ...]
    validation: tuple[float, ...]
    validation_spread: tuple[float, ...]
    folds: int


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fitted pipeline (steps ``prepare``, ..., ``model``), the hyperparameters chosen, and warnings."""

    pipeline: Pipeline
    chosen: dict[str, float]
    curve: Curve | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What it takes to fit a model on any rows of some columns. ``classes`` is 0 for regression."""

    kind: type[Estimator]
    config: Any
    layout: Layout
    task: str
    classes: int = 0
    seed: int = 0


def fit(recipe: Recipe, inputs: Inputs, truth: Truths, clusters: Int[np.ndarray, "rows"]) -> Fitted:
    """Fit on all of these rows; hyperparameters are chosen by folds of whole clusters within them."""
    folds = stratified_folds(truth, clusters, INNER_FOLDS, recipe.seed)
    build = Build(layout=recipe.layout, task=recipe.task, folds=folds, seed=recipe.seed)
    notes: list[str] = []
    with noting(notes):
        model = recipe.kind.build(recipe.config, build).fit(inputs, truth)
    if not isinstance(model, GridSearchCV):
        return Fitted(pipeline=model, chosen=_strength(model), notes=tuple(notes))
    chosen = {name.rpartition("__")[2]: float(value) for name, value in model.best_params_.items()}
    pipeline = model.best_estimator_
    return Fitted(pipeline=pipeline, chosen={**chosen, **_strength(pipeline)}, curve=_curve(model), notes=tuple(notes))


def predict(pipeline: Pipeline, inputs: Inputs, classes: int) -> Predicted:
    """Estimates, or with ``classes`` the probabilities of each; a class that the rows of a fold lacked has 0."""
    with noting([]):
        if not classes:
            return np.asarray(pipeline.predict(inputs), dtype=np.float64)
        probabilities = np.zeros((len(inputs), classes))
        probabilities[:, pipeline.classes_] = pipeline.predict_proba(inputs)
    return probabilities


def out_of_fold(
    recipe: Recipe, inputs: Inputs, truth: Truths, clusters: Int[np.ndarray, "rows"], folds: Folds
) -> Predicted:
    """The prediction for each row by a model fitted on the other folds, its hyperparameters chosen within those."""
    predicted = np.zeros((len(truth), recipe.classes) if recipe.classes else len(truth))
    for training, held_out in folds:
        fitted = fit(recipe, inputs[training], truth[training], clusters[training])
        predicted[held_out] = predict(fitted.pipeline, inputs[held_out], recipe.classes)
    return predicted


def baseline_out_of_fold(truth: Truths, classes: int, folds: Folds) -> Predicted:
    """The trivial baseline of each row: the mean, or the classes' shares, of the other folds."""
    predicted = np.zeros((len(truth), classes) if classes else len(truth))
    for training, held_out in folds:
        predicted[held_out] = baseline(truth[training], classes)
    return predicted


def baseline(truth: Truths, classes: int) -> Any:
    """The mean of the truths, or the share of each class."""
    return np.bincount(truth, minlength=classes) / len(truth) if classes else truth.mean()


def _strength(pipeline: Pipeline) -> dict[str, float]:
    alpha = getattr(pipeline.named_steps["model"], "alpha_", None)
    return {} if alpha is None else {"ridge strength": float(alpha)}


def _curve(model: GridSearchCV) -> Curve | None:
    """The curve of degree against error; None where something else was chosen."""
    found = model.cv_results_
    if "param_products__degree" not in found:
        return None
    return Curve(
        choices=tuple(int(degree) for degree in found["param_products__degree"]),
        training=tuple((-found["mean_train_score"]).tolist()),
        training_spread=tuple(found["std_train_score"].tolist()),
        validation=tuple((-found["mean_test_score"]).tolist()),
        validation_spread=tuple(found["std_test_score"].tolist()),
        folds=int(model.n_splits_),
    )


@contextlib.contextmanager
def noting(notes: list[str]) -> Iterator[None]:
    """Warnings that a user should know of become notes; unknown categories are expected."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        if issubclass(warning.category, ConvergenceWarning):
            note = "the fit stopped before it had converged: more iterations may change it"
        elif issubclass(warning.category, LinAlgWarning):
            note = "some columns are nearly collinear: single coefficients mean little"
        elif "unknown categories" in str(warning.message):
            continue
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
            continue
        if note not in notes:
            notes.append(note)
