"""Average precision with 1,000 cluster-bootstrap replicates on 5,000 pictures x 80 classes, matching done.

Prints one JSON line: seconds (the least of several runs), the score and its interval. With ``--peer``, also the seconds
that hotcoco and pycocotools take on the same detections, where they are installed.
"""

import argparse
import contextlib
import importlib.util
import io
import json
import time

import numpy as np

from clearsight.metrics.detection import METRICS, DetectionStatistics
from clearsight.metrics.resample import cluster_weights, interval_from
from clearsight.ops.matching import THRESHOLDS

PICTURES, CLASSES, TRUTHS, FALSE = 5000, 80, 36_000, 142_000
SIDE_PX = 40.0


def synthetic(seed: int = 0) -> DetectionStatistics:
    """A detector of COCO's size: 36,000 objects, about 170,000 detections, scores that know of the overlap."""
    rng = np.random.default_rng(seed)
    truth_row, truth_label = rng.integers(0, PICTURES, TRUTHS), rng.integers(0, CLASSES, TRUTHS)
    skill = np.clip(rng.normal(0.75, 0.18, TRUTHS), 0, 0.99)
    seen = rng.random(TRUTHS) < 0.8
    overlap = np.concatenate([skill[seen], np.zeros(FALSE)])
    row = np.concatenate([truth_row[seen], rng.integers(0, PICTURES, FALSE)])
    label = np.concatenate([truth_label[seen], rng.integers(0, CLASSES, FALSE)])
    logit = np.concatenate([rng.normal(5 * skill[seen] - 3.5, 1.2), rng.normal(-3.5, 1.5, FALSE)])
    score = 1 / (1 + np.exp(-logit))
    order = np.lexsort((-score, label))
    matched = overlap[order] >= THRESHOLDS[:, None]
    truths = np.zeros((PICTURES, CLASSES, 4), dtype=np.int64)
    np.add.at(truths, (truth_row, truth_label), 1)
    return DetectionStatistics(
        class_names=tuple(f"class {index}" for index in range(CLASSES)),
        row=row[order],
        label=label[order],
        score=score[order],
        overlap=overlap[order],
        matched=np.broadcast_to(matched, (4, *matched.shape)),
        ignored=np.zeros((4, *matched.shape), dtype=bool),
        truths=truths,
        threshold=0.5,
    )


def coco_files(statistics: DetectionStatistics) -> tuple[dict, list[dict]]:
    """The same objects and detections as COCO JSON: a shifted box stands for each overlap, far from others."""
    rows, labels = np.nonzero(statistics.truths[:, :, 0])
    counts = statistics.truths[rows, labels, 0]
    annotations, places = [], {}
    for row, label, count in zip(rows.tolist(), labels.tolist(), counts.tolist(), strict=True):
        for _ in range(count):
            x = 2 * SIDE_PX * len(places.setdefault((row, label), []))
            places[row, label].append(x)
            box = [x, 0.0, SIDE_PX, SIDE_PX]
            annotations.append({"image_id": row, "category_id": label, "bbox": box, "area": SIDE_PX**2, "iscrowd": 0})
    for number, annotation in enumerate(annotations, 1):
        annotation["id"] = number
    results = []
    columns = (
        statistics.row.tolist(),
        statistics.label.tolist(),
        statistics.score.tolist(),
        statistics.overlap.tolist(),
    )
    for row, label, score, overlap in zip(*columns, strict=True):
        shift = SIDE_PX * (1 - overlap) / (1 + overlap)
        place = places[row, label].pop() if overlap > 0 else -1000.0
        results.append(
            {"image_id": row, "category_id": label, "bbox": [place, shift, SIDE_PX, SIDE_PX], "score": score}
        )
    images = [{"id": row, "width": 10_000, "height": 100} for row in range(statistics.images)]
    names = [{"id": index, "name": name} for index, name in enumerate(statistics.class_names)]
    return {"info": {}, "images": images, "categories": names, "annotations": annotations}, results


def peers(statistics: DetectionStatistics) -> dict[str, float]:
    """Seconds of one evaluation by each installed peer, matching included, and its AP."""
    truth, results = coco_files(statistics)
    times: dict[str, float] = {}
    for name in ("hotcoco", "pycocotools"):
        if importlib.util.find_spec(name) is None:
            continue
        if name == "hotcoco":
            from hotcoco import COCO, COCOeval
        else:
            from pycocotools.coco import COCO
            from pycocotools.cocoeval import COCOeval
        with contextlib.redirect_stdout(io.StringIO()):
            if name == "hotcoco":
                gt = COCO(truth)
            else:
                gt = COCO()
                gt.dataset = truth
                gt.createIndex()
            dt = gt.loadRes(results)
            start = time.perf_counter()
            evaluation = COCOeval(gt, dt, "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
            times[f"{name}_once_s"] = round(time.perf_counter() - start, 2)
            evaluation.summarize()
        times[f"{name}_ap"] = round(float(evaluation.stats[0]), 6)
    return times


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer", action="store_true", help="also time hotcoco and pycocotools, once each")
    chosen = parser.parse_args()
    statistics = synthetic()
    metric, clusters = METRICS[0], np.arange(PICTURES)
    seconds = []
    for _ in range(chosen.runs):
        start = time.perf_counter()
        weights = cluster_weights(clusters, chosen.replicates, seed=0)
        value = float(metric.compute(statistics, np.ones((1, PICTURES)))[0])
        samples = metric.compute(statistics, weights)
        low, high = interval_from(value, samples, clusters=PICTURES, confidence=0.95, bounds=metric.bounds)
        seconds.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "benchmark": "average_precision",
                "seconds": round(min(seconds), 3),
                "runs": [round(each, 3) for each in seconds],
                "replicates": chosen.replicates,
                "pictures": PICTURES,
                "classes": CLASSES,
                "detections": len(statistics.score),
                "truths": int(statistics.truths[:, :, 0].sum()),
                "ap": round(value, 6),
                "interval": [round(low, 4), round(high, 4)],
                **(peers(statistics) if chosen.peer else {}),
            }
        )
    )


if __name__ == "__main__":
    main()
