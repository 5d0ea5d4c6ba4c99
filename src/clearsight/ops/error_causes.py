"""Error types of detections: the six of Bolya et al. 2020 ("TIDE"), section 2.2.

By the highest IoU of a false positive with an object of its own class and with one of any other class, at the
thresholds 0.5 (foreground) and 0.1 (background):

- class: 0.5 or more with an object of another class;
- location: 0.1 to 0.5 with an object of its class;
- both: 0.1 to 0.5 with an object of another class;
- duplicate: 0.5 or more with an object of its class that a better detection is matched to;
- background: under 0.1 with every object.

Where several hold, which the paper leaves open, the object of highest IoU decides, one of its own class in a tie. An
object is missed where no detection is matched to it and none is a class or location error about it.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.ops.matching import Objects, Overlaps, box_overlaps, pairs, ranks, rounds

FOREGROUND, BACKGROUND = 0.5, 0.1


class Cause(IntEnum):
    """Why a detection is a false positive; ``NONE`` where it is correct or ignored. ``MISSED`` is for objects only."""

    NONE = 0
    CLASS = 1
    LOCATION = 2
    BOTH = 3
    DUPLICATE = 4
    BACKGROUND = 5
    MISSED = 6


@dataclass(frozen=True, kw_only=True)
class Explained:
    """The cause of each detection's error, and its matched object, or the one it would match if corrected.

    ``met`` is the index of that object, picture by picture and class by class (``judged_order``); -1 for none. An
    object that no ``met`` holds is missed.
    """

    cause: Int[np.ndarray, "d"]
    met: Int[np.ndarray, "d"]


def judged_order(truths: Objects) -> Int[np.ndarray, "judged"]:
    """The indices of the objects that are not ignored, in the order of picture and class."""
    judged = np.flatnonzero(~truths.crowd)
    return judged[np.argsort(truths.group[judged], kind="stable")]


def explain(
    detections: Objects,
    truths: Objects,
    classes: int,
    ignored: Bool[np.ndarray, "d"],
    overlaps: Overlaps | None = None,
) -> Explained:
    """The causes of all errors in many pictures at once.

    Groups are picture x classes + class, as ``matching.match`` takes them, and ``ignored`` marks the detections that
    are matched to an ignored object. ``overlaps`` computes the IoU; that of the boxes if not given.
    """
    order = judged_order(truths)
    measured = overlaps or partial(box_overlaps, detections, truths)
    found, truth, iou = _near_pairs(detections, truths, classes, order, measured)
    own = detections.group[found] == truths.group[order[truth]]
    on = own & (iou >= FOREGROUND)
    met = _met(found[on], truth[on], iou[on], detections.group)
    best_own, best_other = (np.zeros(len(detections)) for _ in range(2))
    np.maximum.at(best_own, found[own], iou[own])
    np.maximum.at(best_other, found[~own], iou[~own])
    best, mine = np.maximum(best_own, best_other), best_own >= best_other
    on_it = best >= FOREGROUND
    cause = np.select(
        [(met >= 0) | ignored, best < BACKGROUND, mine & on_it, mine, on_it],
        [Cause.NONE, Cause.BACKGROUND, Cause.DUPLICATE, Cause.LOCATION, Cause.CLASS],
        Cause.BOTH,
    ).astype(np.int8)
    # The object an error is about; of several equally near, the first.
    about = np.isin(cause[found], (Cause.CLASS, Cause.LOCATION)) & (iou == best[found]) & (own == mine[found])
    which, first = np.unique(found[about], return_index=True)
    met[which] = truth[about][first]
    return Explained(cause=cause, met=met)


def _met(
    found: Int[np.ndarray, "pairs"],
    truth: Int[np.ndarray, "pairs"],
    iou: Float[np.ndarray, "pairs"],
    group: Int[np.ndarray, "d"],
) -> Int[np.ndarray, "d"]:
    """COCO's greedy matching: detections by descending score, each to the unmatched object of highest IoU."""
    met = np.full(len(group), -1, dtype=np.int32)
    taken = np.zeros(int(truth.max(initial=-1)) + 1, dtype=bool)
    order = np.lexsort((truth, iou, found, ranks(group)[found]))
    found, truth = found[order], truth[order]
    edges = rounds(group, found)
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        # No two detections of one rank are of one group, so these matches are independent.
        free = ~taken[truth[start:stop]]
        who, what = found[start:stop][free], truth[start:stop][free]
        last = np.flatnonzero(np.diff(who, append=-1))
        met[who[last]] = what[last]
        taken[what[last]] = True
    return met


def _near_pairs(
    detections: Objects, truths: Objects, classes: int, order: Int[np.ndarray, "judged"], overlaps: Overlaps
) -> tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"], Float[np.ndarray, "pairs"]]:
    """Pairs of a detection and an object of its picture, of any class, with an IoU of 0.1 or more."""
    founds, metas, ious = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for found, place in pairs(detections.group // classes, truths.group[order] // classes):
        iou = overlaps(found, order[place])
        near = iou >= BACKGROUND
        founds.append(found[near])
        metas.append(place[near])
        ious.append(iou[near])
    return np.concatenate(founds), np.concatenate(metas), np.concatenate(ious)
