"""Detection: the evidence of a finished evaluation, and its metrics as functions of statistics and weights.

The conventions are COCO's (Lin et al. 2014): ten IoU thresholds from 0.50 to 0.95, objects of all, small (up to
32² px), medium (up to 96² px) and large area, and the 100 best detections of each class in a picture.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.metrics import platt
from clearsight.metrics.additive import Additive, Columns, Sums, ratio
from clearsight.metrics.average_precision import average_precision
from clearsight.metrics.grouping import held
from clearsight.metrics.joining import joined_causes, joined_where_kept
from clearsight.metrics.platt import Lines
from clearsight.metrics.precision_curves import RankedDetections
from clearsight.types import Confidences, Metric, Values, Weights

ALL, SMALL, MEDIUM, LARGE = range(4)
EVERY_IOU = slice(0, 10)
IOU_50 = slice(0, 1)
IOU_75 = slice(5, 6)
# From this IoU on a false positive is poorly localised or a duplicate, not background (Hoiem et al. 2012, section 2).
NEAR = 0.1


@dataclass(frozen=True, kw_only=True)
class DetectionStatistics:
    """What is kept of the detections in a set of pictures: enough for every metric under every weighting.

    Detections are sorted by class, then by descending score. ``matched`` and ``ignored`` (the detection is matched to
    an ignored object, or is unmatched and outside the area range) are given per area range and IoU threshold;
    ``overlap`` is the IoU with the object matched at IoU 0.5, else the highest IoU with any object of the class.
    ``truths`` counts the objects that are not ignored. ``threshold`` is the score from which a detection is shown to
    users. ``cause`` and ``met`` give the error types (see ``ops.error_causes``); ``margin`` by which share of a box its
    sides must move outwards to hold the object it matches, infinite without one; ``size`` is 0, 1, 2 for small, medium
    and large boxes. ``calibration``: lines of ``metrics.platt`` by class and size, which leave scores as they are.
    """

    class_names: tuple[str, ...]
    row: Int[np.ndarray, "d"]
    label: Int[np.ndarray, "d"]
    score: Float[np.ndarray, "d"]
    overlap: Float[np.ndarray, "d"]
    matched: Bool[np.ndarray, "areas thresholds d"]
    ignored: Bool[np.ndarray, "areas thresholds d"]
    truths: Int[np.ndarray, "images classes areas"]
    threshold: float = 0.5
    cause: Int[np.ndarray, "d"] | None = None
    met: Int[np.ndarray, "d"] | None = None
    margin: Float[np.ndarray, "d"] | None = None
    size: Int[np.ndarray, "d"] | None = None
    calibration: Lines | None = None
    # Fields of a subclass with detections along their last axis.
    OF_DETECTIONS: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        step = np.diff(self.label)
        assert (step >= 0).all() and (np.diff(self.score)[step == 0] <= 0).all(), "detections are not sorted"
        assert len(self.class_names) == self.truths.shape[1], "one name per class"

    @property
    def images(self) -> int:
        """How many pictures: the length of a row of weights."""
        return len(self.truths)

    def each(self) -> tuple[str, Float[np.ndarray, "images"]]:
        """The average precision on each picture alone; NaN where it has no objects."""
        # A picture's score depends on its own detections alone.
        parts = [self._pictures(start, min(start + 500, self.images)) for start in range(0, self.images, 500)]
        found = [mean_average_precision(part, np.eye(part.images, dtype=np.float32)) for part in parts]
        return "AP on this picture alone", np.concatenate(found) if found else np.zeros(0)

    def with_options(self, *, threshold: float, calibration: Any = None) -> Self:
        """The same statistics with another deployed score threshold, in [0, 1], and other lines of calibration."""
        return replace(self, threshold=float(threshold), calibration=platt.as_lines(calibration))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """All pictures of the parts, in order; the first part's classes and threshold are those of all."""
        starts = np.cumsum([0, *(part.images for part in parts)])
        row = np.concatenate([part.row + start for part, start in zip(parts, starts, strict=False)])
        label, score = (np.concatenate([getattr(part, name) for part in parts]) for name in ("label", "score"))
        order, more = np.lexsort((row, -score, label)), cls.OF_DETECTIONS
        return cls(
            class_names=parts[0].class_names,
            row=row[order],
            label=label[order],
            score=score[order],
            overlap=np.concatenate([part.overlap for part in parts])[order],
            matched=np.concatenate([part.matched for part in parts], axis=2)[:, :, order],
            ignored=np.concatenate([part.ignored for part in parts], axis=2)[:, :, order],
            truths=np.concatenate([part.truths for part in parts]),
            threshold=parts[0].threshold,
            calibration=parts[0].calibration,
            **joined_causes(parts, [int(part.truths[:, :, ALL].sum()) for part in parts], order),
            **joined_where_kept(parts, ("margin", "size"), order),
            **{name: np.concatenate([getattr(part, name) for part in parts], axis=-1)[..., order] for name in more},
        )

    def metrics(self) -> tuple[Metric, ...]:
        """Every metric, average precision first."""
        return METRICS

    def by_class(self) -> Mapping[str, Self]:
        """The statistics of one class each, over the same pictures."""
        return {name: self._only(index) for index, name in enumerate(self.class_names)}

    def confidences(self) -> Confidences:
        """The boxes shown (score at or above the threshold), calibrated if they are, and whether each is right."""
        kept = (self.score >= self.threshold) & ~self.ignored[ALL, 0]
        score = self.score[kept].astype(np.float64)
        if self.calibration is not None and self.size is not None:
            score = platt.scaled(score, self.label[kept], self.size[kept], self.calibration)
        return Confidences(
            score=score,
            correct=self.matched[ALL, 0, kept],
            row=self.row[kept],
            claim=f"a box shown (score {self.threshold:.2f} or more) matches an object of its class at IoU 0.5",
        )

    def for_groups(self) -> tuple[Metric, ...]:
        """Metrics that may be compared between groups: none depends on how many objects a group's pictures hold."""
        density = self.truths[:, :, ALL].mean(0)
        equal = Metric(
            name="AP at equal density",
            compute=partial(mean_average_precision, density=density),
            meaning="average precision at an equal number of objects per picture",
        )
        return (equal, RECALL_ALIKE if len(self.class_names) > 1 else RECALL, FALSE_POSITIVES)

    def positives(self) -> Int[np.ndarray, "images"]:
        """How many objects each picture holds, ignored ones aside."""
        return self.truths[:, :, ALL].sum(1)

    def strata(self) -> Int[np.ndarray, "images"]:
        """Which classes each picture has objects of, as one number."""
        return held(self.truths[:, :, ALL] > 0)

    def group_rule(self) -> str:
        """To which group an error is attributed."""
        return "A missed object and a false positive count towards the group of the picture they are in."

    def _pictures(self, start: int, stop: int) -> Self:
        own = np.flatnonzero((self.row >= start) & (self.row < stop))
        return self._detections(own, row=self.row[own] - start, truths=self.truths[start:stop])

    def _only(self, index: int) -> Self:
        low, high = np.searchsorted(self.label, [index, index + 1])
        return self._detections(
            slice(low, high),
            class_names=(self.class_names[index],),
            label=np.zeros(high - low, dtype=self.label.dtype),
            truths=self.truths[:, index : index + 1],
            calibration=None if self.calibration is None else (self.calibration[index],),
        )

    def _detections(self, chosen: Any, **changed: Any) -> Self:  # without what each error is about
        names = {"row", "label", "score", "overlap", "matched", "ignored", "margin", "size", *self.OF_DETECTIONS}
        kept = {name: getattr(self, name)[..., chosen] for name in names if getattr(self, name) is not None}
        return replace(self, cause=None, met=None, **kept | changed)


def class_average_precision(
    statistics: DetectionStatistics,
    weights: Weights,
    area: int = ALL,
    ious: slice = EVERY_IOU,
    density: Float[np.ndarray, "classes"] | None = None,
) -> Float[np.ndarray, "classes replicates"]:
    """Average precision of each class over the IoU thresholds ``ious``; NaN for a class without objects.

    With ``density``, objects per picture of each class, precision is normalised to that density.
    """
    held = np.asarray(weights.any(0))  # pictures that never have weight, as those outside of a group, change nothing
    kept = np.flatnonzero(held[statistics.row])
    matched, ignored = statistics.matched[area, ious][:, kept], statistics.ignored[area, ious][:, kept]
    ranked = RankedDetections(
        label=statistics.label[kept],
        row=(np.cumsum(held) - 1)[statistics.row[kept]],
        near=(statistics.overlap[kept] >= NEAR) | matched.any(0),
        matched=matched,
        ignored=ignored,
    )
    own = weights if held.all() else weights[:, held]
    return average_precision(ranked, own, statistics.truths[held, :, area], density).mean(1)


def mean_average_precision(
    statistics: DetectionStatistics,
    weights: Weights,
    area: int = ALL,
    ious: slice = EVERY_IOU,
    density: Float[np.ndarray, "classes"] | None = None,
) -> Values:
    """The mean of the classes' average precisions, over the classes that have objects with weight."""
    scores = class_average_precision(statistics, weights, area, ious, density)
    known = ~np.isnan(scores)
    return _ratio(np.where(known, scores, 0.0).sum(0), known.sum(0).astype(np.float64))


def recall(statistics: DetectionStatistics, weights: Weights) -> Values:
    """Objects matched at IoU 0.5 by a box at or above the threshold, as a share of all objects."""
    return _ratio(weights @ _found(statistics), weights @ statistics.positives())


def _found_by_class(statistics: DetectionStatistics) -> Columns:
    """By class: objects found, and objects."""
    images, classes = statistics.truths.shape[:2]
    shown = statistics.matched[ALL, 0] & (statistics.score >= statistics.threshold)
    cell = statistics.row[shown] * classes + statistics.label[shown]
    found = np.bincount(cell, minlength=images * classes).reshape(images, classes)
    return np.concatenate([found, statistics.truths[:, :, ALL]], axis=1)


def _recall_alike(statistics: DetectionStatistics, sums: Sums) -> Values:
    """The recalls weighted by each class's share of all objects, over the classes that have weight."""
    found, true = np.split(sums, 2, axis=1)
    shares = statistics.truths[:, :, ALL].sum(0) / max(1, statistics.truths[:, :, ALL].sum())
    there = true > 0
    return ratio(np.divide(found, true, out=np.zeros_like(found), where=there) @ shares, there @ shares)


def precision(statistics: DetectionStatistics, weights: Weights) -> Values:
    """Boxes at or above the threshold that match an object at IoU 0.5, as a share of all such boxes."""
    found = weights @ _found(statistics)
    return _ratio(found, found + weights @ _false(statistics))


def false_positives_per_picture(statistics: DetectionStatistics, weights: Weights) -> Values:
    """Boxes at or above the threshold that match no object at IoU 0.5, per picture."""
    return _ratio(weights @ _false(statistics), weights.sum(1))


def localisation(statistics: DetectionStatistics, weights: Weights) -> Values:
    """Mean IoU of the boxes at or above the threshold with the objects they match."""
    return _ratio(weights @ _found(statistics, statistics.overlap), weights @ _found(statistics))


def _found(statistics: DetectionStatistics, value: Float[np.ndarray, "d"] | None = None) -> Float[np.ndarray, "images"]:
    shown = statistics.matched[ALL, 0] & (statistics.score >= statistics.threshold)
    amounts = None if value is None else value[shown]
    return np.bincount(statistics.row[shown], weights=amounts, minlength=statistics.images).astype(np.float64)


def _false(statistics: DetectionStatistics) -> Float[np.ndarray, "images"]:
    wrong = ~(statistics.matched[ALL, 0] | statistics.ignored[ALL, 0]) & (statistics.score >= statistics.threshold)
    return np.bincount(statistics.row[wrong], minlength=statistics.images).astype(np.float64)


def _ratio(above: Values, below: Values) -> Values:
    return ratio(above.astype(np.float64), below.astype(np.float64))


def average(name: str, meaning: str, area: int = ALL, ious: slice = EVERY_IOU) -> Metric:
    """Average precision over some IoU thresholds and one area range, as a metric.

    Boxes outside the area range that match nothing are not counted as errors. A baseline whose boxes are of one size
    has nearly all of them outside of some range, and none is shown beside such a score.
    """
    compute: Callable[[DetectionStatistics, Weights], Values] = partial(mean_average_precision, area=area, ious=ious)
    return Metric(name=name, compute=compute, meaning=meaning, beside_baseline=area == ALL)


RECALL = Metric(
    name="recall at the deployed threshold", compute=recall, meaning="the share of the objects that it finds"
)
RECALL_ALIKE = Metric(
    name="recall at equal class balance",
    compute=Additive(_found_by_class, _recall_alike),
    meaning="the share of the objects that it finds, at an equal balance of the classes",
)
FALSE_POSITIVES = Metric(
    name="false positives per picture",
    compute=false_positives_per_picture,
    meaning="the number of boxes it shows that match no object",
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    unit="per picture",
)
METRICS = (
    average("AP", "average precision over IoU 0.50 to 0.95, averaged over the classes"),
    average("AP50", "average precision at IoU 0.50", ious=IOU_50),
    average("AP75", "average precision at IoU 0.75", ious=IOU_75),
    average("AP small", "average precision on objects of up to 32 x 32 px", area=SMALL),
    average("AP medium", "average precision on objects of 32 x 32 to 96 x 96 px", area=MEDIUM),
    average("AP large", "average precision on objects of 96 x 96 px and more", area=LARGE),
    RECALL,
    FALSE_POSITIVES,
    Metric(
        name="precision at the deployed threshold",
        compute=precision,
        meaning="the share of the boxes it shows that match an object",
    ),
    Metric(
        name="localisation IoU",
        compute=localisation,
        meaning="the overlap (IoU) of its boxes with the objects they match",
    ),
)
