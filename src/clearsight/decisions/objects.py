"""Missed objects: how many a score threshold misses in a picture, and how far boxes must be widened to hold objects.

The loss of a picture is the share of its objects that are missed; pictures without objects are not counted, for they
would make the limit easier to keep. An object counts as found where a box of its class meets it at IoU 0.5 (a mask, of
masks). Lowering the threshold finds more, so the loss is monotone, as both promises of ``metrics.risk_control`` need.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from clearsight.metrics.detection import ALL, DetectionStatistics
from clearsight.metrics.risk_control import keeps


@dataclass(frozen=True, kw_only=True)
class TrueObjects:
    """Each object of some pictures: the score of the box that meets it, and by how much that must be widened.

    ``score`` is minus infinity and ``margin`` infinite where no box meets it; ``share`` is 1 over the number of objects
    of its picture, ``row``. ``margin`` is the share of the box's width or height by which it must be moved outwards on
    all sides to hold the whole object; None where the statistics do not tell.
    """

    score: Float[np.ndarray, "k"]
    share: Float[np.ndarray, "k"]
    row: Int[np.ndarray, "k"]
    margin: Float[np.ndarray, "k"] | None

    @property
    def pictures(self) -> int:
        """How many pictures hold the objects."""
        return len(np.unique(self.row))


def true_objects(statistics: DetectionStatistics, rows: Int[np.ndarray, "n"]) -> TrueObjects:
    """The objects of the pictures ``rows``."""
    chosen = np.zeros(statistics.images, dtype=bool)
    chosen[rows] = True
    objects = statistics.truths[:, :, ALL].sum(1) * chosen
    met = np.flatnonzero(statistics.matched[ALL, 0] & chosen[statistics.row])
    never = objects - np.bincount(statistics.row[met], minlength=statistics.images)
    row = np.concatenate([statistics.row[met], np.repeat(np.arange(statistics.images), never)])
    missing = len(row) - len(met)
    margin = None
    if statistics.margin is not None:
        margin = np.concatenate([statistics.margin[met].astype(np.float64), np.full(missing, np.inf)])
    return TrueObjects(
        score=np.concatenate([statistics.score[met].astype(np.float64), np.full(missing, -np.inf)]),
        share=1 / objects[row],
        row=row,
        margin=margin,
    )


def missed_share(objects: TrueObjects, threshold: float) -> tuple[Float[np.ndarray, "k"], Int[np.ndarray, "k"]]:
    """The share of its objects that a picture misses at a score threshold, and the picture, for those with objects."""
    return _by_picture(objects, objects.score < threshold)


def uncovered_share(
    objects: TrueObjects, threshold: float, margin: float
) -> tuple[Float[np.ndarray, "k"], Int[np.ndarray, "k"]]:
    """The share of a picture's objects that no box shown at the threshold holds once widened; missed ones included."""
    assert objects.margin is not None
    return _by_picture(objects, (objects.score < threshold) | (objects.margin > margin))


def _by_picture(objects: TrueObjects, lost: np.ndarray) -> tuple[Float[np.ndarray, "k"], Int[np.ndarray, "k"]]:
    rows, place = np.unique(objects.row, return_inverse=True)
    return np.bincount(place, weights=objects.share * lost, minlength=len(rows)), rows


def score_to_show(objects: TrueObjects, level: float, delta: float | None) -> float | None:
    """The highest score threshold at which at most ``level`` of a picture's objects are missed; None for none."""
    order = np.argsort(objects.score, kind="stable")
    score, lost = objects.score[order], np.append(0.0, np.cumsum(objects.share[order]))
    candidates = np.unique(score[np.isfinite(score)])
    n = objects.pictures
    allowed = keeps(lost[np.searchsorted(score, candidates, side="left")] / max(1, n), n, level, delta)
    return float(candidates[allowed][-1]) if allowed.any() else None


def margin_to_cover(objects: TrueObjects, threshold: float, level: float, delta: float | None) -> float | None:
    """The smallest margin at which at most ``level`` of a picture's objects are not held; None for none."""
    assert objects.margin is not None
    needed = np.where(objects.score >= threshold, objects.margin, np.inf)
    order = np.argsort(needed, kind="stable")
    needed, held = needed[order], np.append(0.0, np.cumsum(objects.share[order]))
    candidates = np.unique(np.append(0.0, needed[np.isfinite(needed)]))
    n = objects.pictures
    mean = 1 - held[np.searchsorted(needed, candidates, side="right")] / max(1, n)
    allowed = keeps(np.maximum(mean, 0.0), n, level, delta)
    return float(candidates[allowed][0]) if allowed.any() else None
