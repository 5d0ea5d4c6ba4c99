"""The reference: pycocotools on the same detections, and random pictures that exercise its corners."""

import contextlib
import io

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from clearsight.types import Boxes, Detections


def random_pictures(
    seed: int, pictures: int = 12, classes: int = 3, crowd: float = 0.1, most: int = 8, ties: bool = False
) -> tuple[list[Detections], list[Boxes]]:
    """Detections around true boxes and elsewhere; whole pixels, so that IoUs hit thresholds and areas hit limits."""
    rng = np.random.default_rng(seed)
    predictions, truths = [], []
    for _ in range(pictures):
        n = rng.integers(0, most + 1)
        side = rng.choice([8, 16, 32, 48, 96, 140], size=(n, 2))
        corner = rng.integers(0, 200, size=(n, 2))
        boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
        # The last class never has a truth, and is detected all the same.
        labels = rng.integers(0, max(1, classes - 1), size=n)
        area = np.where(rng.random(n) < 0.3, 0.7, 1.0) * side[:, 0] * side[:, 1]
        truths.append(
            Boxes.of(
                torch.tensor(boxes),
                torch.tensor(labels),
                ignored=torch.tensor(rng.random(n) < crowd),
                areas=torch.tensor(area),
            )
        )
        copies = rng.integers(0, 3, size=n)
        found = np.repeat(boxes, copies, axis=0) + rng.integers(-6, 7, size=(copies.sum(), 4))
        kinds = np.where(rng.random(copies.sum()) < 0.9, np.repeat(labels, copies), classes - 1)
        extra = rng.integers(0, 5)
        start = rng.integers(0, 200, size=(extra, 2))
        found = np.concatenate([found, np.concatenate([start, start + rng.integers(5, 120, size=(extra, 2))], axis=1)])
        kinds = np.concatenate([kinds, rng.integers(0, classes, size=extra)])
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        scores = rng.random(len(found))
        if ties:
            scores = np.round(scores, 1)
        predictions.append(
            Detections(
                xyxy=torch.tensor(found, dtype=torch.float32).reshape(-1, 4),
                scores=torch.tensor(scores, dtype=torch.float32),
                labels=torch.tensor(kinds, dtype=torch.int64),
            )
        )
    return predictions, truths


def evaluated(predictions: list[Detections], truths: list[Boxes], classes: int) -> COCOeval:
    """pycocotools' own evaluation of the same."""
    annotations = []
    for picture, truth in enumerate(truths):
        for xyxy, label, ignored, area in zip(
            truth.xyxy.double().tolist(),
            truth.labels.tolist(),
            truth.ignored.tolist(),
            truth.areas.double().tolist(),
            strict=True,
        ):
            x1, y1, x2, y2 = xyxy
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": picture,
                    "category_id": label,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": area,
                    "iscrowd": int(ignored),
                }
            )
    results = [
        {
            "image_id": picture,
            "category_id": label,
            "bbox": [xyxy[0], xyxy[1], xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]],
            "score": score,
        }
        for picture, p in enumerate(predictions)
        for xyxy, score, label in zip(
            p.xyxy.double().tolist(), p.scores.double().tolist(), p.labels.tolist(), strict=True
        )
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth_set = COCO()
        truth_set.dataset = {
            "info": {},
            "images": [{"id": picture} for picture in range(len(truths))],
            "categories": [{"id": label, "name": str(label)} for label in range(classes)],
            "annotations": annotations,
        }
        truth_set.createIndex()
        evaluation = COCOeval(truth_set, truth_set.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def average(evaluation: COCOeval, area: int, ious: slice = slice(0, 10)) -> float:
    """Mean precision of an area range, NaN where COCO says -1."""
    precision = evaluation.eval["precision"][ious, :, :, area, -1]
    return float(precision[precision > -1].mean()) if (precision > -1).any() else float("nan")
