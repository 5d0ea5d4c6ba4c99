"""What a model loses on a picture on which it decides alone: a share in [0, 1], by the task."""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from jaxtyping import Float, Int

from clearsight.decisions.uncertainty import uncertainties
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.detection import ALL, DetectionStatistics
from clearsight.metrics.labels import MultiLabelStatistics
from clearsight.metrics.segmentation import SegmentationStatistics


@dataclass(frozen=True, kw_only=True)
class Losses:
    """How uncertain a model was of each judged picture, and what it lost there.

    ``row`` are the pictures judged; ``wrong`` says what the mean loss is the share of, such as "wrong answers".
    """

    uncertainty: Float[np.ndarray, "k"]
    loss: Float[np.ndarray, "k"]
    row: Int[np.ndarray, "k"]
    wrong: str

    def among(self, chosen: Int[np.ndarray, "j"]) -> "Losses":
        """Those at these places."""
        return Losses(
            uncertainty=self.uncertainty[chosen], loss=self.loss[chosen], row=self.row[chosen], wrong=self.wrong
        )


def losses_of(statistics: object) -> Losses | None:
    """Uncertainty and loss of the pictures of finished statistics; None where the task has no confidence to go by."""
    uncertainty = uncertainties(statistics)
    if uncertainty is None:
        return None
    loss, wrong = _loss(statistics)
    row = np.flatnonzero(~np.isnan(loss))
    return Losses(uncertainty=uncertainty[row], loss=loss[row], row=row, wrong=wrong)


@singledispatch
def _loss(statistics: object) -> tuple[Float[np.ndarray, "images"], str]:
    """The loss of each picture, NaN where nothing in it is judged; and what it is the share of."""
    raise TypeError(f"no loss is defined for {type(statistics).__name__}")


@_loss.register
def _(statistics: ClassificationStatistics) -> tuple[Float[np.ndarray, "images"], str]:
    return (~statistics.right).astype(np.float64), "wrong answers"


@_loss.register
def _(statistics: MultiLabelStatistics) -> tuple[Float[np.ndarray, "images"], str]:
    wrong = (statistics.judged & (statistics.predicted != statistics.present)).sum(1)
    return _share(wrong, statistics.judged.sum(1), empty=np.nan), "wrong labels"


@_loss.register
def _(statistics: DetectionStatistics) -> tuple[Float[np.ndarray, "images"], str]:
    """Missed objects and false boxes, among objects and false boxes; nothing is lost where there is neither."""
    shown = statistics.score >= statistics.threshold
    matched, ignored = statistics.matched[ALL, 0], statistics.ignored[ALL, 0]
    found = np.bincount(statistics.row[shown & matched & ~ignored], minlength=statistics.images)
    false = np.bincount(statistics.row[shown & ~matched & ~ignored], minlength=statistics.images)
    objects = statistics.truths[:, :, ALL].sum(1)
    loss = _share(objects - found + false, objects + false, empty=0.0)
    return loss, "missed objects and false boxes among objects and false boxes"


@_loss.register
def _(statistics: SegmentationStatistics) -> tuple[Float[np.ndarray, "images"], str]:
    pixels = statistics.confusion.sum((1, 2))
    wrong = pixels - np.trace(statistics.confusion, axis1=1, axis2=2)
    return _share(wrong, pixels, empty=np.nan), "wrong pixels"


def _share(
    part: Int[np.ndarray, "images"], whole: Int[np.ndarray, "images"], empty: float
) -> Float[np.ndarray, "images"]:
    return np.divide(part, whole, out=np.full(len(whole), empty), where=whole > 0)
