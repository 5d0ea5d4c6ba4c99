"""Instance segmentation: a mask, a class and a score for every object."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from clearsight.metrics import platt
from clearsight.metrics.detection import ALL
from clearsight.metrics.instance_segmentation import InstanceStatistics
from clearsight.ops import instance_masks
from clearsight.ops.error_causes import explain
from clearsight.ops.mask_boundaries import boundary_ious, width_of
from clearsight.ops.matching import AREA_RANGES_PX2, match, sizes_of
from clearsight.tasks.detection import Detection, counted, found_objects, true_objects
from clearsight.types import Detections, InstanceDetections, Instances, Masks, Prediction, Size, Truth

SHAPE_SIDE = 28
MAX_BASELINE_MASKS = 1000


class InstanceSegmentation(Detection):
    """Instance segmentation: from masks to statistics, and the trivial baseline."""

    name = "instance-segmentation"
    statistics_type = InstanceStatistics
    truth_type = Instances

    def statistics(
        self,
        predictions: Sequence[Prediction],
        truths: Sequence[Truth],
        class_names: Sequence[str],
        threshold: float = 0.5,
        calibration: Any = None,
    ) -> InstanceStatistics:
        """Match the masks of each picture with its objects, as COCO does; ``threshold`` is the deployed score.

        ``calibration`` are the lines by class and size that ``settle`` found, if any.

        Raises ValueError where a picture has no truth, masks differ from it in size, a score is not a number, or a
        label has no class name.
        """
        classes, pictures = len(class_names), len(predictions)
        boxes, score, place = found_objects(predictions, classes)
        true = true_objects(truths, pictures, classes)
        pairs = _Pairs.of(predictions, truths, place, true.crowd)
        found = replace(boxes, area=pairs.found_areas.astype(np.float64))
        matches = match(found, true, overlaps=pairs.overlaps)
        by_box = match(boxes, true, areas=AREA_RANGES_PX2[:1])
        explained = explain(found, true, classes, matches.ignored[ALL, 0], overlaps=pairs.overlaps)
        row, label = found.group // classes, found.group % classes
        order = np.lexsort((found.group, -score, label))
        return InstanceStatistics(
            class_names=tuple(class_names),
            row=row[order],
            label=label[order],
            score=score[order],
            overlap=matches.overlap[order],
            matched=matches.matched[:, :, order],
            ignored=matches.ignored[:, :, order],
            truths=counted(true, matches, pictures, classes),
            threshold=float(threshold),
            cause=explained.cause[order],
            met=explained.met[order],
            size=sizes_of(found.area)[order],
            calibration=platt.as_lines(calibration),
            boundary=pairs.boundaries(matches.met, row)[order],
            box_matched=by_box.matched[ALL][:, order],
            box_ignored=by_box.ignored[ALL][:, order],
        )

    def baseline(
        self, truths: Iterable[Truth], sizes: Sequence[Size], class_names: Sequence[str]
    ) -> Callable[[Size], Prediction]:
        """The trivial baseline: that of detection, each box filled with the mean mask of its class.

        The mean over the training objects is thresholded at 0.5; there are at most 1000 masks.
        """
        truths = list(truths)
        boxes = super().baseline(truths, sizes, class_names)
        shapes = _mean_masks(truths, len(class_names))

        @lru_cache(maxsize=16)
        def predict(size: Size) -> Prediction:
            guessed = boxes(size)
            assert isinstance(guessed, Detections)
            best = guessed.select(torch.arange(min(MAX_BASELINE_MASKS, len(guessed))))
            masks = instance_masks.pasted(shapes[best.labels], best.xyxy, size)
            return InstanceDetections(xyxy=best.xyxy, scores=best.scores, labels=best.labels, masks=masks)

        return predict


@dataclass(frozen=True, kw_only=True)
class _Pairs:
    """The masks of many pictures in flat lists, as matching indexes them; ``widths`` are those of the boundaries."""

    found: Masks
    true: Masks
    found_areas: Int[np.ndarray, "d"]
    true_areas: Int[np.ndarray, "n"]
    crowd: Bool[np.ndarray, "n"]
    widths: Int[np.ndarray, "pictures"]

    @classmethod
    def of(
        cls,
        predictions: Sequence[Prediction],
        truths: Sequence[Truth],
        place: Int[np.ndarray, "d"],
        crowd: Bool[np.ndarray, "n"],
    ) -> "_Pairs":
        """The masks of these pictures, of the predicted ones those at ``place``."""
        found, true = [], []
        for prediction, truth in zip(predictions, truths, strict=True):
            assert isinstance(prediction, InstanceDetections), "every prediction must be InstanceDetections"
            if not isinstance(truth, Instances):
                raise ValueError(
                    "a picture came without the masks of its objects. Each picture needs one for every object; "
                    "for boxes train a detector."
                )
            if prediction.masks.size != truth.masks.size:
                sizes = " and ".join(
                    f"{width} x {height}" for height, width in (prediction.masks.size, truth.masks.size)
                )
                raise ValueError(
                    f"predicted and true masks are of pictures of different sizes: {sizes} px. Expected the same. "
                    "Resize predictions to the picture's own size."
                )
            found.append(prediction.masks)
            true.append(truth.masks)
        chosen, all_true = instance_masks.joined(found).select(torch.from_numpy(place)), instance_masks.joined(true)
        return cls(
            found=chosen,
            true=all_true,
            found_areas=instance_masks.areas(chosen).numpy(),
            true_areas=instance_masks.areas(all_true).numpy(),
            crowd=crowd,
            widths=np.array([width_of(one.size) for one in true], dtype=np.int64),
        )

    def overlaps(self, found: Int[np.ndarray, "pairs"], truth: Int[np.ndarray, "pairs"]) -> Float[np.ndarray, "pairs"]:
        """The IoU of masks; over the detection's own area where the truth is a crowd."""
        both = instance_masks.overlaps(self.found, self.true, found, truth).astype(np.float64)
        own = self.found_areas[found]
        either = np.where(self.crowd[truth], own, own + self.true_areas[truth] - both)
        return np.divide(both, either, out=np.zeros_like(both), where=either > 0)

    def boundaries(self, met: Int[np.ndarray, "d"], row: Int[np.ndarray, "d"]) -> Float[np.ndarray, "d"]:
        """The Boundary IoU of each detection with its matched object; 0 without one."""
        result, right = np.zeros(len(met)), np.flatnonzero(met >= 0)
        result[right] = boundary_ious(self.found, self.true, right, met[right], self.widths[row[right]])
        return result


def _mean_masks(truths: Sequence[Truth], classes: int) -> Float[Tensor, "classes side side"]:
    """The mean mask of each class within its boxes; all 1 where it is nowhere 0.5 or more."""
    total, count = torch.zeros(classes, SHAPE_SIDE, SHAPE_SIDE), torch.zeros(classes)
    for truth in truths:
        if isinstance(truth, Instances):
            judged = (~truth.ignored).nonzero().flatten()
            seen = instance_masks.aligned(truth.masks, truth.xyxy[judged], judged, SHAPE_SIDE)
            total.index_add_(0, truth.labels[judged], seen)
            count.index_add_(0, truth.labels[judged], torch.ones(len(judged)))
    shapes = total / count.clamp(min=1)[:, None, None]
    empty = (shapes < 0.5).flatten(1).all(1)
    shapes[empty] = 1.0
    return shapes
