"""The reference for masks: pycocotools on the same masks, and random pictures that exercise its corners."""

import contextlib
import io

import numpy as np
import torch
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from clearsight.ops import instance_masks
from clearsight.types import InstanceDetections, Instances

SIZE = (150, 190)


def shape(rng: np.random.Generator) -> np.ndarray:
    """A whole bitmap with one ragged object."""
    whole = np.zeros(SIZE, dtype=bool)
    side = rng.choice([5, 20, 32, 45, 96, 120], 2)
    top, left = rng.integers(0, SIZE[0] - side[0] // 2), rng.integers(0, SIZE[1] - side[1] // 2)
    part = whole[top : top + side[0], left : left + side[1]]
    part |= rng.random(part.shape) < rng.choice([0.8, 1.0])
    return whole


def moved(whole: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same object a little elsewhere, with holes; sometimes without a pixel."""
    if rng.random() < 0.05:
        return np.zeros_like(whole)
    return np.roll(whole, rng.integers(-5, 6, 2), axis=(0, 1)) & (rng.random(SIZE) < rng.choice([0.85, 1.0]))


def random_pictures(
    seed: int, pictures: int = 6, classes: int = 3, crowd: float = 0.15, most: int = 7, ties: bool = False
) -> tuple[list[InstanceDetections], list[Instances], list[np.ndarray], list[np.ndarray]]:
    """Found and true objects of some pictures, and their whole bitmaps."""
    rng = np.random.default_rng(seed)
    found, true, found_maps, true_maps = [], [], [], []
    for _ in range(pictures):
        objects = [shape(rng) for _ in range(rng.integers(0, most + 1))]
        labels = rng.integers(0, max(1, classes - 1), len(objects))
        guesses, kinds = [], []
        for whole, label in zip(objects, labels, strict=True):
            for _ in range(rng.integers(0, 3)):
                guesses.append(moved(whole, rng))
                kinds.append(label if rng.random() < 0.9 else classes - 1)
        for _ in range(rng.integers(0, 4)):
            guesses.append(shape(rng))
            kinds.append(rng.integers(0, classes))
        whole_true, whole_found = (np.array(maps, dtype=bool).reshape(-1, *SIZE) for maps in (objects, guesses))
        scores = rng.random(len(guesses))
        masks, others = (instance_masks.of_bitmaps(torch.from_numpy(maps)) for maps in (whole_true, whole_found))
        areas = whole_true.sum((1, 2)) * np.where(rng.random(len(objects)) < 0.3, 0.7, 1.0)  # a file may say its own
        true.append(
            Instances(
                xyxy=masks.windows.float(),
                labels=torch.tensor(labels, dtype=torch.int64),
                ignored=torch.tensor(rng.random(len(objects)) < crowd),
                areas=torch.tensor(areas, dtype=torch.float32),
                masks=masks,
            )
        )
        found.append(
            InstanceDetections(
                xyxy=others.windows.float(),
                scores=torch.tensor(np.round(scores, 1) if ties else scores, dtype=torch.float32),
                labels=torch.tensor(np.array(kinds), dtype=torch.int64),
                masks=others,
            )
        )
        found_maps.append(whole_found)
        true_maps.append(whole_true)
    return found, true, found_maps, true_maps


def evaluated(found, true, found_maps, true_maps, classes: int, kind: str = "segm") -> COCOeval:
    """pycocotools' own evaluation of the same masks ("segm") or of the boxes beside them ("bbox")."""
    annotations, results = [], []
    for picture, (truth, maps) in enumerate(zip(true, true_maps, strict=True)):
        for index, whole in enumerate(maps):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "area": float(truth.areas[index]),
                    "iscrowd": int(truth.ignored[index]),
                    **_shared(picture, truth, index, whole),
                }
            )
    for picture, (prediction, maps) in enumerate(zip(found, found_maps, strict=True)):
        for index, whole in enumerate(maps):
            row = _shared(picture, prediction, index, whole) | {"score": float(prediction.scores[index])}
            results.append({key: value for key, value in row.items() if kind == "bbox" or key != "bbox"})
    with contextlib.redirect_stdout(io.StringIO()):
        truth_set = COCO()
        truth_set.dataset = {
            "info": {},
            "images": [{"id": index, "height": SIZE[0], "width": SIZE[1]} for index in range(len(true))],
            "categories": [{"id": label, "name": str(label)} for label in range(classes)],
            "annotations": annotations,
        }
        truth_set.createIndex()
        evaluation = COCOeval(truth_set, truth_set.loadRes(results), kind)
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def _shared(picture: int, objects, index: int, whole: np.ndarray) -> dict:
    x1, y1, x2, y2 = objects.xyxy[index].double().tolist()
    return {
        "image_id": picture,
        "category_id": int(objects.labels[index]),
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "segmentation": coco_mask.encode(np.asfortranarray(whole.astype(np.uint8))),
    }
