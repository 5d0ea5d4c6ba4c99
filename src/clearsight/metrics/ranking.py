"""Ranking metrics under any weighting: AUROC and average precision, exact for ties.

Scores are sorted once. Items of equal score are one step: neither is before the other. Both metrics change only at the
steps that hold a positive, so only there is anything computed: a sparse matrix sums the weights from one such step to
the next, for a few rows of weights at a time so that memory stays bounded.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.sparse import csr_array

from clearsight.metrics.segments import summing
from clearsight.metrics.threads import in_threads
from clearsight.types import Values, Weights

ELEMENTS_AT_ONCE = 8_000_000

# The scores of all images, which are positive, and which are evaluated at all.
Ranking = tuple[Float[np.ndarray, "images"], Bool[np.ndarray, "images"], Bool[np.ndarray, "images"]]
Measure = Callable[[Iterable[Ranking], Weights], Float[np.ndarray, "rankings replicates"]]


def auroc(rankings: Iterable[Ranking], weights: Weights) -> Float[np.ndarray, "rankings replicates"]:
    """The area under the ROC curve of each ranking: how often a positive scores above a negative.

    Ties count half. NaN where the positives or the negatives have no weight.
    """
    return _each(rankings, weights, _area)


def average_precision(rankings: Iterable[Ranking], weights: Weights) -> Float[np.ndarray, "rankings replicates"]:
    """The mean precision at the positives of each ranking, from the highest score down.

    The step form, without interpolation; a random score gets the prevalence. NaN where the positives have no weight.
    """
    return _each(rankings, weights, _mean_precision)


def mean_over_known(values: Float[np.ndarray, "classes replicates"]) -> Values:
    """The mean over the classes for which a value exists; NaN where none does."""
    known = ~np.isnan(values)
    count = known.sum(0)
    total = np.where(known, values, 0.0).sum(0)
    return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)


@dataclass(frozen=True)
class _Steps:
    """Sparse matrices ``[steps, images]``: the positives of each step that has any, the negatives that lie between the
    step before and this one, and those within it. The last row of ``between`` lies below all steps.
    """

    positive: csr_array
    between: csr_array
    tied: csr_array

    @classmethod
    def of(cls, ranking: Ranking) -> "_Steps":
        score, positive, judged = ranking
        steps = np.unique(-score[positive])
        place = np.searchsorted(steps, -score)
        tied = np.append(steps, np.nan)[place] == -score
        shape = (len(steps) + 1, len(score))

        def chosen(items: Bool[np.ndarray, "images"]) -> csr_array:
            index = np.flatnonzero(items)
            return summing(place[index], index, shape)

        return cls(chosen(positive), chosen(judged & ~positive & ~tied), chosen(judged & ~positive & tied))


def _each(
    rankings: Iterable[Ranking], weights: Weights, measure: Callable[..., Values]
) -> Float[np.ndarray, "rankings replicates"]:
    held = np.asarray(weights.any(0))
    if not held.all():
        # Images that never have weight, as those outside of a group, change nothing.
        rankings = (tuple(each[held] for each in ranking) for ranking in rankings)  # type: ignore[misc]
        weights = weights[:, held]
    steps = [_Steps.of(ranking) for ranking in rankings]
    values = np.full((len(steps), len(weights)), np.nan)
    rows = max(1, ELEMENTS_AT_ONCE // max(1, weights.shape[1]))
    for start in range(0, len(weights), rows):
        part = slice(start, start + rows)
        columns = np.ascontiguousarray(weights[part].T, dtype=np.float64)

        def measured(each: _Steps, columns: Float[np.ndarray, "images rows"] = columns) -> Values:
            return measure(each.positive @ columns, each.between @ columns, each.tied @ columns)

        found = in_threads(measured, steps, len(steps) * columns.size)
        values[:, part] = np.array(found).reshape(len(steps), columns.shape[1])
    return values


Rows = Float[np.ndarray, "steps rows"]


def _area(positive: Rows, between: Rows, tied: Rows) -> Values:
    negatives = np.cumsum(between + tied, axis=0)
    above_half = np.einsum("sr,sr->r", positive, negatives - 0.5 * tied)
    pairs = positive.sum(0) * negatives[-1]
    return np.divide(pairs - above_half, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def _mean_precision(positive: Rows, between: Rows, tied: Rows) -> Values:
    right = np.cumsum(positive, axis=0)
    seen = np.cumsum(between + tied, axis=0) + right
    precision = np.divide(right, seen, out=np.zeros_like(right), where=seen > 0)
    total = right[-1]
    above = np.einsum("sr,sr->r", positive, precision)
    return np.divide(above, total, out=np.full(len(total), np.nan), where=total > 0)
