"""How uncertain a model is of a whole picture: the same number from its prediction and from the evidence kept of it.

Of one class per picture it is 1 minus the probability of the answer; of pixels 1 minus their mean confidence. Of
objects and of several labels it is how near the nearest score is to its threshold: the ratio of their odds, 1 at the
threshold and falling off to both sides, so that a box far above it and one far below it are both certain.
"""

from functools import singledispatch

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.detection import DetectionStatistics
from clearsight.metrics.labels import DEFAULT_THRESHOLD, MultiLabelStatistics
from clearsight.metrics.segmentation import SegmentationStatistics
from clearsight.types import Detections, Prediction, Scores, Segmentation

CERTAIN = 1e-9


def nearness(
    score: Float[np.ndarray, "*any"], threshold: Float[np.ndarray, "classes"] | float
) -> Float[np.ndarray, "*any"]:
    """The ratio of the odds of a score and of its threshold, the smaller over the larger: in (0, 1]."""
    parts = [np.clip(np.asarray(part, dtype=np.float64), CERTAIN, 1 - CERTAIN) for part in (score, threshold)]
    one, other = (np.log(part) - np.log1p(-part) for part in parts)
    return np.exp(-np.abs(one - other))


@singledispatch
def uncertainty_of(prediction: Prediction, thresholds: tuple[float, ...] = ()) -> float | None:
    """How uncertain a prediction is, in [0, 1]; None where it comes without confidence.

    ``thresholds`` are those of several labels, one per class; of detections the one from which they are shown.
    """
    return None


@uncertainty_of.register
def _(prediction: Scores, thresholds: tuple[float, ...] = ()) -> float | None:
    probabilities = _numbers(prediction.probabilities)
    if thresholds:
        return float(nearness(probabilities, np.array(thresholds)).max(initial=0.0))
    return float(1 - probabilities.max())


@uncertainty_of.register
def _(prediction: Detections, thresholds: tuple[float, ...] = ()) -> float | None:
    return float(nearness(_numbers(prediction.scores), thresholds[0]).max(initial=0.0))


@uncertainty_of.register
def _(prediction: Segmentation, thresholds: tuple[float, ...] = ()) -> float | None:
    return 1 - mean_confidence(prediction.confidence)


def mean_confidence(confidence: Float[Tensor, "h w"]) -> float:
    """The mean confidence of the pixels of a class map."""
    return min(1.0, float(confidence.double().mean()))


def _numbers(values: Tensor) -> Float[np.ndarray, "k"]:
    return values.detach().to("cpu", torch.float64).numpy()


@singledispatch
def uncertainties(statistics: object) -> Float[np.ndarray, "images"] | None:
    """How uncertain the model was of each picture of finished statistics; None where they do not tell."""
    return None


@uncertainties.register
def _(statistics: ClassificationStatistics) -> Float[np.ndarray, "images"] | None:
    return 1 - statistics.probabilities.astype(np.float64).max(1, initial=0.0)


@uncertainties.register
def _(statistics: MultiLabelStatistics) -> Float[np.ndarray, "images"] | None:
    thresholds = np.array(statistics.thresholds or [DEFAULT_THRESHOLD] * len(statistics.class_names))
    return nearness(statistics.probabilities, thresholds).max(1, initial=0.0)


@uncertainties.register
def _(statistics: DetectionStatistics) -> Float[np.ndarray, "images"] | None:
    found = np.zeros(statistics.images)
    np.maximum.at(found, statistics.row, nearness(statistics.score, statistics.threshold))
    return found


@uncertainties.register
def _(statistics: SegmentationStatistics) -> Float[np.ndarray, "images"] | None:
    return None if statistics.certainty is None else 1 - statistics.certainty
