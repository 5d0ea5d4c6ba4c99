"""Average precision of one class under any weighting of the pictures.

The COCO form (Lin et al. 2014): precision is made non-increasing from the right and averaged at the recalls 0, 0.01,
..., 1. Under weights a picture counts as often as its weight says, so one column of bootstrap weights is one resampled
data set. Detections are sorted once; only at a true positive can recall rise, so only there is anything computed.
Arrays lie as [detections, replicates]: every step is one operation on a whole row.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array

from clearsight.metrics.segments import summing

RECALLS = np.linspace(0.0, 1.0, 101)
# COCO compares recall with these numbers, a few of which lie one rounding step above j / 100: a recall of exactly
# 35/100 does not reach the threshold "0.35". To give the same score, neither does ours.
MISSED_WHEN_EXACT = np.array([step / 100 < recall for step, recall in enumerate(RECALLS)])
# Elements of one working array: small enough for a processor's cache, wide enough that a row is worth one operation.
ELEMENTS_AT_ONCE = 2_000_000
COLUMNS_AT_LEAST = 128
# NumPy accumulates down one column after the other; from this width on, a loop over whole rows is faster.
WIDE = 64


@dataclass(frozen=True, kw_only=True)
class RankedDetections:
    """The detections of one class, best first, with the picture and the matching of each at every IoU threshold.

    ``near`` marks those near an object of the class: true positives, poorly localised ones and duplicates.
    """

    row: Int[np.ndarray, "d"]
    near: Bool[np.ndarray, "d"]
    matched: Bool[np.ndarray, "thresholds d"]
    ignored: Bool[np.ndarray, "thresholds d"]


def average_precision(
    ranked: RankedDetections,
    columns: Float[np.ndarray, "images replicates"],
    total: Float[np.ndarray, "replicates"],
    expected: Float[np.ndarray, "replicates"] | None = None,
) -> Float[np.ndarray, "thresholds replicates"]:
    """Average precision at each IoU threshold for each column of weights; NaN where no object has weight.

    ``total`` is the weighted number of objects, without ignored ones. With ``expected``, another such number, precision
    is normalised to that many objects: R N / (R N + F), with recall R, N expected objects and F false positives (Hoiem
    et al. 2012, section 2). Unlike theirs, F is not constant: background false positives stay, but those ``near`` an
    object scale with the number of objects. Computed in the precision of ``columns``: float64 gives COCO's own number,
    float32 is for replicates.
    """
    scores = np.zeros((len(ranked.matched), columns.shape[1]), dtype=columns.dtype)
    steps = _Steps.of(ranked, columns, normalised=expected is not None)
    if steps is not None:
        replicates = columns.shape[1]
        width = max(ELEMENTS_AT_ONCE // len(steps.row), COLUMNS_AT_LEAST)
        for start in range(0, replicates, width):
            part = slice(start, start + width)
            block = columns if width >= replicates else np.ascontiguousarray(columns[:, part])
            scores[:, part] = steps.area_under(block, total[part], None if expected is None else expected[part])
    scores[:, ~(total > 0)] = np.nan
    return scores.astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class _Steps:
    """The places where recall can rise: the detections that are true positives at some threshold.

    ``counts`` are the detections, ignored ones aside, between one such place and the next, as a sparse matrix (places x
    images), one for each distinct set of ignored detections; ``pattern`` is the index of each threshold's matrix.
    ``near`` are the same of those near an object, where precision is to be ``normalised``.
    """

    row: Int[np.ndarray, "steps"]
    matched: Bool[np.ndarray, "thresholds steps"]
    counts: list[csr_array]
    near: list[csr_array]
    pattern: Int[np.ndarray, "thresholds"]

    @classmethod
    def of(
        cls, ranked: RankedDetections, columns: Float[np.ndarray, "images replicates"], normalised: bool
    ) -> "_Steps | None":
        place = np.flatnonzero(ranked.matched.any(0))
        if not len(place):
            return None
        reach = place[-1] + 1
        segment = np.searchsorted(place, np.arange(reach))
        ignored_there = ranked.ignored[:, :reach]
        differs = np.append(True, (ignored_there[1:] != ignored_there[:-1]).any(1))

        def counted(chosen: Bool[np.ndarray, "reach"]) -> csr_array:
            kept = np.flatnonzero(chosen)
            return summing(segment[kept], ranked.row[kept], (len(place), len(columns)), columns.dtype)

        counts = [counted(~ignored) for ignored in ignored_there[differs]]
        near = [counted(~one & ranked.near[:reach]) for one in ignored_there[differs]] if normalised else []
        pattern = np.cumsum(differs) - 1
        return cls(row=ranked.row[place], matched=ranked.matched[:, place], counts=counts, near=near, pattern=pattern)

    def area_under(
        self,
        columns: Float[np.ndarray, "images replicates"],
        total: Float[np.ndarray, "replicates"],
        expected: Float[np.ndarray, "replicates"] | None,
    ) -> Float[np.ndarray, "thresholds replicates"]:
        """The 101-point average at each threshold."""
        safe = np.where(total > 0, total, 1).astype(columns.dtype)
        ratio = None if expected is None else (expected / safe).astype(columns.dtype)
        own = columns[self.row]
        seen = [_accumulate(count @ columns) for count in self.counts]
        if ratio is not None:
            seen = [
                each + (ratio - 1) * _accumulate(near @ columns) for each, near in zip(seen, self.near, strict=True)
            ]
        scores = np.zeros((len(self.matched), columns.shape[1]), dtype=columns.dtype)
        for threshold, matched in enumerate(self.matched):
            right = _accumulate(own[matched])
            if len(right):
                precision = _precision(right, seen[self.pattern[threshold]][matched], ratio)
                scores[threshold] = _average(precision, right, safe)
        return scores


def _accumulate(rows: Float[np.ndarray, "steps replicates"]) -> Float[np.ndarray, "steps replicates"]:
    """Running sums over the first axis, in place."""
    if rows.shape[1] < WIDE:
        return np.add.accumulate(rows, axis=0, out=rows)
    for before, after in zip(rows[:-1], rows[1:], strict=True):
        np.add(after, before, out=after)
    return rows


def _precision(
    right: Float[np.ndarray, "steps replicates"],
    seen: Float[np.ndarray, "steps replicates"],
    ratio: Float[np.ndarray, "replicates"] | None,
) -> Float[np.ndarray, "steps replicates"]:
    """The precision envelope, for ``right`` true positives among ``seen`` detections. Overwrites ``seen``."""
    if ratio is not None:
        right = right * ratio
    np.maximum(seen, np.finfo(seen.dtype).tiny, out=seen)
    precision = np.divide(right, seen, out=seen)
    if precision.shape[1] < WIDE:
        return np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    for later, earlier in zip(precision[:0:-1], precision[-2::-1], strict=True):
        np.maximum(earlier, later, out=earlier)
    return precision


def _average(
    precision: Float[np.ndarray, "steps replicates"],
    right: Float[np.ndarray, "steps replicates"],
    total: Float[np.ndarray, "replicates"],
) -> Float[np.ndarray, "replicates"]:
    """The mean of the precision over the 101 recalls: each step counts for the recalls it is the last to reach.

    ``precision`` never rises; the sum of its falls, each times the recalls reached before it, has no cancellation.
    Overwrites ``right``.
    """
    slack = right.dtype.type(1e-9 if right.dtype == np.float64 else 1e-5)
    right *= right.dtype.type(100)
    right /= total
    right += slack
    reached = np.floor(right)
    np.subtract(right, reached, out=right)
    exact = np.flatnonzero(right < 2 * slack)
    missed = MISSED_WHEN_EXACT[np.minimum(reached.reshape(-1)[exact].astype(np.int64), 100)]
    reached += right.dtype.type(1)
    reached.reshape(-1)[exact[missed]] -= 1
    fall = np.subtract(precision[:-1], precision[1:], out=right[:-1])
    score = np.einsum("kr,kr->r", fall, reached[:-1])
    return (score + precision[-1] * reached[-1]) / len(RECALLS)
