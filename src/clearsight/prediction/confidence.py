"""The calibrated confidence of what was found, beside the scores: by class and size of objects, by class of pixels."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from clearsight.metrics import platt
from clearsight.metrics.platt import Lines
from clearsight.ops import instance_masks
from clearsight.ops.matching import sizes_of
from clearsight.prediction.scored_rows import beside_scores
from clearsight.types import Detections, InstanceDetections, Prediction, Segmentation


def confidences(found: Detections, calibration: Lines) -> list[float]:
    """How often boxes of this class, size and score are right, for each detection."""
    if isinstance(found, InstanceDetections):
        area = np.asarray(instance_masks.areas(found.masks).tolist(), dtype=np.float64)
    else:
        sides = (found.xyxy[:, 2:] - found.xyxy[:, :2]).double().cpu().numpy()
        area = sides[:, 0] * sides[:, 1]
    score, label = found.scores.double().cpu().numpy(), found.labels.cpu().numpy()
    scaled: list[float] = platt.scaled(score, label, sizes_of(area), calibration).tolist()
    return scaled


def with_confidence(rows: list[dict[str, Any]], found: Prediction, calibration: Lines | None) -> list[dict[str, Any]]:
    """Rows of objects with their ``confidence`` beside their score; other rows as they are."""
    if calibration is None or not isinstance(found, Detections):
        return rows
    return beside_scores(rows, confidences(found, calibration))


def calibrated(prediction: Prediction, calibration: Lines | None) -> Prediction:
    """A class map with the calibrated confidence of its pixels; any other prediction as it is."""
    if calibration is None or not isinstance(prediction, Segmentation):
        return prediction
    chosen = torch.tensor([parts[0] for parts in calibration], dtype=torch.float32)
    slope, offset = chosen[prediction.labels.long().cpu()].unbind(-1)
    logit = torch.logit(prediction.confidence.float().cpu(), eps=platt.CLIP)
    return replace(prediction, confidence=torch.sigmoid(slope * logit + offset))
