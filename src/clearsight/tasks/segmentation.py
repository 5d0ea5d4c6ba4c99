"""Semantic segmentation: a class for every pixel."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8

from clearsight.metrics import platt
from clearsight.metrics.segmentation import MISS_EDGES, SegmentationStatistics
from clearsight.ops import outlines
from clearsight.types import IGNORE, ClassMap, Prediction, Segmentation, Size, Truth

TOLERANCE = 0.0075  # of the diagonal, for boundaries (Csurka et al. 2013, section 4)
PIXELS_KEPT = 200
CELLS_PER_SIDE = 16
GOLDEN = 0.6180339887498949

Map = UInt8[np.ndarray, "h w"]


class SemanticSegmentation:
    """Semantic segmentation: from class maps to statistics, and the trivial baseline."""

    name = "segmentation"
    statistics_type = SegmentationStatistics
    truth_type = ClassMap

    def statistics(
        self,
        predictions: Sequence[Prediction],
        truths: Sequence[Truth],
        class_names: Sequence[str],
        calibration: Any = None,
    ) -> SegmentationStatistics:
        """The confusion matrix and the boundary agreement of each picture, without ignored pixels.

        ``calibration`` are the lines by class that ``settle`` found, if any.

        Raises ValueError where a picture has no class map, the sizes differ, a class id has no name, or a confidence
        is not a probability.
        """
        classes = len(class_names)
        maps = [truth for truth in truths if isinstance(truth, ClassMap)]
        if not len(maps) == len(truths) == len(predictions):
            raise ValueError(
                f"{len(predictions)} pictures came with {len(maps)} class maps. Each picture needs one; "
                "unlabelled pixels are 255."
            )
        confusion = np.zeros((len(maps), classes, classes), dtype=np.int64)
        boundary = np.zeros((len(maps), classes, 4), dtype=np.int64)
        certainty, missed = np.zeros(len(maps)), np.zeros((len(maps), classes, len(MISS_EDGES)), dtype=np.int64)
        samples = []
        for index, (prediction, truth) in enumerate(zip(predictions, maps, strict=True)):
            assert isinstance(prediction, Segmentation), "every prediction must be a Segmentation"
            true, found, confidence = _checked(prediction, truth, classes)
            confusion[index] = _confusion(true, found, classes)
            certainty[index] = confidence.mean(dtype=np.float64) if confidence.size else 0.0
            missed[index] = _missed(true, found, confidence, classes)
            judged = np.where(true == IGNORE, np.uint8(IGNORE), found)
            within = TOLERANCE * float(np.hypot(*true.shape))
            boundary[index] = outlines.agreement(judged, true, classes, within)
            chosen = _sampled(np.flatnonzero(true.reshape(-1) != IGNORE))
            samples.append((index, found.reshape(-1)[chosen], confidence.reshape(-1)[chosen], true.reshape(-1)[chosen]))
        label = _flat([found for _, found, _, _ in samples], np.int64)
        return SegmentationStatistics(
            class_names=tuple(class_names), confusion=confusion, boundary=boundary, label=label,
            row=np.repeat(np.arange(len(samples)), [len(found) for _, found, _, _ in samples]),
            confidence=_flat([confidence for _, _, confidence, _ in samples], np.float64),
            right=label == _flat([true for _, _, _, true in samples], np.int64), certainty=certainty, missed=missed,
            calibration=platt.as_lines(calibration),
        )  # fmt: skip

    def settle(self, statistics: SegmentationStatistics) -> dict[str, Any]:
        """The calibration of the confidence in each predicted class; the most probable class stays the answer."""
        label = statistics.label
        if not len(label):
            return {}
        classes = len(statistics.class_names)
        # Pixels of one picture are alike: a prior counts as so many pictures, not pixels.
        strength = platt.STRENGTH * max(1.0, len(label) / max(1, statistics.images))
        found = platt.lines(
            statistics.confidence, statistics.right, label, np.zeros_like(label), (classes, 1), strength
        )
        return {"calibration": found}

    def baseline(
        self, truths: Iterable[Truth], sizes: Sequence[Size], class_names: Sequence[str]
    ) -> Callable[[Size], Prediction]:
        """The trivial baseline: at each place the class that the training maps have there most often.

        Counted in 16 x 16 cells, relative to the size of the picture; its confidence is how often that was.
        """
        counts = np.zeros((CELLS_PER_SIDE, CELLS_PER_SIDE, len(class_names)))
        for truth in truths:
            if isinstance(truth, ClassMap):
                counts += _cells(truth.labels.numpy(), len(class_names))
        total = counts.sum((0, 1))
        # A cell that no training picture labels takes the overall frequencies.
        counts[counts.sum(2) == 0] = total if total.any() else 1.0
        labels = torch.from_numpy(counts.argmax(2).astype(np.uint8))
        confidence = torch.from_numpy((counts.max(2) / counts.sum(2)).astype(np.float32))

        def predict(size: Size) -> Prediction:
            rows, columns = (torch.arange(side) * CELLS_PER_SIDE // side for side in size)
            at = (rows[:, None], columns[None, :])
            return Segmentation(labels=labels[at], confidence=confidence[at])

        return predict


def _checked(prediction: Segmentation, truth: ClassMap, classes: int) -> tuple[Map, Map, Float[np.ndarray, "h w"]]:
    true, found = truth.labels.cpu().numpy(), prediction.labels.detach().cpu().numpy()
    confidence = prediction.confidence.detach().cpu().float().numpy()
    if not true.shape == found.shape == confidence.shape:
        sizes = " and ".join(f"{width} x {height}" for height, width in (found.shape, true.shape))
        raise ValueError(
            f"a predicted class map and its ground truth differ in size: {sizes} px. "
            "Expected one class for every pixel of the picture. Resize predictions to the picture's own size."
        )
    for labels, who, allowed in ((found, "a predicted", classes), (true, "a true", classes)):
        present = np.flatnonzero(np.bincount(labels.reshape(-1), minlength=256))
        wrong = [int(label) for label in present if label >= allowed and not (labels is true and label == IGNORE)]
        if wrong:
            raise ValueError(
                f"{who} class map holds the class id {wrong[-1]}. Expected 0 to {classes - 1}"
                + (", or 255 for ignored pixels" if labels is true else "")
                + ". Check that the model and the data name the same classes."
            )
    # NaN is neither at most 1 nor at least 0.
    if confidence.size and not (confidence.min() >= 0 and confidence.max() <= 1 + 1e-4):
        raise ValueError(
            f"the confidence of a class map runs from {confidence.min():.4g} to {confidence.max():.4g}. "
            "Expected probabilities between 0 and 1. Check the model's outputs."
        )
    return true, found, np.minimum(confidence, 1.0)


def _confusion(true: Map, found: Map, classes: int) -> Int[np.ndarray, "c c"]:
    rows = np.full(256, classes * classes, dtype=np.intp)
    rows[:classes] = np.arange(classes) * classes
    pairs = rows[true.reshape(-1)]
    pairs += found.reshape(-1)
    return np.bincount(pairs, minlength=classes * (classes + 1))[: classes * classes].reshape(classes, classes)


def _missed(true: Map, found: Map, confidence: Float[np.ndarray, "h w"], classes: int) -> Int[np.ndarray, "c edges"]:
    """How many pixels of each class are given another one, by the last of ``MISS_EDGES`` the confidence reaches."""
    wrong = (true != found) & (true != IGNORE)
    edge = np.searchsorted(MISS_EDGES, confidence[wrong], side="right") - 1
    place = true[wrong].astype(np.int64) * len(MISS_EDGES) + edge
    return np.bincount(place, minlength=classes * len(MISS_EDGES)).reshape(classes, len(MISS_EDGES))


def _sampled(judged: Int[np.ndarray, "n"]) -> Int[np.ndarray, "k"]:
    """At most 200 of the pixels: a stratified sample at golden-ratio offsets, which no column pattern repeats."""
    count = min(PIXELS_KEPT, len(judged))
    place = (np.arange(count) + np.arange(count) * GOLDEN % 1) * (len(judged) / max(1, count))
    return judged[place.astype(np.int64)]


def _cells(labels: Map, classes: int) -> Int[np.ndarray, "cells cells c"]:
    """How many pixels of each class each cell of the grid holds."""
    rows, columns = (np.arange(side) * CELLS_PER_SIDE // side for side in labels.shape)
    cell = (rows[:, None] * CELLS_PER_SIDE + columns[None, :]) * 256 + labels
    counts = np.bincount(cell.reshape(-1), minlength=CELLS_PER_SIDE**2 * 256)
    return counts.reshape(CELLS_PER_SIDE, CELLS_PER_SIDE, 256)[:, :, :classes]


def _flat(parts: Sequence[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(parts).astype(kind) if parts else np.zeros(0, dtype=kind)
