"""Curves of precision over recall of several classes under any weighting of the pictures, and the area under them.

The COCO form (Lin et al. 2014): precision is made non-increasing from the right and averaged at the recalls 0, 0.01,
..., 1. Under weights a picture counts as often as its weight says, so one column of bootstrap weights is one resampled
data set. Detections are sorted once, and nothing is computed but where that curve can bend.

It can bend only at the last true positive before a false one: from one true positive to the next with no false positive
in between, precision a / (a + b) rises whatever the weights, so the curve is level on the whole run. Most of what a
good detector is sure of lies in few such runs. At all IoU thresholds nearly the same detections are counted, as few are
ignored at one and not at another: they are added up once, and the few for each threshold. Arrays lie as [runs,
replicates], the runs of all classes and thresholds interleaved: every step is one operation on many long rows.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array

from clearsight.metrics.interleaved import Interleaved
from clearsight.metrics.segments import summing

RECALLS = np.linspace(0.0, 1.0, 101)
# COCO compares recall with these numbers, a few of which lie one rounding step above j / 100: a recall of exactly
# 35/100 does not reach the threshold "0.35". To give the same score, neither does ours.
MISSED_WHEN_EXACT = np.array([step / 100 < recall for step, recall in enumerate(RECALLS)])
# Within so much of a per cent recall is taken to be exactly there. Sums of float32 weights are right to about 1e-6 of
# them, unless the weights are whole numbers. Of fewer than 10,000 objects of a class no other recall lies so near; of
# more, one object hardly moves the curve.
SLACK = {"float32": 1e-4, "float64": 1e-9}


@dataclass(frozen=True, kw_only=True)
class RankedDetections:
    """Detections sorted by class, best first, with the picture and the matching of each at every IoU threshold.

    ``label`` counts the classes from 0. ``near`` marks those near an object of their class: true positives, poorly
    localised ones and duplicates.
    """

    label: Int[np.ndarray, "d"]
    row: Int[np.ndarray, "d"]
    near: Bool[np.ndarray, "d"]
    matched: Bool[np.ndarray, "thresholds d"]
    ignored: Bool[np.ndarray, "thresholds d"]


@dataclass(frozen=True, kw_only=True)
class _Runs:
    """The runs of true positives, list by list: a list is a threshold and a class (``threshold * classes + label``).

    ``detection`` and ``run`` are those of every true positive; ``end`` is the last detection of each run.
    """

    detection: Int[np.ndarray, "true"]
    run: Int[np.ndarray, "true"]
    end: Int[np.ndarray, "runs"]
    of: Int[np.ndarray, "runs"]

    @classmethod
    def among(cls, ranked: RankedDetections, classes: int) -> "_Runs":
        threshold, detection = np.nonzero(ranked.matched)
        false = np.cumsum(~(ranked.matched | ranked.ignored), axis=1, dtype=np.int32)[threshold, detection]
        of = threshold * classes + ranked.label[detection]
        last = np.ones(len(of), dtype=bool)
        last[:-1] = (of[1:] != of[:-1]) | (false[1:] != false[:-1])
        return cls(detection=detection, run=np.cumsum(last) - last, end=detection[last], of=of[last])


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The curves of precision over recall of several classes at every IoU threshold, for any weights.

    Rows of ``right`` (runs x images) hold the true positives of each run. Rows of ``near`` and ``far`` (the latter only
    where precision is ``normalised``) hold the detections counted up to a place and not up to the place before it: in
    lists of the classes those counted at every threshold, then in lists like those of the runs those counted at some
    only. ``counted`` (runs x places) picks for each run one of the former, and one of the latter where there is any.
    """

    classes: int
    thresholds: int
    runs: Interleaved
    label: Int[np.ndarray, "runs"]
    right: csr_array
    places: Interleaved
    label_of_place: Int[np.ndarray, "places"]
    near: csr_array
    far: csr_array | None
    counted: csr_array

    @classmethod
    def of(
        cls, ranked: RankedDetections, classes: int, images: int, dtype: np.dtype | type, normalised: bool
    ) -> "Curves":
        """The curves of so many classes, to be multiplied with weights of ``dtype`` of so many images."""
        runs, thresholds = _Runs.among(ranked, classes), len(ranked.matched)
        order = Interleaved.of(np.bincount(runs.of, minlength=thresholds * classes))
        detection, place, of, (run, counted_at) = _places(ranked, runs, classes)
        places = Interleaved.of(np.bincount(of, minlength=(thresholds + 1) * classes))

        def summed(chosen: Bool[np.ndarray, "counted"]) -> csr_array:
            shape = (len(of), images)
            return summing(place[chosen], ranked.row[detection[chosen]], shape, dtype)[places.order]

        close = ranked.near[detection] if normalised else np.ones(len(detection), dtype=bool)
        moved = np.empty_like(places.order)
        moved[places.order] = np.arange(len(of))
        picked = summing(run, counted_at, (len(runs.of), len(of)), dtype)
        picked.indices = moved[picked.indices].astype(picked.indices.dtype)
        right = summing(runs.run, ranked.row[runs.detection], (len(runs.of), images), dtype)
        return cls(
            classes=classes,
            thresholds=thresholds,
            runs=order,
            label=runs.of[order.order] % classes,
            right=right[order.order],
            places=places,
            label_of_place=of[places.order] % classes,
            near=summed(close),
            far=summed(~close) if normalised else None,
            counted=picked[order.order],
        )

    def average_precision(
        self,
        columns: Float[np.ndarray, "images replicates"],
        totals: Float[np.ndarray, "classes replicates"],
        expected: Float[np.ndarray, "classes replicates"] | None = None,
    ) -> Float[np.ndarray, "classes thresholds replicates"]:
        """Average precision for each column of weights; NaN where no object of the class has weight.

        ``totals`` are the weighted numbers of objects, without ignored ones. With ``expected``, other such numbers,
        precision is normalised to that many objects: R N / (R N + F), with recall R, N expected objects and F false
        positives (Hoiem et al. 2012, section 2). Unlike theirs, F is not constant: background false positives stay, but
        those near an object scale with the number of objects. Computed in the precision of ``columns``: float64 gives
        COCO's own number, float32 is for replicates.
        """
        scores = np.zeros((self.thresholds * self.classes, columns.shape[1]))
        safe = np.where(totals > 0, totals, 1).astype(columns.dtype)
        if len(self.label):
            right = self.runs.running_sums(self.right @ columns)
            seen = self.counted @ self._seen(columns, safe, expected)
            precision = np.divide(right, seen, out=seen)
            reached = self._reached(right, safe)
            area = self.runs.under_envelope(precision, reached)
            at_0 = precision[: len(area)]  # the envelope there, once it is made
            scores[self.runs.firsts] = (area + at_0) / len(RECALLS)
        by_class = scores.reshape(self.thresholds, self.classes, -1).transpose(1, 0, 2)
        if expected is not None:
            by_class = np.where((expected > 0)[:, None], by_class, 0.0)
        return np.where((totals > 0)[:, None], by_class, np.nan)

    def _seen(
        self,
        columns: Float[np.ndarray, "images replicates"],
        totals: Float[np.ndarray, "classes replicates"],
        expected: Float[np.ndarray, "classes replicates"] | None,
    ) -> Float[np.ndarray, "places replicates"]:
        """How many detections are counted up to each place, above 0; those far from objects as if at the same density.

        R N / (R N + F + F'), F false positives far from objects and F' others at their expected number, is the same as
        T / (T + F T / (R N) + F' T / (R N)), T true positives: those near an object are counted as they are, and the
        others times the number of objects over the expected one.
        """
        seen = self.near @ columns
        if self.far is not None and expected is not None:
            share = np.divide(totals, expected, out=np.zeros_like(totals), where=expected > 0)
            seen += (self.far @ columns) * share[self.label_of_place]
        seen = self.places.running_sums(seen)
        seen += np.finfo(seen.dtype).tiny
        return seen

    def _reached(
        self, right: Float[np.ndarray, "runs replicates"], totals: Float[np.ndarray, "classes replicates"]
    ) -> Float[np.ndarray, "runs replicates"]:
        """How many of the recalls above 0 are reached by the end of each run. Overwrites ``right``."""
        slack = right.dtype.type(SLACK[right.dtype.name])
        right *= (100 / totals).astype(right.dtype)[self.label]
        right += slack
        reached = np.floor(right)
        right -= reached
        exact = np.flatnonzero(right < 2 * slack)
        missed = MISSED_WHEN_EXACT[np.minimum(reached.reshape(-1)[exact].astype(np.int64), 100)]
        reached.reshape(-1)[exact[missed]] -= 1
        return reached


Counted = tuple[Int[np.ndarray, "k"], Int[np.ndarray, "k"]]


def _places(
    ranked: RankedDetections, runs: _Runs, classes: int
) -> tuple[Int[np.ndarray, "counted"], Int[np.ndarray, "counted"], Int[np.ndarray, "places"], Counted]:
    """Where detections are counted: which, at what place; the list of each place; and which places are of each run."""
    label, count = ranked.label, len(ranked.label)
    ends, end_of_run = np.unique(runs.end, return_inverse=True)
    ignored, numbers = ranked.ignored.any(0), np.arange(len(runs.of))
    always = np.flatnonzero(~ignored)
    first, found = _next(ends, label[ends], always, label[always])
    sometimes = np.flatnonzero(ignored & ~ranked.ignored.all(0))
    threshold, which = np.nonzero(~ranked.ignored[:, sometimes])
    also = sometimes[which]
    lists = threshold * classes + label[also]
    run, there = _next(runs.of // classes * count + runs.end, runs.of, threshold * count + also, lists)
    bends, bend = np.unique(run, return_inverse=True)
    latest = np.searchsorted(bends, numbers, side="right") - 1
    has = (latest >= 0) & (runs.of[bends[latest]] == runs.of) if len(bends) else np.zeros(len(numbers), dtype=bool)
    return (
        np.concatenate([always[found], also[there]]),
        np.concatenate([first, len(ends) + bend]),
        np.concatenate([label[ends], classes + runs.of[bends]]),
        (np.concatenate([numbers, numbers[has]]), np.concatenate([end_of_run, len(ends) + latest[has]])),
    )


def _next(
    places: Int[np.ndarray, "places"],
    lists: Int[np.ndarray, "places"],
    given: Int[np.ndarray, "k"],
    of: Int[np.ndarray, "k"],
) -> tuple[Int[np.ndarray, "found"], Bool[np.ndarray, "k"]]:
    """The first of the sorted ``places`` at or after each one given, where it is of the same list; and where it is."""
    after = np.searchsorted(places, given)
    found = after < len(places)
    found[found] = lists[after[found]] == of[found]
    return after[found], found
