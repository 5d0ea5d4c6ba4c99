"""Regression: a number, such as a weight or an age, per picture or table row."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from clearsight.metrics.regression import RegressionStatistics
from clearsight.types import Estimate, Prediction, Size, Truth, Value


class Regression:
    """Regression: from estimates and true values to statistics, and the trivial baseline."""

    name = "regression"
    statistics_type = RegressionStatistics
    truth_type = Value

    def statistics(
        self,
        predictions: Sequence[Prediction],
        truths: Sequence[Truth],
        class_names: Sequence[str],
        target: str = "the value",
        unit: str = "",
    ) -> RegressionStatistics:
        """Truth and estimate of each row, without classes. Raises ValueError for what is not a finite number."""
        assert all(isinstance(one, Estimate) for one in predictions), "every prediction must be an Estimate"
        truth, estimate = _values(truths), np.array([_number(one) for one in predictions], dtype=np.float64)
        if len(truth) != len(estimate):
            raise ValueError(f"{len(estimate)} estimates came with {len(truth)} true values. Expected one for each.")
        if not np.isfinite(estimate).all():
            raise ValueError("an estimate is not a finite number. Check the model's outputs.")
        return RegressionStatistics(truth=truth, estimate=estimate, target=target, unit=unit)

    def settle(self, statistics: RegressionStatistics) -> dict[str, float]:
        """Nothing: an estimate is used as it is."""
        return {}

    def baseline(
        self, truths: Iterable[Truth], sizes: Sequence[Size], class_names: Sequence[str]
    ) -> Callable[[Size], Prediction]:
        """The trivial baseline: the mean of the training truths."""
        values = _values(truths)
        if not len(values):
            raise ValueError("there are no training values to take the mean of. Expected at least one.")
        mean = Estimate(value=float(values.mean()))
        return lambda size: mean


def _number(prediction: Prediction) -> float:
    assert isinstance(prediction, Estimate)
    return prediction.value


def _values(truths: Iterable[Truth]) -> np.ndarray:
    values = [truth.value if isinstance(truth, Value) else float("nan") for truth in truths]
    found = np.array(values, dtype=np.float64)
    if not np.isfinite(found).all():
        missing = int((~np.isfinite(found)).sum())
        raise ValueError(
            f"{missing} of {len(found)} rows have no true value, or none that is finite. Expected one each."
        )
    return found
