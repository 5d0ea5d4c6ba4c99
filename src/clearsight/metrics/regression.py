"""Regression: the evidence of a finished evaluation, and its metrics as functions of statistics and weights.

A residual is estimate minus truth, so a positive bias means that the model overestimates.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array, hstack

from clearsight.metrics.additive import Additive, Columns, Sums, beside_one, mean_of, one_hot, ratio
from clearsight.types import Metric, Values, Weights

CELLS_AT_ONCE = 8_000_000


@dataclass(frozen=True, kw_only=True)
class RegressionStatistics:
    """The truth and the estimate of each row, in the unit of the target; ``unit`` is empty where unknown."""

    truth: Float[np.ndarray, "images"]
    estimate: Float[np.ndarray, "images"]
    target: str = "the value"
    unit: str = ""

    def __post_init__(self) -> None:
        assert self.truth.shape == self.estimate.shape, "one estimate for each truth"

    @property
    def images(self) -> int:
        """How many rows: the length of a row of weights."""
        return len(self.truth)

    @property
    def residuals(self) -> Float[np.ndarray, "images"]:
        """Prediction minus ground truth of each row."""
        return (self.estimate - self.truth).astype(np.float64)

    def each(self) -> tuple[str, Float[np.ndarray, "images"]]:
        """Minus the absolute error of each image or row."""
        return "minus the error", -np.abs(self.estimate - self.truth)

    def with_options(self, **options: Any) -> "RegressionStatistics":
        """The same: deployment needs no option. Raises ValueError for any."""
        if options:
            raise ValueError(f"regression has no option {', '.join(options)}. Expected none.")
        return self

    @classmethod
    def joined(cls, parts: Sequence["RegressionStatistics"]) -> "RegressionStatistics":
        """All rows of the parts, in order; the first part names the target and its unit."""
        return cls(
            truth=np.concatenate([part.truth for part in parts]),
            estimate=np.concatenate([part.estimate for part in parts]),
            target=parts[0].target,
            unit=parts[0].unit,
        )

    def metrics(self) -> tuple[Metric, ...]:
        """Every metric, R2 first."""
        return (self._r2(), *self._errors(), self._bias())

    def by_class(self) -> Mapping[str, "RegressionStatistics"]:
        """None: a number has no classes."""
        return {}

    def confidences(self) -> None:
        """None: an estimate comes without a confidence."""
        return None

    def for_groups(self) -> tuple[Metric, ...]:
        """The error that may be compared between groups, had each the same share of small and of large true values.

        R2 may not be compared: it falls where a group's truths vary little.
        """
        meaning = f"the mean absolute error of {self.target}, at an equal share of each fifth of its values"
        return (self._metric("MAE at equal true values", mean_absolute_error_alike, meaning),)

    def positives(self) -> Int[np.ndarray, "images"]:
        """One value to find in each row."""
        return np.ones(self.images, dtype=np.int64)

    def strata(self) -> Int[np.ndarray, "images"]:
        """Which fifth of all true values each row's lies in."""
        return fifths(self.truth)

    def group_rule(self) -> str:
        """To which group an error is attributed."""
        return "An error counts towards the group of the row it is in."

    def _r2(self) -> Metric:
        meaning = f"how much of the variance of {self.target} it explains (R2)"
        return Metric(name="R2", compute=r2, meaning=meaning, bounds=(float("-inf"), 1.0))

    def _errors(self) -> tuple[Metric, ...]:
        return (
            self._metric("MAE", mean_absolute_error, f"the mean absolute error of {self.target}"),
            self._metric(
                "RMSE",
                root_mean_squared_error,
                f"the root mean squared error of {self.target}, in which large errors weigh more",
            ),
            self._metric(
                "median absolute error",
                median_absolute_error,
                f"the error of {self.target} that half of the rows stay below",
            ),
        )

    def _bias(self) -> Metric:
        return Metric(
            name="bias",
            compute=bias,
            meaning=f"the mean of prediction minus ground truth of {self.target} (above 0 it overestimates)",
            bounds=(float("-inf"), float("inf")),
            unit=self.unit,
            ideal=0.0,
        )

    def _metric(self, name: str, compute: Callable[..., Values], meaning: str) -> Metric:
        return Metric(
            name=name,
            compute=compute,
            meaning=meaning,
            higher_is_better=False,
            bounds=(0.0, float("inf")),
            unit=self.unit,
        )


def _variance_columns(statistics: RegressionStatistics) -> Float[np.ndarray, "images 4"]:
    """1, the centred truth, its square, and the squared residual; in standard deviations of the truth."""
    truth = statistics.truth.astype(np.float64)
    truth = truth - truth.mean()  # the variance is a difference of two large numbers otherwise
    unit = truth.std() or 1.0
    truth = truth / unit
    return np.stack([np.ones_like(truth), truth, truth**2, (statistics.residuals / unit) ** 2], axis=1)


def _explained(statistics: RegressionStatistics, sums: Sums) -> Values:
    count, first, second, error = sums.T
    spread = second - count * ratio(first, count) ** 2
    # What cancellation leaves of the variance of equal truths is no variance.
    return 1 - ratio(error, np.where(spread > 1e-6 * second, spread, 0.0))


def _root(statistics: RegressionStatistics, sums: Sums) -> Values:
    return np.sqrt(ratio(sums[:, 0], sums[:, 1]))


# 1 - squared errors / squared distances from the mean truth; NaN where all truths with weight are equal.
r2 = Additive(_variance_columns, _explained)
# The mean of the absolute residuals.
mean_absolute_error = mean_of(lambda statistics: beside_one(np.abs(statistics.residuals)))
# The root of the mean squared residual.
root_mean_squared_error = Additive(lambda statistics: beside_one(statistics.residuals**2), _root)
# The mean residual.
bias = mean_of(lambda statistics: beside_one(statistics.residuals))


def fifths(truth: Float[np.ndarray, "images"]) -> Int[np.ndarray, "images"]:
    """Which fifth of all values each lies in, from 0; fewer parts where many values are equal."""
    if not len(truth):
        return np.zeros(0, dtype=np.int64)
    edges = np.unique(np.quantile(truth, [0.2, 0.4, 0.6, 0.8]))
    return np.unique(np.searchsorted(edges, truth, side="left"), return_inverse=True)[1]


def _errors_by_fifth(statistics: RegressionStatistics) -> Columns:
    part = fifths(statistics.truth)
    count = int(part.max(initial=0)) + 1
    return csr_array(hstack([one_hot(part, count, np.abs(statistics.residuals)), one_hot(part, count)], format="csr"))


def _error_alike(statistics: RegressionStatistics, sums: Sums) -> Values:
    """The mean error of each fifth, weighted by its share of all rows, over the fifths that have weight."""
    error, count = np.split(sums, 2, axis=1)
    shares = np.bincount(fifths(statistics.truth), minlength=error.shape[1]) / max(1, statistics.images)
    there = count > 0
    each = np.divide(error, count, out=np.zeros_like(error), where=there)
    return ratio(each @ shares, there @ shares)


# The mean absolute residual, standardised to the distribution of all truths over its fifths.
mean_absolute_error_alike = Additive(_errors_by_fifth, _error_alike)


def median_absolute_error(statistics: RegressionStatistics, weights: Weights) -> Values:
    """The least absolute residual that half of the weight does not exceed; midway to the next where it is just half."""
    size = np.abs(statistics.residuals)
    order = np.argsort(size, kind="stable")
    size = size[order]
    values = np.full(len(weights), np.nan)
    rows = max(1, CELLS_AT_ONCE // max(1, len(size)))
    for start in range(0, len(weights), rows):
        upto = np.cumsum(weights[start : start + rows, order], axis=1, dtype=np.float64)
        total = upto[:, -1] if upto.shape[1] else np.zeros(len(upto))
        slack = 1e-9 * total
        first = (upto < (total / 2 - slack)[:, None]).sum(1)
        after = (upto <= (total / 2 + slack)[:, None]).sum(1)
        known = total > 0
        middle = (size[first[known]] + size[np.minimum(after[known], len(size) - 1)]) / 2
        values[start : start + rows][known] = middle
    return values
