"""Simulated detectors: pictures in clusters that share a difficulty, with objects, hits, overlaps and false boxes."""

import numpy as np

from clearsight.metrics.detection import DetectionStatistics
from clearsight.ops.matching import THRESHOLDS

DENSITY = (2.0, 1.0, 0.5)


def simulated(
    rng: np.random.Generator,
    clusters: int,
    per: int = 1,
    quality: float = 0.0,
    false: float = 1.0,
    crowding: float = 1.0,
    spread: float = 0.5,
) -> tuple[DetectionStatistics, np.ndarray]:
    """Statistics of ``clusters * per`` pictures with three classes, and the cluster of each.

    ``quality`` shifts what is found and how well; ``false`` scales a picture's false boxes, ``crowding`` its objects.
    """
    pictures = clusters * per
    cluster = np.repeat(np.arange(clusters), per)
    effect = rng.normal(quality, spread, clusters)[cluster]
    rows, labels, scores, overlaps = [], [], [], []
    truths = np.zeros((pictures, len(DENSITY), 4), dtype=np.int64)
    for label, density in enumerate(DENSITY):
        count = rng.poisson(crowding * density * np.exp(rng.normal(0, 0.3, pictures)))
        truths[:, label, :] = count[:, None]
        row = np.repeat(np.arange(pictures), count)
        row = row[rng.random(len(row)) < 1 / (1 + np.exp(-(2.0 - 0.5 * label + effect[row])))]
        overlap = 1 / (1 + np.exp(-(1.4 - 0.3 * label + 0.4 * effect[row] + rng.normal(0, 0.7, len(row)))))
        wrong = np.repeat(np.arange(pictures), rng.poisson(0.75 * false * density * np.exp(-0.4 * effect)))
        rows += [row, wrong]
        labels.append(np.full(len(row) + len(wrong), label))
        overlaps += [overlap, np.zeros(len(wrong))]
        scores += [
            -1.5 + 4 * (overlap - 0.5) + 0.5 * effect[row] + rng.normal(0, 1.2, len(row)),
            rng.normal(-2.5, 1.2, len(wrong)),
        ]
    parts = (np.concatenate(rows), np.concatenate(labels), np.concatenate(scores), np.concatenate(overlaps))
    return assembled(*parts, truths), cluster


def assembled(
    row: np.ndarray, label: np.ndarray, logit: np.ndarray, overlap: np.ndarray, truths: np.ndarray
) -> DetectionStatistics:
    """Statistics of detections in any order; a detection is right at every threshold its overlap reaches."""
    order = np.lexsort((-logit, label))
    matched = overlap[order] >= THRESHOLDS[:, None]
    return DetectionStatistics(
        class_names=("red", "white", "platelet"),
        row=row[order],
        label=label[order],
        score=1 / (1 + np.exp(-logit[order])),
        overlap=overlap[order],
        matched=np.broadcast_to(matched, (4, *matched.shape)),
        ignored=np.zeros((4, *matched.shape), dtype=bool),
        truths=truths,
        threshold=0.3,
    )


def joined(parts: list[DetectionStatistics]) -> DetectionStatistics:
    """The pictures of several simulations in one set, in order."""
    starts = np.cumsum([0, *[part.images for part in parts]])
    score = np.concatenate([part.score for part in parts])
    return assembled(
        np.concatenate([part.row + start for part, start in zip(parts, starts, strict=False)]),
        np.concatenate([part.label for part in parts]),
        np.log(score / (1 - score)),
        np.concatenate([part.overlap for part in parts]),
        np.concatenate([part.truths for part in parts]),
    )
