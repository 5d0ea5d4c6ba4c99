"""Matching of detections to objects: the greedy matching of the COCO protocol, for all pictures and classes at once.

Lin et al. 2014, and the protocol published with it: within one picture and class the detections are matched in
descending order of score; each takes the unmatched object of highest IoU, if it reaches the threshold. Ignored objects
(crowds, or objects outside an area range) are matched only where no other object is within reach, and a detection
matched to one counts neither as a true nor as a false positive.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

THRESHOLDS = np.linspace(0.5, 0.95, 10)
AREA_NAMES = ("all", "small", "medium", "large")
AREA_RANGES_PX2 = np.array([(0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10)])
SIZES = ("small", "medium", "large")
PAIRS_AT_ONCE = 2_000_000
# The overlap in [0, 1] of detections and truths of these indices, pair by pair.
Overlaps = Callable[[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]], Float[np.ndarray, "pairs"]]


def sizes_of(area: Float[np.ndarray, "d"]) -> Int[np.ndarray, "d"]:
    """0 for a small box, 1 for a medium and 2 for a large one (``SIZES``), by COCO's areas in px²."""
    return np.searchsorted(AREA_RANGES_PX2[1:3, 1], area, side="right")


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Boxes of many pictures, or the boxes around other shapes, in one flat list.

    ``group`` numbers the picture and class of each box: only boxes of one group can match. ``area`` is in px².
    ``crowd`` marks ignored truths; it is False for detections, which are sorted best first within their group.
    """

    xyxy: Float[np.ndarray, "n 4"]
    group: Int[np.ndarray, "n"]
    area: Float[np.ndarray, "n"]
    crowd: Bool[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.group)


@dataclass(frozen=True, kw_only=True)
class Matches:
    """The matching of each detection, by area range and IoU threshold, and in which ranges each truth is not ignored.

    ``overlap`` is the IoU with the object matched at the lowest threshold over all areas; without a match, the highest
    IoU with any object of the group that is not ignored, and 0 without one. ``met`` is the index of the truth matched
    there, -1 without one.
    """

    matched: Bool[np.ndarray, "areas thresholds d"]
    ignored: Bool[np.ndarray, "areas thresholds d"]
    overlap: Float[np.ndarray, "d"]
    met: Int[np.ndarray, "d"]
    judged: Bool[np.ndarray, "areas n"]


def match(
    detections: Objects,
    truths: Objects,
    thresholds: Float[np.ndarray, "thresholds"] = THRESHOLDS,
    areas: Float[np.ndarray, "areas 2"] = AREA_RANGES_PX2,
    overlaps: Overlaps | None = None,
) -> Matches:
    """Match detections with truths as COCO does, for every area range (px², both ends included) and IoU threshold.

    ``overlaps`` gives the overlap of detections and truths, index by index, where it is not the IoU of their boxes;
    over the detection's own area for crowds.
    """
    measured = overlaps or partial(box_overlaps, detections, truths)
    outside = (truths.area < areas[:, :1]) | (truths.area > areas[:, 1:])
    judged = ~(outside | truths.crowd)
    found, truth, iou, overlap = _close_pairs(detections, truths, thresholds[0], measured)
    edges = rounds(detections.group, found)
    matched = np.zeros((len(areas), len(thresholds), len(detections)), dtype=bool)
    ignored = np.zeros_like(matched)
    matched_truth = np.full(len(detections), -1)
    taken = np.zeros((len(truths), len(areas), len(thresholds)), dtype=bool)
    reach = np.minimum(thresholds, 1 - 1e-10)
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        # Every group has at most one detection of this rank, so these matches are independent.
        who, what = found[start:stop], truth[start:stop]
        open_ = (iou[start:stop, None, None] >= reach) & (truths.crowd[what][:, None, None] | ~taken[what])
        place = np.arange(1, stop - start + 1)[:, None, None]
        preference = np.where(open_, place + (stop - start) * judged.T[what][:, :, None], 0)
        first = np.flatnonzero(np.diff(who, prepend=-1))
        best = np.maximum.reduceat(preference, first, axis=0)
        which, area, threshold = np.nonzero(best)
        choice = what[(best[which, area, threshold] - 1) % (stop - start)]
        taken[choice, area, threshold] = True
        matched[area, threshold, who[first][which]] = True
        ignored[area, threshold, who[first][which]] = ~judged[area, choice]
        lowest = (area == 0) & (threshold == 0) & judged[0, choice]
        met = start + (best[which, area, threshold][lowest] - 1) % (stop - start)
        overlap[who[first][which[lowest]]] = iou[met]
        matched_truth[who[first][which[lowest]]] = truth[met]
    elsewhere = (detections.area < areas[:, :1]) | (detections.area > areas[:, 1:])
    ignored |= ~matched & elsewhere[:, None, :]
    return Matches(matched=matched & ~ignored, ignored=ignored, overlap=overlap, met=matched_truth, judged=judged)


def ranks(group: Int[np.ndarray, "d"]) -> Int[np.ndarray, "d"]:
    """The place of each box among those of its group, in the order given."""
    order = np.argsort(group, kind="stable")
    start = np.flatnonzero(np.diff(group[order], prepend=-1))
    rank = np.empty(len(group), dtype=np.int64)
    rank[order] = np.arange(len(group)) - np.repeat(start, np.diff(start, append=len(group)))
    return rank


def _close_pairs(
    detections: Objects, truths: Objects, least: float, measured: Overlaps
) -> tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"], Float[np.ndarray, "pairs"], Float[np.ndarray, "d"]]:
    """Pairs of one group that overlap by ``least`` or more, the best detections first; each one's best IoU with any."""
    overlap = np.zeros(len(detections))
    founds, metas, ious = [], [], []
    for found, truth in pairs(detections.group, truths.group):
        iou = measured(found, truth)
        plain = ~truths.crowd[truth]
        np.maximum.at(overlap, found[plain], iou[plain])
        close = iou >= min(least, 1 - 1e-10)
        founds.append(found[close])
        metas.append(truth[close])
        ious.append(iou[close])
    none = np.zeros(0, dtype=np.int64)
    found, truth, iou = (np.concatenate([none, *parts]) for parts in (founds, metas, ious))
    # A detection's pairs lie together, lowest IoU first; later objects win ties, as they do in COCO's inner loop.
    order = np.lexsort((truth, iou, found, ranks(detections.group)[found]))
    return found[order], truth[order], iou[order], overlap


def rounds(group: Int[np.ndarray, "d"], found: Int[np.ndarray, "pairs"]) -> Int[np.ndarray, "edges"]:
    """Where the pairs of the detections of one rank begin, and the end of all; the pairs are in order of rank."""
    rank = ranks(group)[found]
    return np.flatnonzero(np.diff(rank, prepend=-1, append=-1)) if len(rank) else np.zeros(1, dtype=int)


def pairs(
    left: Int[np.ndarray, "d"], right: Int[np.ndarray, "n"]
) -> Iterator[tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]]]:
    """Indices of every (detection, truth) of equal group, a bounded number of pairs at a time."""
    order = np.argsort(right, kind="stable")
    low = np.searchsorted(right[order], left, side="left")
    count = np.searchsorted(right[order], left, side="right") - low
    total = np.cumsum(count)
    start = 0
    while start < len(left):
        before = total[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(total, before + PAIRS_AT_ONCE, side="right")))
        each = count[start:stop]
        found = np.repeat(np.arange(start, stop), each)
        inner = np.arange(len(found)) - np.repeat(np.cumsum(each) - each, each)
        yield found, order[low[found] + inner]
        start = stop


def box_overlaps(
    detections: Objects, truths: Objects, found: Int[np.ndarray, "pairs"], truth: Int[np.ndarray, "pairs"]
) -> Float[np.ndarray, "pairs"]:
    """Intersection over union of each pair's boxes; over the detection's own area where the truth is a crowd."""
    a, b = detections.xyxy[found], truths.xyxy[truth]
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    both = np.where((sides > 0).all(1), sides[:, 0] * sides[:, 1], 0.0)
    own = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    other = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    either = np.where(truths.crowd[truth], own, own + other - both)
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0)
