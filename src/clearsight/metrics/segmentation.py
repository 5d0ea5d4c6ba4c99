"""Segmentation: the evidence of a finished evaluation, and its metrics as functions of statistics and weights.

Every metric pools the pixels of all pictures under their weights before it divides, as PASCAL VOC and Cityscapes do; a
class counts where the truth or the prediction contains it. The boundary F measure follows Csurka et al. 2013 (section
3): a boundary pixel is correct if the other map has a boundary of its class within 0.75% of the picture's diagonal.
They average over pictures; here the counts are pooled, so that a picture without a class does not count for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.metrics import platt
from clearsight.metrics.additive import Additive, Sums, ratio
from clearsight.metrics.grouping import held
from clearsight.metrics.platt import Lines
from clearsight.types import Confidences, Metric, Values, Weights

# Confidences from which missed pixels are counted, fixed in advance so that guarantees may be tested at each.
MISS_EDGES = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)


@dataclass(frozen=True, kw_only=True)
class SegmentationStatistics:
    """What is kept of the class maps of a set of pictures: enough for every metric under every weighting.

    ``confusion`` counts pixels, without ignored ones, by truth and prediction. ``boundary`` counts, per class,
    predicted boundary pixels near a true boundary, predicted ones, true ones near a predicted boundary, and true ones.
    ``row``, ``label``, ``confidence`` and ``right`` are an even sample of these pixels: picture, predicted class,
    confidence in it, and whether it is correct. Means run over ``class_names``: the first classes of the confusion
    matrix, all but in ``by_class``, where a last one is everything else. ``certainty`` is the mean confidence of all
    pixels of each picture; ``missed`` counts the pixels of each class that are given another one, by the confidence in
    that: the last of ``MISS_EDGES`` it reaches. Both are None in ``by_class``, and where they were not kept. All these
    are as the network gives them; ``calibration`` holds the lines of ``metrics.platt`` by predicted class.
    """

    class_names: tuple[str, ...]
    confusion: Int[np.ndarray, "images c c"]
    boundary: Int[np.ndarray, "images classes 4"]
    row: Int[np.ndarray, "k"]
    label: Int[np.ndarray, "k"]
    confidence: Float[np.ndarray, "k"]
    right: Bool[np.ndarray, "k"]
    certainty: Float[np.ndarray, "images"] | None = None
    missed: Int[np.ndarray, "images c edges"] | None = None
    calibration: Lines | None = None

    def __post_init__(self) -> None:
        assert len(self.class_names) == self.boundary.shape[1] <= self.confusion.shape[1], "one name per class"
        assert len(self.confusion) == len(self.boundary), "one confusion matrix per picture"

    @property
    def images(self) -> int:
        """How many pictures: the length of a row of weights."""
        return len(self.confusion)

    def confusions(self) -> tuple[Int[np.ndarray, "truth answer"], str]:
        """The confusion matrix of the pixels: true classes by predicted ones."""
        return self.confusion.sum(0), "pixels"

    def with_options(self, *, calibration: Any = None) -> "SegmentationStatistics":
        """The same statistics with other lines of calibration."""
        lines = platt.as_lines(calibration)
        return self if lines == self.calibration else replace(self, calibration=lines)

    @classmethod
    def joined(cls, parts: Sequence["SegmentationStatistics"]) -> "SegmentationStatistics":
        """All pictures of the parts, in order; the first part's classes are those of all."""
        starts = np.cumsum([0, *(part.images for part in parts)])
        arrays = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("confusion", "boundary", "label", "confidence", "right")
        }
        for name in ("certainty", "missed"):
            if all(getattr(part, name) is not None for part in parts):
                arrays[name] = np.concatenate([getattr(part, name) for part in parts])
        row = np.concatenate([part.row + start for part, start in zip(parts, starts, strict=False)])
        return cls(class_names=parts[0].class_names, row=row, calibration=parts[0].calibration, **arrays)

    def metrics(self) -> tuple[Metric, ...]:
        """Every metric, mean IoU first."""
        return METRICS

    def by_class(self) -> Mapping[str, "SegmentationStatistics"]:
        """The statistics of one class each against everything else, over the same pictures."""
        return {name: self._only(index) for index, name in enumerate(self.class_names)}

    def confidences(self) -> Confidences:
        """The confidence in the predicted class of each sampled pixel, calibrated if it is, and whether it is right."""
        score = self.confidence.astype(np.float64)
        if self.calibration is not None:
            score = platt.scaled(score, self.label, np.zeros_like(self.label), self.calibration)
        return Confidences(
            score=score,
            correct=self.right,
            row=self.row,
            claim="a pixel is of its predicted class",
        )

    def each(self) -> tuple[str, Float[np.ndarray, "images"]]:
        """The mean IoU of each picture alone; NaN where all pixels are ignored."""
        return "mean IoU of this picture alone", _mean_iou(self, _sides(self).astype(np.float64))

    def for_groups(self) -> tuple[Metric, ...]:
        """Metrics that may be compared between groups: neither depends on how common each class is in a group."""
        share = self.confusion.sum(0).sum(1) / max(1, self.confusion.sum())
        equal = Metric(
            name="mean IoU at equal class frequencies",
            compute=Additive(_cells, partial(_mean_iou_at, share=share)),
            meaning="overlap (IoU) with the ground truth, averaged over the classes, at an equal share of pixels each",
        )
        return (equal, CLASS_ACCURACY)

    def positives(self) -> Int[np.ndarray, "images"]:
        """How many of the classes each picture holds."""
        return (self.confusion.sum(2)[:, : len(self.class_names)] > 0).sum(1)

    def strata(self) -> Int[np.ndarray, "images"]:
        """Which classes each picture holds, as one number."""
        return held(self.confusion.sum(2) > 0)

    def group_rule(self) -> str:
        """To which group an error is attributed."""
        return "A wrong pixel counts towards the group of the picture it is in."

    def _only(self, index: int) -> "SegmentationStatistics":
        own = self.confusion[:, index, index]
        missed = self.confusion[:, index].sum(1) - own
        false = self.confusion[:, :, index].sum(1) - own
        others = self.confusion.sum((1, 2)) - own - missed - false
        sampled = self.label == index
        return replace(
            self,
            class_names=(self.class_names[index],),
            confusion=np.stack([own, missed, false, others], axis=1).reshape(-1, 2, 2),
            boundary=self.boundary[:, index : index + 1],
            row=self.row[sampled],
            label=np.zeros(int(sampled.sum()), dtype=self.label.dtype),
            confidence=self.confidence[sampled],
            right=self.right[sampled],
            certainty=None,
            missed=None,
            calibration=None if self.calibration is None else (self.calibration[index],),
        )


def class_iou(statistics: SegmentationStatistics, weights: Weights) -> Float[np.ndarray, "classes replicates"]:
    """Intersection over union of each class; NaN for a class in neither truth nor prediction."""
    return _iou(statistics, weights @ _sides(statistics).astype(weights.dtype)).T


def _sides(statistics: SegmentationStatistics) -> Int[np.ndarray, "images columns"]:
    """By class: pixels in the intersection, true, and predicted."""
    confusion, classes = statistics.confusion, len(statistics.class_names)
    parts = [np.diagonal(confusion, axis1=1, axis2=2), confusion.sum(2), confusion.sum(1)]
    return np.concatenate([part[:, :classes] for part in parts], axis=1)


def _iou(statistics: SegmentationStatistics, sums: Sums) -> Float[np.ndarray, "replicates classes"]:
    both, true, shown = np.split(sums, 3, axis=1)
    return ratio(both, true + shown - both)


def _mean_iou(statistics: SegmentationStatistics, sums: Sums) -> Values:
    return _mean(_iou(statistics, sums))


def _mean_dice(statistics: SegmentationStatistics, sums: Sums) -> Values:
    both, true, shown = np.split(sums, 3, axis=1)
    return _mean(ratio(2 * both, true + shown))


def _mean_class_accuracy(statistics: SegmentationStatistics, sums: Sums) -> Values:
    both, true, _ = np.split(sums, 3, axis=1)
    return _mean(ratio(both, true))


def _right(statistics: SegmentationStatistics) -> Int[np.ndarray, "images 2"]:
    """Correct pixels, and all."""
    confusion = statistics.confusion
    return np.stack([np.trace(confusion, axis1=1, axis2=2), confusion.sum((1, 2))], axis=1)


def _cells(statistics: SegmentationStatistics) -> Int[np.ndarray, "images cells"]:
    return statistics.confusion.reshape(statistics.images, -1)


def _mean_iou_at(statistics: SegmentationStatistics, sums: Sums, share: Float[np.ndarray, "c"]) -> Values:
    """Classes without a true pixel are left out: their recall is unknown."""
    confusion = sums.reshape(len(sums), len(share), len(share))
    true = confusion.sum(2)
    rates = confusion * np.divide(share, true, out=np.zeros_like(true), where=true > 0)[:, :, None]
    both = np.diagonal(rates, axis1=1, axis2=2)
    iou = ratio(both, rates.sum(2) + rates.sum(1) - both)
    return _mean(np.where(true > 0, iou, np.nan)[:, : len(statistics.class_names)])


def _outlines(statistics: SegmentationStatistics) -> Int[np.ndarray, "images columns"]:
    return statistics.boundary.reshape(statistics.images, -1)


def _boundary_f(statistics: SegmentationStatistics, sums: Sums) -> Values:
    """0 for a class that has a boundary in only one of truth and prediction."""
    shown_near, shown, true_near, true = np.moveaxis(sums.reshape(len(sums), -1, 4), 2, 0)
    # 1 / F is the mean of shown / shown_near and true / true_near.
    harmonic = 2 * shown_near * true_near / np.maximum(shown_near * true + true_near * shown, 1e-12)
    return _mean(np.where(shown + true > 0, harmonic, np.nan))


def _mean(scores: Float[np.ndarray, "replicates classes"]) -> Values:
    """The mean over the classes that are defined; NaN where none is."""
    known = ~np.isnan(scores)
    return ratio(np.where(known, scores, 0.0).sum(1), known.sum(1).astype(np.float64))


mean_iou = Additive(_sides, _mean_iou)
mean_dice = Additive(_sides, _mean_dice)
mean_class_accuracy = Additive(_sides, _mean_class_accuracy)
pixel_accuracy = Additive(_right, lambda statistics, sums: ratio(sums[:, 0], sums[:, 1]))
boundary_f = Additive(_outlines, _boundary_f)

CLASS_ACCURACY = Metric(
    name="mean class accuracy",
    compute=mean_class_accuracy,
    meaning="the share of a class's pixels that it finds, averaged over the classes",
)
METRICS = (
    Metric(
        name="mean IoU",
        compute=mean_iou,
        meaning="overlap (IoU) with the ground truth, averaged over the classes",
    ),
    Metric(
        name="mean Dice", compute=mean_dice, meaning="overlap (Dice) with the ground truth, averaged over the classes"
    ),
    Metric(name="pixel accuracy", compute=pixel_accuracy, meaning="the share of the pixels of the correct class"),
    CLASS_ACCURACY,
    Metric(
        name="boundary F",
        compute=boundary_f,
        meaning="how well the outlines of the classes agree, within 0.75% of the picture's diagonal",
    ),
)
