"""Guarantees checked on evidence: what was lost there where the guarantee speaks, picture by picture."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from clearsight.decisions.losses import losses_of
from clearsight.decisions.objects import missed_share, true_objects, uncovered_share
from clearsight.decisions.pixels import missed_pixels
from clearsight.decisions.sets import prediction_sets
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.detection import DetectionStatistics
from clearsight.metrics.regression import RegressionStatistics
from clearsight.metrics.segmentation import MISS_EDGES, SegmentationStatistics
from clearsight.types import Guarantee


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What was lost on each picture a guarantee speaks of, a share in [0, 1], and which picture it is.

    ``of`` is how many pictures it could have spoken of: more where it leaves some to a person.
    """

    loss: Float[np.ndarray, "k"]
    row: Int[np.ndarray, "k"]
    of: int

    @property
    def mean(self) -> float:
        """The mean loss; NaN where there is none."""
        return float(self.loss.mean()) if len(self.loss) else float("nan")


def kept(guarantee: Guarantee, statistics: Any, rows: Int[np.ndarray, "n"]) -> Kept | None:
    """What a guarantee lost on the pictures ``rows``; None where it has no threshold or does not fit the statistics."""
    if guarantee.threshold is None:
        return None
    return CHECK[guarantee.promise](statistics, rows, guarantee, guarantee.threshold)


def _decide_alone(statistics: Any, rows: np.ndarray, guarantee: Guarantee, threshold: float) -> Kept | None:
    found = losses_of(statistics)
    if found is None:
        return None
    own = found.among(np.flatnonzero(np.isin(found.row, rows)))
    alone = own.uncertainty < threshold
    return Kept(loss=own.loss[alone], row=own.row[alone], of=len(own.loss))


def _prediction_set(statistics: Any, rows: np.ndarray, guarantee: Guarantee, threshold: float) -> Kept | None:
    if not isinstance(statistics, ClassificationStatistics):
        return None
    inside = prediction_sets(statistics.probabilities[rows], threshold)
    return Kept(loss=(~inside[np.arange(len(rows)), statistics.truth[rows]]).astype(np.float64), row=rows, of=len(rows))


def _interval(statistics: Any, rows: np.ndarray, guarantee: Guarantee, threshold: float) -> Kept | None:
    if not isinstance(statistics, RegressionStatistics):
        return None
    outside = np.abs(statistics.residuals[rows]) > threshold
    return Kept(loss=outside.astype(np.float64), row=rows, of=len(rows))


def _missed_objects(statistics: Any, rows: np.ndarray, guarantee: Guarantee, threshold: float) -> Kept | None:
    if not isinstance(statistics, DetectionStatistics):
        return None
    loss, row = missed_share(true_objects(statistics, rows), threshold)
    return Kept(loss=loss, row=row, of=len(row))


def _box_margin(statistics: Any, rows: np.ndarray, guarantee: Guarantee, threshold: float) -> Kept | None:
    if not isinstance(statistics, DetectionStatistics) or statistics.margin is None:
        return None
    loss, row = uncovered_share(true_objects(statistics, rows), statistics.threshold, threshold)
    return Kept(loss=loss, row=row, of=len(row))


def _missed_pixels(statistics: Any, rows: np.ndarray, guarantee: Guarantee, threshold: float) -> Kept | None:
    if not isinstance(statistics, SegmentationStatistics) or statistics.missed is None:
        return None
    shares, row = missed_pixels(statistics, statistics.class_names.index(guarantee.of), rows)
    return Kept(loss=shares[:, MISS_EDGES.index(threshold)], row=row, of=len(row))


CHECK: dict[str, Callable[[Any, np.ndarray, Guarantee, float], Kept | None]] = {
    "decide alone": _decide_alone,
    "prediction set": _prediction_set,
    "interval": _interval,
    "missed objects": _missed_objects,
    "box margin": _box_margin,
    "missed pixels": _missed_pixels,
}
