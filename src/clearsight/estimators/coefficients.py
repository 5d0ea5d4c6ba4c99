"""Coefficients of linear models with intervals: the effect of one standard deviation of a column, or of a category.

The intervals are estimate -+ t * bootstrap standard error: whole clusters are resampled, and the last step is refitted
with the chosen strength of regularisation.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy import stats
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeCV
from sklearn.pipeline import Pipeline

from clearsight.estimators.fitting import Truths, noting
from clearsight.estimators.preparing import Inputs, Layout, prepared_names
from clearsight.metrics.resample import cluster_weights

MAX_REPLICATES = 200
MIN_REPLICATES = 30
ROW_FITS = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """One value per term, largest first; ``low`` and ``high`` its 95% interval; ``replicates`` how many resamplings."""

    names: tuple[str, ...]
    value: Float[np.ndarray, "terms"]
    low: Float[np.ndarray, "terms"]
    high: Float[np.ndarray, "terms"]
    replicates: int


def coefficients(
    pipeline: Pipeline,
    layout: Layout,
    data: tuple[Inputs, Truths, Int[np.ndarray, "rows"]],
    class_names: tuple[str, ...] = (),
    seed: int = 0,
) -> Coefficients | None:
    """The coefficients of a fitted pipeline on its training ``data`` (inputs, truths, clusters).

    None for a model that has none. Of several classes each has its own; of two those of the second.
    """
    inputs, truth, clusters = data
    model = _with_fixed_strength(pipeline.named_steps["model"])
    if model is None:
        return None
    with noting([]):
        terms = np.asarray(pipeline[:-1].transform(inputs), dtype=np.float64)
        replicates = int(np.clip(ROW_FITS // max(1, len(truth)), MIN_REPLICATES, MAX_REPLICATES))
        weights = cluster_weights(clusters, replicates, seed).astype(np.float64)
        drawn = [_fitted(model, terms, truth, row) for row in weights]
    kept = np.array([one for one in drawn if one is not None])
    if len(kept) < MIN_REPLICATES // 2:
        return None
    names, place = np.unique(_terms(pipeline, layout, class_names), return_inverse=True)
    same = np.eye(len(names))[place]  # powers of a 0 or 1 are one column in several places: their effects add up
    value, kept = np.atleast_2d(pipeline.named_steps["model"].coef_).ravel() @ same, kept @ same
    reach = stats.t.ppf(0.975, max(1, len(np.unique(clusters)) - 1)) * kept.std(0, ddof=1)
    order = np.argsort(-np.abs(value), kind="stable")
    return Coefficients(
        names=tuple(str(names[index]) for index in order),
        value=value[order],
        low=(value - reach)[order],
        high=(value + reach)[order],
        replicates=len(kept),
    )


def _with_fixed_strength(model: Any) -> Any:
    if isinstance(model, RidgeCV):
        return Ridge(alpha=model.alpha_)
    if isinstance(model, LinearRegression):
        return LinearRegression()
    if isinstance(model, LogisticRegression):
        return LogisticRegression(C=model.C, max_iter=model.max_iter)
    return None


def _fitted(model: Any, terms: Inputs, truth: Truths, weights: Float[np.ndarray, "rows"]) -> Any:
    """The coefficients under these weights; None where a class has no weight left."""
    rows = weights > 0
    if np.issubdtype(truth.dtype, np.integer) and len(np.unique(truth[rows])) < len(np.unique(truth)):
        return None
    return np.atleast_2d(model.fit(terms[rows], truth[rows], sample_weight=weights[rows]).coef_).ravel()


def _terms(pipeline: Pipeline, layout: Layout, class_names: tuple[str, ...]) -> list[str]:
    names = prepared_names(pipeline.named_steps["prepare"], layout)
    products = pipeline.named_steps.get("products")
    if products is not None:
        names = [_product(names, powers) for powers in products.powers_.tolist()]
    classes = len(np.atleast_2d(pipeline.named_steps["model"].coef_)) if class_names else 1
    if classes > 1:
        names = [f"{class_name}: {name}" for class_name in class_names for name in names]
    return names


def _product(names: list[str], powers: list[int]) -> str:
    marks = {1: "", 2: "²", 3: "³"}
    parts = [
        f"{name}{'' if ' = ' in name else marks.get(power, f' to the power {power}')}"
        for name, power in zip(names, powers, strict=True)
        if power
    ]
    return " × ".join(parts)
