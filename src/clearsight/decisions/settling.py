"""Guarantees settled on evidence of pictures that were not trained on: for all, for groups, for classes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np
from jaxtyping import Int

from clearsight.decisions.losses import Losses, losses_of
from clearsight.decisions.objects import margin_to_cover, score_to_show, true_objects
from clearsight.decisions.pixels import confidence_to_trust, missed_pixels
from clearsight.decisions.sets import true_scores
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.detection import DetectionStatistics
from clearsight.metrics.regression import RegressionStatistics
from clearsight.metrics.risk_control import conformal_quantile, one_of_each, threshold_to_decide
from clearsight.metrics.segmentation import SegmentationStatistics
from clearsight.types import UNKNOWN, Evidence, Guarantee

LEVELS = (0.01, 0.02, 0.05, 0.1, 0.2)
USUAL_LEVEL = 0.05
DELTA = 0.1
GROUPS_AT_MOST = 20

Rows = Int[np.ndarray, "n"]
# A guarantee for some pictures at a level, from what it is to be about.
Settle = Callable[[Any, Rows, Guarantee], Guarantee]


def settled(evidence: Evidence, seed: int = 0) -> tuple[Guarantee, ...]:
    """Every guarantee the evidence allows: at five levels for all pictures, at 5% for each group and class.

    Of pictures that belong together one of each cluster is used, drawn at random by ``seed``. A group gets guarantees
    of its own where it has enough pictures for any: 1 / level - 1. The evidence must be of pictures that were not
    trained on; the options of its statistics are those that are deployed.
    """
    alone = one_of_each(evidence.clusters, seed)
    about = {
        "unit": evidence.unit,
        "split": evidence.about.get("split", ""),
        "fingerprint": evidence.about.get("fingerprint", ""),
        "clustered": len(alone) < len(evidence.clusters),
    }
    found = []
    for attribute, group, rows in _parts(evidence, alone):
        for level in (USUAL_LEVEL,) if group else LEVELS:
            for asked in _asked(evidence.statistics, level):
                one = replace(asked, attribute=attribute, group=group, **about)  # type: ignore[arg-type]
                found.append(_settled(evidence.statistics, rows, one))
    return tuple(one for one in found if one.n)


def _parts(evidence: Evidence, alone: Rows) -> Iterator[tuple[str, str, Rows]]:
    """All pictures, then those of each group that is large enough."""
    yield "", "", alone
    for attribute, column in evidence.groups.items():
        values = np.asarray(column).astype(str)[alone]
        groups, counts = np.unique(values, return_counts=True)
        if len(groups) > GROUPS_AT_MOST:
            continue
        for group, count in zip(groups.tolist(), counts.tolist(), strict=True):
            if group != UNKNOWN and count >= 1 / USUAL_LEVEL - 1:
                yield attribute, group, alone[values == group]


def _asked(statistics: object, level: float) -> Iterator[Guarantee]:
    """The guarantees that statistics can give at a level, without threshold and n."""
    blank = Guarantee(promise="decide alone", level=level, delta=DELTA, threshold=None, n=0)
    if losses_of(statistics) is not None:
        yield blank
    yield from _asked_of_task(statistics, blank)


@singledispatch
def _asked_of_task(statistics: object, blank: Guarantee) -> Iterator[Guarantee]:
    yield from ()


@_asked_of_task.register
def _(statistics: ClassificationStatistics, blank: Guarantee) -> Iterator[Guarantee]:
    yield replace(blank, promise="prediction set", delta=None)


@_asked_of_task.register
def _(statistics: RegressionStatistics, blank: Guarantee) -> Iterator[Guarantee]:
    yield replace(blank, promise="interval", delta=None)


@_asked_of_task.register
def _(statistics: DetectionStatistics, blank: Guarantee) -> Iterator[Guarantee]:
    for delta in (None, DELTA):
        yield replace(blank, promise="missed objects", delta=delta)
        if statistics.margin is not None:
            yield replace(blank, promise="box margin", delta=delta)


@_asked_of_task.register
def _(statistics: SegmentationStatistics, blank: Guarantee) -> Iterator[Guarantee]:
    if statistics.missed is None or blank.level != USUAL_LEVEL:
        return
    for name in statistics.class_names:
        for delta in (None, DELTA):
            yield replace(blank, promise="missed pixels", delta=delta, of=name)


def _settled(statistics: Any, rows: Rows, asked: Guarantee) -> Guarantee:
    threshold, n = SETTLE[asked.promise](statistics, rows, asked)
    return replace(asked, threshold=threshold, n=n)


Settled = tuple[float | None, int]


def _decide_alone(statistics: Any, rows: Rows, asked: Guarantee) -> Settled:
    found = losses_of(statistics)
    assert found is not None and asked.delta is not None
    own = _own(found, rows)
    return threshold_to_decide(own.uncertainty, own.loss, asked.level, asked.delta), len(own.loss)


def _own(found: Losses, rows: Rows) -> Losses:
    return found.among(np.flatnonzero(np.isin(found.row, rows)))


def _prediction_set(statistics: ClassificationStatistics, rows: Rows, asked: Guarantee) -> Settled:
    scores = true_scores(statistics.probabilities[rows], statistics.truth[rows])
    return conformal_quantile(scores, asked.level), len(scores)


def _interval(statistics: RegressionStatistics, rows: Rows, asked: Guarantee) -> Settled:
    return conformal_quantile(np.abs(statistics.residuals[rows]), asked.level), len(rows)


def _missed_objects(statistics: DetectionStatistics, rows: Rows, asked: Guarantee) -> Settled:
    objects = true_objects(statistics, rows)
    return score_to_show(objects, asked.level, asked.delta), objects.pictures


def _box_margin(statistics: DetectionStatistics, rows: Rows, asked: Guarantee) -> Settled:
    objects = true_objects(statistics, rows)
    return margin_to_cover(objects, statistics.threshold, asked.level, asked.delta), objects.pictures


def _missed_pixels(statistics: SegmentationStatistics, rows: Rows, asked: Guarantee) -> Settled:
    shares, held = missed_pixels(statistics, statistics.class_names.index(asked.of), rows)
    return confidence_to_trust(shares, asked.level, asked.delta), len(held)


SETTLE: dict[str, Callable[[Any, Rows, Guarantee], Settled]] = {
    "decide alone": _decide_alone,
    "prediction set": _prediction_set,
    "interval": _interval,
    "missed objects": _missed_objects,
    "box margin": _box_margin,
    "missed pixels": _missed_pixels,
}
