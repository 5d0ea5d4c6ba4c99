"""What a run answers on a picture, and how sure it is, in words for people."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from clearsight import drawing
from clearsight.prediction.filtering import Filter
from clearsight.prediction.tallies import labels_above
from clearsight.quantities import counted, significant
from clearsight.serving.words import found_objects, of_objects, sureness
from clearsight.types import (
    Abstained,
    Decision,
    Detections,
    Estimate,
    Picture,
    Prediction,
    Scores,
    Segmentation,
)

LEAST_SHARE = 0.005  # of a picture, for a class to be named


def said_of(prediction: Prediction, filter: Filter) -> str:
    """The answer in a line."""
    names = filter.class_names
    if isinstance(prediction, Detections):
        return found_objects([names[label] for label in prediction.labels.tolist()], filter.least_score)
    if isinstance(prediction, Scores) and filter.thresholds:
        return ", ".join(labels_above(prediction, names, filter.thresholds)) or "none of its labels"
    if isinstance(prediction, Scores):
        return names[int(prediction.probabilities.argmax())]
    if isinstance(prediction, Segmentation):
        return _shares(prediction, names)
    if isinstance(prediction, Estimate):
        return significant(prediction.value, 4)
    if isinstance(prediction, Abstained):
        return f"no answer: {prediction.reason}"
    assert isinstance(prediction, Picture), f"no words are defined for a {type(prediction).__name__}"
    return f"a picture of {prediction.image.shape[2]} x {prediction.image.shape[1]} px"


def _shares(prediction: Segmentation, names: Sequence[str]) -> str:
    total = max(1, prediction.labels.numel())
    counts = torch.bincount(prediction.labels.flatten(), minlength=len(names))[: len(names)].tolist()
    shares = [(count / total, name) for count, name in zip(counts, names, strict=True)]
    told = [f"{100 * share:.0f}% {name}" for share, name in sorted(shares, reverse=True) if share >= LEAST_SHARE]
    return ", ".join(told) or "no class covers half a hundredth of it"


def confidence_of(
    prediction: Prediction, rows: Sequence[Mapping[str, Any]], filter: Filter, decision: Decision | None,
    calibration_error: tuple[float, int] | None,
) -> str:  # fmt: skip
    """How sure it is, and what that was worth: ``calibration_error`` is its ECE and on how many predictions."""
    if isinstance(prediction, Detections):
        return of_objects(rows)
    if isinstance(prediction, Segmentation):
        mean = float(prediction.confidence.mean())
        return (
            f"On average it gives its class {100 * mean:.0f}% at a pixel: {sureness(mean)}.{_worth(calibration_error)}"
        )
    if isinstance(prediction, Scores):
        return _of_scores(prediction, filter, calibration_error)
    if isinstance(prediction, Estimate):
        ends = {} if decision is None else decision.beside
        if "interval_low" in ends:
            low, high = (significant(float(ends[name]), 4) for name in ("interval_low", "interval_high"))
            return f"Between {low} and {high}, by the interval that the run promises."
        return "An estimate comes without a confidence."
    return ""


def _of_scores(prediction: Scores, filter: Filter, calibration_error: tuple[float, int] | None) -> str:
    if filter.thresholds:
        labels = labels_above(prediction, filter.class_names, filter.thresholds)
        values = dict(zip(filter.class_names, prediction.probabilities.tolist(), strict=True))
        told = [f"{name} {values[name]:.2f}, {sureness(values[name])}" for name in labels]
        return f"{'; '.join(told)}.{_worth(calibration_error)}" if told else ""
    best = float(prediction.probabilities.max())
    words = drawing.answer_in_words(prediction, filter.class_names).replace("  ", ", ")
    return f"{sureness(best).capitalize()}: {words}.{_worth(calibration_error)}"


def _worth(calibration_error: tuple[float, int] | None) -> str:
    if calibration_error is None:
        return ""
    error, n = calibration_error
    return f" Its confidence was off by {100 * error:.0f} points on average, on {counted(n, 'held-out predictions')}."
