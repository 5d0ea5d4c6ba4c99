"""Mask average precision with 1,000 cluster-bootstrap replicates on 5,000 pictures x 80 classes, matching done.

Prints one JSON line: seconds (the least of several runs), the score and its interval, and the seconds that matching
itself takes, for masks of COCO's number and size. With ``--peer``, also pycocotools' seconds on the same masks.
"""

import argparse
import contextlib
import io
import json
import time

import numpy as np
import torch

from clearsight.metrics.instance_segmentation import METRICS
from clearsight.metrics.resample import cluster_weights, interval_from
from clearsight.ops import instance_masks
from clearsight.tasks import InstanceSegmentation
from clearsight.types import InstanceDetections, Instances, Masks

SIZE = (480, 640)
PICTURES, CLASSES, TRUTHS, FALSE, SHAPES = 5000, 80, 36_000, 142_000, 400


def shapes(rng: np.random.Generator) -> list[np.ndarray]:
    """Ragged discs whose sides are spread as widely as those of COCO's objects."""
    found = []
    for side in np.exp(rng.uniform(np.log(8), np.log(320), SHAPES)).astype(int):
        y, x = (np.mgrid[:side, :side] + 0.5) / side * 2 - 1
        turn = np.arctan2(y, x)
        radius = 0.85 + 0.13 * np.sin(rng.integers(2, 6) * turn + rng.uniform(0, 6))
        found.append(x**2 + y**2 < radius**2)
    return found


def placed(chosen: list[np.ndarray], at: np.ndarray) -> Masks:
    """Shapes with their left top corner at shares ``y x`` of the room they have."""
    room = [
        (int(y * (SIZE[0] - len(one))), int(x * (SIZE[1] - len(one)))) for one, (y, x) in zip(chosen, at, strict=True)
    ]
    return instance_masks.of_crops(chosen, [(x, y) for y, x in room], SIZE)


def pictures(seed: int = 0, count: int = PICTURES) -> tuple[list[InstanceDetections], list[Instances]]:
    """A network of COCO's size: 36,000 objects, about 170,000 detections, scores that know of the overlap."""
    rng = np.random.default_rng(seed)
    kinds = shapes(rng)
    found, true = [], []
    for _ in range(count):
        objects, false = rng.poisson(TRUTHS / PICTURES), rng.poisson(FALSE / PICTURES)
        which, at, labels = (
            rng.integers(0, SHAPES, objects),
            rng.random((objects, 2)),
            rng.integers(0, CLASSES, objects),
        )
        seen = rng.random(objects) < 0.8
        slip = rng.normal(0, 0.06, (int(seen.sum()), 2))  # in sides of the object
        side = np.array([len(kinds[k]) for k in which[seen]]).reshape(-1, 1)
        elsewhere = rng.integers(0, SHAPES, false)
        guesses = np.concatenate([which[seen], elsewhere])
        places = np.concatenate(
            [np.clip(at[seen] + slip * side / (np.array(SIZE) - side), 0, 1), rng.random((false, 2))]
        )
        score = np.concatenate([rng.normal(1.0 - 20 * np.abs(slip).max(1), 1.2), rng.normal(-3.5, 1.5, false)])
        masks, others = placed([kinds[k] for k in which], at), placed([kinds[k] for k in guesses], places)
        true.append(
            Instances(
                xyxy=masks.windows.float(),
                labels=torch.from_numpy(labels),
                ignored=torch.zeros(objects, dtype=torch.bool),
                areas=instance_masks.areas(masks).float(),
                masks=masks,
            )
        )
        found.append(
            InstanceDetections(
                xyxy=others.windows.float(),
                scores=torch.from_numpy(1 / (1 + np.exp(-score))).float(),
                labels=torch.from_numpy(np.concatenate([labels[seen], rng.integers(0, CLASSES, false)])),
                masks=others,
            )
        )
    return found, true


def peer(found: list[InstanceDetections], true: list[Instances]) -> dict[str, float]:
    """Seconds of one evaluation by pycocotools, matching included, and its AP."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    annotations, results = [], []
    for picture, (truth, prediction) in enumerate(zip(true, found, strict=True)):
        for kind, objects in ((annotations, truth), (results, prediction)):
            for index, text in enumerate(instance_masks.rle(objects.masks)):
                row = {"image_id": picture, "category_id": int(objects.labels[index]), "segmentation": text}
                if isinstance(objects, Instances):
                    x1, y1, x2, y2 = objects.xyxy[index].tolist()
                    row |= {"area": float(objects.areas[index]), "iscrowd": 0, "bbox": [x1, y1, x2 - x1, y2 - y1]}
                    kind.append(row | {"id": len(kind) + 1})
                else:
                    kind.append(row | {"score": float(objects.scores[index])})
    with contextlib.redirect_stdout(io.StringIO()):
        truths = COCO()
        truths.dataset = {
            "info": {},
            "images": [{"id": index, "height": SIZE[0], "width": SIZE[1]} for index in range(len(true))],
            "categories": [{"id": index, "name": str(index)} for index in range(CLASSES)],
            "annotations": annotations,
        }
        truths.createIndex()
        detections = truths.loadRes(results)
        start = time.perf_counter()
        evaluation = COCOeval(truths, detections, "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        seconds = time.perf_counter() - start
        evaluation.summarize()
    return {"pycocotools_once_s": round(seconds, 2), "pycocotools_ap": round(float(evaluation.stats[0]), 6)}


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--peer", action="store_true", help="also time pycocotools, once")
    chosen = parser.parse_args()
    found, true = pictures(count=chosen.pictures)
    task, names = InstanceSegmentation(), [f"class {index}" for index in range(CLASSES)]
    start = time.perf_counter()
    parts = [task.statistics(found[low : low + 64], true[low : low + 64], names) for low in range(0, len(found), 64)]
    statistics = task.statistics_type.joined(parts)
    matching = time.perf_counter() - start
    metric, clusters, seconds = METRICS[0], np.arange(len(found)), []
    for _ in range(chosen.runs):
        start = time.perf_counter()
        weights = cluster_weights(clusters, chosen.replicates, seed=0)
        value = float(metric.compute(statistics, np.ones((1, len(found))))[0])
        samples = metric.compute(statistics, weights)
        low, high = interval_from(value, samples, clusters=len(found), confidence=0.95, bounds=metric.bounds)
        seconds.append(time.perf_counter() - start)
    said = {
        "benchmark": "mask_average_precision",
        "seconds": round(min(seconds), 3),
        "runs": [round(each, 3) for each in seconds],
        "matching_s": round(matching, 2),
        "replicates": chosen.replicates,
        "pictures": len(found),
        "classes": CLASSES,
        "detections": len(statistics.score),
        "truths": int(statistics.truths[:, :, 0].sum()),
        "ap": round(value, 6),
        "interval": [round(low, 4), round(high, 4)],
    }
    print(json.dumps(said | (peer(found, true) if chosen.peer else {})))


if __name__ == "__main__":
    main()
