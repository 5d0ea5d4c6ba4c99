"""Object detection: a box, a class and a score for every object."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from clearsight.metrics import platt
from clearsight.metrics.detection import ALL, DetectionStatistics
from clearsight.metrics.platt import Lines
from clearsight.ops.error_causes import explain
from clearsight.ops.matching import SIZES, Matches, Objects, match, sizes_of
from clearsight.types import Boxes, Detections, Prediction, Size, Truth

MAX_DETECTIONS = 100
# Boxes of the trivial baseline in a picture, of all classes: of 80 classes it would have 8,000.
BASELINE_DETECTIONS = 500
CANDIDATES = 1000
CELLS_PER_SIDE = 20


class Detection:
    """Object detection: from detections and true boxes to statistics, and the trivial baseline."""

    name = "detection"
    statistics_type: type = DetectionStatistics
    truth_type: type = Boxes

    def statistics(
        self,
        predictions: Sequence[Prediction],
        truths: Sequence[Truth],
        class_names: Sequence[str],
        threshold: float = 0.5,
        calibration: Any = None,
    ) -> DetectionStatistics:
        """Match the detections of each picture with its objects, as COCO does; ``threshold`` is the deployed score.

        ``calibration`` are the lines by class and size that ``settle`` found, if any.

        Raises ValueError where a picture has no truth, a score is not a number, or a label has no class name.
        """
        classes = len(class_names)
        found, score, _ = found_objects(predictions, classes)
        true = true_objects(truths, len(predictions), classes)
        matches = match(found, true)
        explained = explain(found, true, classes, matches.ignored[ALL, 0])
        label = found.group % classes
        order = np.lexsort((found.group, -score, label))
        return DetectionStatistics(
            class_names=tuple(class_names),
            row=found.group[order] // classes,
            label=label[order],
            score=score[order],
            overlap=matches.overlap[order],
            matched=matches.matched[:, :, order],
            ignored=matches.ignored[:, :, order],
            truths=counted(true, matches, len(predictions), classes),
            threshold=float(threshold),
            cause=explained.cause[order],
            met=explained.met[order],
            margin=_margins(found, true, matches)[order],
            size=sizes_of(found.area)[order],
            calibration=platt.as_lines(calibration),
        )

    def settle(self, statistics: DetectionStatistics) -> dict[str, Any]:
        """The score threshold to deploy, the one of highest F1 on held-out pictures, and the calibration of the boxes
        shown at it, by class and size.
        """
        threshold = best_threshold(statistics)
        found = calibration_of(statistics, threshold)
        return {"threshold": threshold} | ({} if found is None else {"calibration": found})

    def baseline(
        self, truths: Iterable[Truth], sizes: Sequence[Size], class_names: Sequence[str]
    ) -> Callable[[Size], Prediction]:
        """The trivial baseline: a grid of each class's median box, scored by how often a true box matches it.

        Of a picture it keeps the best 100 for each class, at most 500 of all classes. ``truths`` and ``sizes`` (px)
        are those of the training pictures; boxes scale with the size of the picture.
        """
        truths = list(truths)
        shares, labels = _relative_boxes(truths, sizes)
        boxes, scores, classes = [np.zeros((0, 4))], [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
        for label in range(len(class_names)):
            own = shares[labels == label]
            if len(own):
                grid = _grid(np.median(own[:, 2:] - own[:, :2], axis=0))
                boxes.append(grid)
                scores.append(np.minimum(_match_counts(grid, own) / len(truths), 1.0))
                classes.append(np.full(len(grid), label))
        score = np.concatenate(scores)
        best = np.argsort(-score, kind="stable")
        best = best[: min(BASELINE_DETECTIONS, MAX_DETECTIONS * max(1, len(class_names)))]
        xyxy, labelled = torch.from_numpy(np.concatenate(boxes)[best]), torch.from_numpy(np.concatenate(classes)[best])
        scored = torch.from_numpy(score[best]).float()

        def predict(size: Size) -> Prediction:
            height, width = size
            scale = torch.tensor([width, height, width, height], dtype=xyxy.dtype)
            return Detections(xyxy=(xyxy * scale).float(), scores=scored.clone(), labels=labelled.clone())

        return predict


def best_threshold(statistics: DetectionStatistics) -> float:
    """The score threshold with the highest F1 at IoU 0.5, classes weighted by their objects; 0.5 where none exists.

    Choose it on other pictures than those of the evaluation.
    """
    shown = ~statistics.ignored[ALL, 0]
    score, label, right = statistics.score[shown], statistics.label[shown], statistics.matched[ALL, 0, shown]
    objects = statistics.truths[:, :, ALL].sum(0)
    if not right.any():
        return 0.5
    candidates = np.unique(score)
    candidates = candidates[np.unique(np.linspace(0, len(candidates) - 1, CANDIDATES).astype(int))]
    total = np.zeros(len(candidates))
    for index in np.flatnonzero(objects):
        own = label == index
        kept = np.searchsorted(-score[own], -candidates, side="right")
        found = np.append(0, np.cumsum(right[own]))[kept]
        total += objects[index] * 2 * found / (kept + objects[index])
    return float(candidates[np.argmax(total)])


def calibration_of(statistics: DetectionStatistics, threshold: float) -> Lines | None:
    """Platt scaling of the boxes shown at a threshold, by class and size; None where the sizes were not kept."""
    if statistics.size is None:
        return None
    kept = (statistics.score >= threshold) & ~statistics.ignored[ALL, 0]
    parts = (statistics.score[kept], statistics.matched[ALL, 0, kept], statistics.label[kept], statistics.size[kept])
    return platt.lines(*parts, (len(statistics.class_names), len(SIZES)))


def found_objects(
    predictions: Sequence[Prediction], classes: int
) -> tuple[Objects, Float[np.ndarray, "d"], Int[np.ndarray, "d"]]:
    """All detections in one list, the best 100 of each picture and class; their scores, and their indices."""
    given = [one for one in predictions if isinstance(one, Detections)]
    assert len(given) == len(predictions), "every prediction must be Detections"
    xyxy = _flat([p.xyxy for p in given], (0, 4))
    score = _flat([p.scores for p in given], (0,))
    label = _flat([p.labels for p in given], (0,)).astype(np.int64)
    if not (np.isfinite(score).all() and np.isfinite(xyxy).all()):
        raise ValueError("a detection has a score or a box that is not a finite number. Check the model's outputs.")
    _check_labels(label, classes, "a detection")
    group = _group([len(p) for p in given], label, classes)
    order = np.lexsort((-score, group))
    place = np.arange(len(order)) - np.searchsorted(group[order], group[order])
    order = order[place < MAX_DETECTIONS]
    sides = xyxy[order, 2:] - xyxy[order, :2]
    objects = Objects(
        xyxy=xyxy[order], group=group[order], area=sides[:, 0] * sides[:, 1], crowd=np.zeros(len(order), dtype=bool)
    )
    return objects, score[order], order


def true_objects(truths: Sequence[Truth], pictures: int, classes: int) -> Objects:
    """All true boxes in one list; raises ValueError where a picture has none, or a label no class."""
    boxes = [truth for truth in truths if isinstance(truth, Boxes)]
    if not len(boxes) == len(truths) == pictures:
        raise ValueError(
            f"{pictures} pictures came with {len(boxes)} sets of true boxes. Each picture needs one; "
            "a picture without objects has an empty set."
        )
    label = _flat([truth.labels for truth in boxes], (0,)).astype(np.int64)
    _check_labels(label, classes, "a true box")
    return Objects(
        xyxy=_flat([truth.xyxy for truth in boxes], (0, 4)),
        group=_group([len(truth) for truth in boxes], label, classes),
        area=_flat([truth.areas for truth in boxes], (0,)),
        crowd=_flat([truth.ignored for truth in boxes], (0,)).astype(bool),
    )


def _margins(found: Objects, true: Objects, matches: Matches) -> Float[np.ndarray, "d"]:
    """By which share of its width or height all sides of each box must move outwards to hold what it is matched to."""
    margin = np.full(len(found), np.inf)
    met = np.flatnonzero(matches.met >= 0)
    box, held = found.xyxy[met], true.xyxy[matches.met[met]]
    sides = np.tile(np.maximum(box[:, 2:] - box[:, :2], 1e-9), 2)
    beyond = np.concatenate([box[:, :2] - held[:, :2], held[:, 2:] - box[:, 2:]], axis=1) / sides
    margin[met] = np.maximum(beyond.max(1, initial=0.0), 0.0)
    return margin


def counted(true: Objects, matches: Matches, pictures: int, classes: int) -> Int[np.ndarray, "pictures classes areas"]:
    """How many objects are not ignored, by picture, class and area range."""
    counts = [np.bincount(true.group[judged], minlength=pictures * classes) for judged in matches.judged]
    return np.stack([each.reshape(pictures, classes) for each in counts], axis=-1)


def _flat(parts: Sequence[torch.Tensor], empty: tuple[int, ...]) -> Float[np.ndarray, "n *sides"]:
    if not parts:
        return np.zeros(empty)
    return torch.cat([part.detach().cpu().double() for part in parts]).numpy()


def _group(lengths: Sequence[int], label: Int[np.ndarray, "n"], classes: int) -> Int[np.ndarray, "n"]:
    return np.repeat(np.arange(len(lengths)), lengths) * classes + label


def _check_labels(label: Int[np.ndarray, "n"], classes: int, what: str) -> None:
    if len(label) and not (label.min() >= 0 and label.max() < classes):
        raise ValueError(
            f"{what} has the class id {label.max() if label.max() >= classes else label.min()}. "
            f"Expected 0 to {classes - 1}. Check that the model and the data name the same classes."
        )


def _relative_boxes(
    truths: Sequence[Truth], sizes: Sequence[Size]
) -> tuple[Float[np.ndarray, "n 4"], Int[np.ndarray, "n"]]:
    """All true boxes, ignored ones aside, as shares of their picture's sides, and their labels."""
    boxes, labels = [np.zeros((0, 4))], [np.zeros(0, dtype=np.int64)]
    for truth, (height, width) in zip(truths, sizes, strict=True):
        if isinstance(truth, Boxes):
            boxes.append(truth.xyxy[~truth.ignored].double().numpy() / [width, height, width, height])
            labels.append(truth.labels[~truth.ignored].numpy())
    return np.concatenate(boxes), np.concatenate(labels)


def _grid(sides: Float[np.ndarray, "2"]) -> Float[np.ndarray, "cells 4"]:
    """Boxes of that width and height (shares of the picture) on a grid half a box apart, at most 20 to a side."""
    sides = np.clip(sides, 1e-3, 1.0)
    starts = []
    for side in sides:
        steps = min(CELLS_PER_SIDE, 1 + int(np.ceil((1 - side) / (side / 2))))
        starts.append(np.linspace(0, 1 - side, steps))
    corner = np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.concatenate([corner, corner + sides], axis=1)


def _match_counts(grid: Float[np.ndarray, "cells 4"], own: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "cells"]:
    """How many of the true boxes each box of the grid matches at IoU 0.5."""
    counts = np.zeros(len(grid))
    area = (own[:, 2] - own[:, 0]) * (own[:, 3] - own[:, 1])
    for index, cell in enumerate(grid):
        sides = np.minimum(own[:, 2:], cell[2:]) - np.maximum(own[:, :2], cell[:2])
        both = np.where((sides > 0).all(1), sides[:, 0] * sides[:, 1], 0.0)
        size = (cell[2] - cell[0]) * (cell[3] - cell[1])
        counts[index] = (both >= 0.5 * (area + size - both)).sum()
    return counts
