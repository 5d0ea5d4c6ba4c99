"""Additive metrics: functions of weighted sums of statistics per image, such as shares, means, a confusion matrix.

Their type marks them. Resampling then needs no weight for every image: the sums of a resampled data set can be drawn
from how often each distinct image occurs (see ``resample.Resampling``), however many images there are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float, Num
from scipy.sparse import csr_array, hstack

from clearsight.types import Values, Weights

# Shape [images, columns].
Columns: TypeAlias = np.ndarray | csr_array
Sums = Float[np.ndarray, "replicates columns"]


@dataclass(frozen=True)
class Additive:
    """``compute`` of a metric that is ``of(weights @ columns(statistics))``.

    ``columns`` gives the statistics of each image, dense or sparse; ``of`` turns weighted sums of them into values, NaN
    where undefined. Both take the whole statistics, for what does not depend on the weights.
    """

    columns: Callable[[Any], Columns]
    of: Callable[[Any, Sums], Values]

    def __call__(self, statistics: Any, weights: Weights) -> Values:
        """The metric under each row of weights; sums are computed in the precision of the weights."""
        columns = self.columns(statistics)
        if weights.dtype != np.float32:
            columns = columns.astype(np.float64)
        elif columns.dtype != np.float32:
            columns = columns.astype(np.float32)
        return self.of(statistics, np.asarray(weights @ columns, dtype=np.float64))


def side_by_side(compute: Additive) -> Additive:
    """The sums of several evaluations of the same images, which are given as a tuple of statistics, in one row.

    As many columns for each, in order; its value is never asked for.
    """

    def columns(evaluations: tuple[Any, ...]) -> Columns:
        return csr_array(hstack([csr_array(compute.columns(one)) for one in evaluations], format="csr"))

    return Additive(columns, compute.of)


def ratio(above: Values, below: Values) -> Values:
    """The quotient; NaN where the denominator is 0."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)


def mean_of(columns: Callable[[Any], Columns]) -> Additive:
    """The weighted mean of one number per image; ``columns`` gives ``[number, 1]``."""
    return Additive(columns, lambda statistics, sums: ratio(sums[:, 0], sums[:, 1]))


def beside_one(number: Num[np.ndarray, "images"]) -> Num[np.ndarray, "images 2"]:
    """The number of each image, and 1 to count it: the columns of a mean."""
    return np.stack([number, np.ones(len(number))], axis=1)


def one_hot(
    index: Num[np.ndarray, "images"], classes: int, amount: Num[np.ndarray, "images"] | None = None
) -> csr_array:
    """A sparse ``[images, classes]`` with ``amount`` (else 1) in the column of each image's class."""
    images = len(index)
    data = np.ones(images) if amount is None else amount.astype(np.float64)
    return csr_array((data, index, np.arange(images + 1)), shape=(images, classes))
