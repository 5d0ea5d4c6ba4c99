"""Instance segmentation: the evidence of a finished evaluation of masks, and its metrics.

The protocol is that of boxes (see ``metrics.detection``), with the IoU and the areas of masks. Boundary IoU (Cheng et
al. 2021) measures how well outlines agree, which the interior of a large mask does not affect.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float

from clearsight.metrics import detection
from clearsight.metrics.additive import Additive, mean_of
from clearsight.metrics.detection import (
    ALL,
    EVERY_IOU,
    IOU_50,
    IOU_75,
    LARGE,
    MEDIUM,
    SMALL,
    DetectionStatistics,
    average,
    localisation,
    mean_average_precision,
    precision,
)
from clearsight.types import Confidences, Metric, Values, Weights


@dataclass(frozen=True, kw_only=True)
class InstanceStatistics(DetectionStatistics):
    """What is kept of the masks predicted in a set of pictures; the inherited fields refer to masks.

    ``boundary`` is the Boundary IoU with the object matched at IoU 0.5, 0 without one. ``box_matched`` and
    ``box_ignored`` are ``matched`` and ``ignored`` of the boxes, over objects of all areas.
    """

    boundary: Float[np.ndarray, "d"]
    box_matched: Bool[np.ndarray, "thresholds d"]
    box_ignored: Bool[np.ndarray, "thresholds d"]
    OF_DETECTIONS: ClassVar[tuple[str, ...]] = ("boundary", "box_matched", "box_ignored")

    def each(self) -> tuple[str, Float[np.ndarray, "images"]]:
        """The average precision on each picture alone; NaN where it has no objects."""
        return "mask AP on this picture alone", super().each()[1]

    def metrics(self) -> tuple[Metric, ...]:
        """Every metric, average precision of masks first."""
        return METRICS

    def confidences(self) -> Confidences:
        """The masks a user is shown (score at or above the threshold), and whether each matches an object."""
        claims = super().confidences()
        claim = f"a mask shown (score {self.threshold:.2f} or more) matches an object of its class at mask IoU 0.5"
        return Confidences(score=claims.score, correct=claims.correct, row=claims.row, claim=claim)

    def for_groups(self) -> tuple[Metric, ...]:
        """Metrics that may be compared between groups: none depends on how many objects a group's pictures hold."""
        density = self.truths[:, :, ALL].mean(0)
        equal = Metric(
            name="mask AP at equal density",
            compute=partial(mean_average_precision, density=density),
            meaning="average precision of masks at an equal number of objects per picture",
        )
        return (equal, RECALL_ALIKE if len(self.class_names) > 1 else RECALL, FALSE_POSITIVES)

    def group_rule(self) -> str:
        """To which group an error is attributed."""
        return "A missed object and a false positive count towards the group of the picture they are in."

    def boxes(self) -> DetectionStatistics:
        """The statistics of the boxes, over objects of all areas only."""
        return DetectionStatistics(
            class_names=self.class_names,
            row=self.row,
            label=self.label,
            score=self.score,
            overlap=self.overlap,
            matched=self.box_matched[None],
            ignored=self.box_ignored[None],
            truths=self.truths[:, :, : ALL + 1],
            threshold=self.threshold,
        )


def box_average_precision(statistics: InstanceStatistics, weights: Weights, ious: slice = EVERY_IOU) -> Values:
    """The mean over the classes of the average precision of the boxes."""
    return mean_average_precision(statistics.boxes(), weights, ious=ious)


def _outlines(statistics: InstanceStatistics) -> Float[np.ndarray, "images 2"]:
    """The sum of the Boundary IoUs of the masks shown that match an object, and how many these are."""
    shown = statistics.matched[ALL, 0] & (statistics.score >= statistics.threshold)
    row, images = statistics.row[shown], statistics.images
    sums = np.bincount(row, weights=statistics.boundary[shown], minlength=images)
    return np.stack([sums, np.bincount(row, minlength=images).astype(np.float64)], axis=1)


boundary_iou: Additive = mean_of(_outlines)


RECALL = replace(detection.RECALL, meaning="the share of the objects whose mask it finds")
RECALL_ALIKE = replace(
    detection.RECALL_ALIKE, meaning="the share of the objects whose mask it finds, at an equal balance of the classes"
)
FALSE_POSITIVES = replace(detection.FALSE_POSITIVES, meaning="the number of masks it shows that match no object")
METRICS = (
    average("mask AP", "average precision of masks over IoU 0.50 to 0.95, averaged over the classes"),
    average("mask AP50", "average precision of masks at IoU 0.50", ious=IOU_50),
    average("mask AP75", "average precision of masks at IoU 0.75", ious=IOU_75),
    average("mask AP small", "average precision of masks on objects of up to 32 x 32 px", area=SMALL),
    average("mask AP medium", "average precision of masks on objects of 32 x 32 to 96 x 96 px", area=MEDIUM),
    average("mask AP large", "average precision of masks on objects of 96 x 96 px and more", area=LARGE),
    RECALL,
    FALSE_POSITIVES,
    Metric(
        name="precision at the deployed threshold",
        compute=precision,
        meaning="the share of the masks it shows that match an object",
    ),
    Metric(name="mask IoU", compute=localisation, meaning="the overlap (IoU) of its masks with the objects they match"),
    Metric(
        name="boundary IoU",
        compute=boundary_iou,
        meaning="the overlap of its masks with the objects they match along the outlines, 2% of the diagonal wide",
    ),
    Metric(
        name="box AP",
        compute=box_average_precision,
        meaning="average precision of boxes over IoU 0.50 to 0.95, averaged over the classes",
    ),
    Metric(
        name="box AP50",
        compute=partial(box_average_precision, ious=IOU_50),
        meaning="average precision of boxes at IoU 0.50",
    ),
)
