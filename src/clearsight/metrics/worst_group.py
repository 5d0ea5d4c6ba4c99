"""The error of the group that is served worst, and how far it is from the group that is served best.

The maximum over groups of noisy errors is too high, the more so the smaller the groups: its bias falls as the root of n
where groups are equally good, which resampling then shows (see ``resample``).
"""

from functools import partial

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array, hstack

from clearsight.metrics.additive import Additive, Columns, Sums, one_hot, ratio
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.types import Metric, Values

BIAS_RATE = 1 / 2  # of the maximum of several equal errors


def worst_group_error(cells: Int[np.ndarray, "images"]) -> Metric:
    """The highest share of wrong answers among the groups; ``cells`` is the group of each image, -1 for none."""
    return Metric(
        name="worst-group error",
        compute=Additive(partial(_by_cell, cells=cells), _worst),
        meaning="the share of wrong answers in the group where it is highest",
        higher_is_better=False,
        bias_rate=BIAS_RATE,
    )


def group_gap(cells: Int[np.ndarray, "images"]) -> Metric:
    """The highest share of wrong answers among the groups minus the lowest; ``cells`` as in ``worst_group_error``."""
    return Metric(
        name="gap between groups",
        compute=Additive(partial(_by_cell, cells=cells), _gap),
        meaning="the share of wrong answers in the worst group minus that in the best",
        higher_is_better=False,
        bias_rate=BIAS_RATE,
    )


def errors_by_group(
    statistics: ClassificationStatistics, cells: Int[np.ndarray, "images"]
) -> Float[np.ndarray, "groups"]:
    """The share of wrong answers in each group; NaN for one without images."""
    sums = _by_cell(statistics, cells).sum(axis=0)
    return _errors(np.asarray(sums, dtype=np.float64)[None])[0]


def _by_cell(statistics: ClassificationStatistics, cells: Int[np.ndarray, "images"]) -> Columns:
    """Wrong answers by group, then images by group."""
    groups, known = int(cells.max()) + 1, cells >= 0
    place = np.where(known, cells, 0)
    parts = (one_hot(place, groups, known & ~statistics.right), one_hot(place, groups, known))
    return csr_array(hstack(parts, format="csr"))


def _errors(sums: Sums) -> Float[np.ndarray, "replicates groups"]:
    wrong, total = np.split(sums, 2, axis=1)
    return ratio(wrong, total)


def _worst(statistics: ClassificationStatistics, sums: Sums) -> Values:
    return np.nanmax(_errors(sums), axis=1)


def _gap(statistics: ClassificationStatistics, sums: Sums) -> Values:
    errors = _errors(sums)
    return np.nanmax(errors, axis=1) - np.nanmin(errors, axis=1)
