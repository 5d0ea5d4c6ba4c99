"""Selective prediction: the risk of the cases that a model is surest of, against how many these are.

After El-Yaniv & Wiener 2010 and Geifman & El-Yaniv 2017 ("Selective classification for deep neural networks"). The area
under the curve (AURC) is the mean of the risk over all coverages; no model of the same risk has less than one that is
less certain of every wrong answer than of any right one.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from clearsight.metrics.rates import design_effect, wilson
from clearsight.types import Metric, Values, Weights

CELLS_AT_ONCE = 8_000_000
POINTS = 20


@dataclass(frozen=True, kw_only=True)
class RiskCoverage:
    """The mean loss of the surest cases, at coverages from 5% to 100%, with its interval."""

    coverage: Float[np.ndarray, "points"]
    risk: Float[np.ndarray, "points"]
    low: Float[np.ndarray, "points"]
    high: Float[np.ndarray, "points"]


def risk_coverage(
    uncertainty: Float[np.ndarray, "n"],
    loss: Float[np.ndarray, "n"],
    clusters: Int[np.ndarray, "n"],
    confidence: float = 0.95,
) -> RiskCoverage:
    """The curve, with Wilson intervals widened by the design effect; of other losses than 0 and 1 they are too wide."""
    order = np.argsort(uncertainty, kind="stable")
    ends = np.unique(np.ceil(len(loss) * np.arange(1, POINTS + 1) / POINTS - 1e-9).astype(np.int64))
    sums = np.cumsum(loss[order], dtype=np.float64)[ends - 1]
    effect = design_effect(loss, clusters)
    limits = [wilson(k, m, confidence, effect) for k, m in zip(sums.tolist(), ends.tolist(), strict=True)]
    low, high = np.array(limits).reshape(-1, 2).T
    return RiskCoverage(coverage=ends / len(loss), risk=sums / ends, low=low, high=high)


def area_under_risk_coverage(uncertainty: Float[np.ndarray, "n"], loss: Float[np.ndarray, "n"]) -> Metric:
    """The mean over all coverages of the risk of the surest cases, as a metric over pictures; lower is better."""
    order = np.argsort(uncertainty, kind="stable")
    ordered = loss[order].astype(np.float64)

    def compute(statistics: object, weights: Weights) -> Values:
        found = np.full(len(weights), np.nan)
        rows = max(1, CELLS_AT_ONCE // max(1, len(order)))
        for start in range(0, len(weights), rows):
            block = weights[start : start + rows, order].astype(np.float64)
            count = np.cumsum(block, axis=1)
            risk = np.divide(np.cumsum(block * ordered, axis=1), count, out=np.zeros_like(count), where=count > 0)
            total = count[:, -1] if count.shape[1] else np.zeros(len(block))
            known = total > 0
            found[start : start + rows][known] = (block * risk).sum(1)[known] / total[known]
        return found

    return Metric(
        name="area under the risk-coverage curve (AURC)",
        compute=compute,
        meaning="the mean over all coverages of the loss of the surest pictures",
        higher_is_better=False,
        bias_rate=1.0,
    )


def least_area(loss: Float[np.ndarray, "n"]) -> float:
    """The area under the curve of a model of the same losses that is least certain where it loses most."""
    ordered = np.sort(loss)
    return float((np.cumsum(ordered) / np.arange(1, len(ordered) + 1)).mean()) if len(loss) else float("nan")
