"""What each error type costs in average precision at IoU 0.5: Bolya et al. 2020 ("TIDE"), section 2.3.

The cost of a cause is how much AP50 rises when errors of that cause alone are corrected:

- class, location: the detection gets the class or the box of the object it is about and becomes a true positive; where
  that object has several detections then, the one of highest score stays and the others are removed;
- both, duplicate, background: the detection is removed;
- missed: the missed objects are removed, as if the detector were as precise on them as on the rest. A class all of
  whose objects are missed leaves the average: of the data, and then of every resampled data set too. A class that
  stays keeps its place in each that draws it, with 0 where only missed objects of it were drawn.

The costs do not add up to 1 - AP50: correcting one error may reveal or hide another.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Int

from clearsight.metrics.detection import (
    ALL,
    IOU_50,
    DetectionStatistics,
    class_average_precision,
    mean_average_precision,
)
from clearsight.metrics.resample import Resampling, interval_from
from clearsight.ops.error_causes import Cause
from clearsight.types import Evidence, Metric, Values, Weights

CAUSES = tuple(cause for cause in Cause if cause)
CORRECTABLE = (Cause.CLASS, Cause.LOCATION)
AP50 = Metric(
    name="AP50", compute=partial(mean_average_precision, ious=IOU_50), meaning="average precision at IoU 0.50"
)
# A cost is a difference of two scores, not a score between 0 and 1.
BOUNDS = (float("-inf"), float("inf"))


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one cause costs: by how much AP50 would rise without it, the interval (None with under two clusters).

    ``samples`` are the rises on the resampled data sets.
    """

    cause: Cause
    value: float
    interval: tuple[float, float] | None
    samples: Values


def costs(evidence: Evidence, weights: Resampling, confidence: float = 0.95) -> tuple[Cost, ...]:
    """The cost of every cause, all on the same resampled data sets; nothing where causes are not known."""
    statistics: DetectionStatistics = evidence.statistics
    if statistics.cause is None:
        return ()
    now, samples = weights.evaluated(AP50, statistics)
    clusters = weights.clusters_in(np.ones(statistics.images, dtype=bool))
    found = []
    for cause in CAUSES:
        after = replace(AP50, compute=partial(_after, corrected=corrected(statistics, (cause,))))
        then, corrected_samples = weights.evaluated(after, statistics)
        rise = corrected_samples - samples
        ends = interval_from(then - now, rise, clusters, confidence, BOUNDS)
        found.append(Cost(cause=cause, value=then - now, interval=ends, samples=rise))
    return tuple(found)


def _after(statistics: DetectionStatistics, weights: Weights, corrected: DetectionStatistics) -> Values:
    """AP50 of the corrected statistics, over the same classes whatever the weights: those with objects left.

    Where every object of every class is missed, nothing is left to miss and to be wrong about, and it is 1.
    """
    present = weights @ statistics.truths[:, :, ALL] > 0
    left = corrected.truths[:, :, ALL].sum(0) > 0
    if not left.any():
        return np.where(present.any(1), 1.0, np.nan)
    scores = np.nan_to_num(class_average_precision(corrected, weights, ious=IOU_50)).T
    counted = present & left
    total = counted.sum(1)
    return np.divide((scores * counted).sum(1), total, out=np.full(len(total), np.nan), where=total > 0)


def corrected(statistics: DetectionStatistics, causes: Collection[Cause]) -> DetectionStatistics:
    """The statistics at IoU 0.5 and of all areas only, with the errors of these causes corrected together."""
    cause, met = _explained(statistics)
    label, right = statistics.label, statistics.matched[ALL, 0]
    corrected_here = np.isin(cause, [each for each in causes if each in CORRECTABLE])
    kept = ~np.isin(cause, [each for each in causes if each not in CORRECTABLE])
    if corrected_here.any():
        label = label.copy()
        label[corrected_here] = objects(statistics)[1][met[corrected_here]]
        right = right | corrected_here
        kept &= ~right | _first_of_each(np.where(right, met, -1), statistics.score, corrected_here)
    truths = statistics.truths[:, :, ALL]
    if Cause.MISSED in causes:
        row, kind = (each[missed(statistics)] for each in objects(statistics))
        truths = truths.copy()
        np.subtract.at(truths, (row, kind), 1)
    order = np.flatnonzero(kept)
    order = order[np.lexsort((statistics.row[order], -statistics.score[order], label[order]))]
    return replace(
        statistics,
        row=statistics.row[order],
        label=label[order],
        score=statistics.score[order],
        overlap=statistics.overlap[order],
        matched=right[None, None, order],
        ignored=statistics.ignored[ALL : ALL + 1, :1, order],
        truths=truths[:, :, None],
        cause=None,
        met=None,
    )


def objects(statistics: DetectionStatistics) -> tuple[Int[np.ndarray, "objects"], Int[np.ndarray, "objects"]]:
    """The picture and the class of every object that is not ignored, in the order of the indices ``met``."""
    counts = statistics.truths[:, :, ALL]
    row, kind = np.divmod(np.repeat(np.arange(counts.size), counts.reshape(-1)), counts.shape[1])
    return row, kind


def missed(statistics: DetectionStatistics, at_least: float = 0.0) -> Bool[np.ndarray, "objects"]:
    """The objects without a match of this score or more, and without a class or location error about them."""
    _, met = _explained(statistics)
    free = np.ones(int(statistics.truths[:, :, ALL].sum()), dtype=bool)
    free[met[(met >= 0) & (statistics.score >= at_least)]] = False
    return free


def never_found(statistics: DetectionStatistics, at_least: float = 0.0) -> dict[str, int]:
    """The classes none of whose objects is matched at IoU 0.5 with this score or more, with how many objects."""
    total = statistics.truths[:, :, ALL].sum(0)
    right = statistics.matched[ALL, 0] & (statistics.score >= at_least)
    found = np.bincount(statistics.label[right], minlength=len(total))
    return {name: int(n) for name, n, hits in zip(statistics.class_names, total, found, strict=True) if n and not hits}


def counts(statistics: DetectionStatistics, at_least: float = 0.0) -> dict[Cause, int]:
    """How many errors of each cause there are among detections of this score or more."""
    cause, _ = _explained(statistics)
    tally = np.bincount(cause[statistics.score >= at_least], minlength=len(Cause))
    return {each: int(tally[each]) for each in CAUSES[:-1]} | {Cause.MISSED: int(missed(statistics, at_least).sum())}


def _explained(statistics: DetectionStatistics) -> tuple[Int[np.ndarray, "d"], Int[np.ndarray, "d"]]:
    assert statistics.cause is not None and statistics.met is not None, "causes are not known"
    return statistics.cause, statistics.met


def _first_of_each(
    met: Int[np.ndarray, "d"], score: np.ndarray, corrected_here: Bool[np.ndarray, "d"]
) -> Bool[np.ndarray, "d"]:
    """The detection of highest score of each object; in a tie one that was correct before."""
    order = np.lexsort((corrected_here, -score, met))
    first = np.zeros(len(met), dtype=bool)
    first[order] = np.diff(met[order], prepend=-2) != 0
    return first & (met >= 0)
