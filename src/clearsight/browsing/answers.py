"""What a model said of each picture, one row for each answer, with the cause of its error: of every kind of task.

The causes of detections are those of TIDE (see ``ops.error_causes``), in the words of the report.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.audits.errors import LABELS
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.detection import ALL, DetectionStatistics
from clearsight.metrics.error_costs import missed, objects
from clearsight.metrics.labels import MultiLabelStatistics
from clearsight.metrics.segmentation import SegmentationStatistics
from clearsight.ops.error_causes import Cause

CORRECT, WRONG_CLASS, MISSED, FALSE_LABEL, FALSE_BOX = "correct", "wrong class", "missed", "false label", "false box"
CAUSES = (CORRECT, *LABELS.values(), FALSE_LABEL, FALSE_BOX)
# A confusion of so many of a class's pixels in a picture is one that a person sees there.
PIXELS_AT_LEAST = 0.1


@dataclass(frozen=True, kw_only=True)
class Answers:
    """One entry for each answer, or each object without one: class ids (-1 for none) and the place in ``CAUSES``.

    ``row`` is the picture, in rising order; ``confidence`` in [0, 1] is NaN where nothing was said.
    """

    row: Int[np.ndarray, "k"]
    truth: Int[np.ndarray, "k"]
    answer: Int[np.ndarray, "k"]
    cause: Int[np.ndarray, "k"]
    confidence: Float[np.ndarray, "k"]

    @property
    def wrong(self) -> Bool[np.ndarray, "k"]:
        """Which are errors."""
        return self.cause != CAUSES.index(CORRECT)

    def of(self, row: int) -> "Answers":
        """The answers about one picture, the most confident first."""
        mine = np.arange(*np.searchsorted(self.row, [row, row + 1]))
        mine = mine[np.argsort(-np.nan_to_num(self.confidence[mine], nan=2.0), kind="stable")]
        return Answers(
            **{name: getattr(self, name)[mine] for name in ("row", "truth", "answer", "cause", "confidence")}
        )


@singledispatch
def answers_of(statistics: Any) -> Answers:
    """All answers of an evaluation; none where answers have no classes, such as numbers and restored pictures."""
    return _joined([])


@answers_of.register
def _(statistics: ClassificationStatistics) -> Answers:
    rows = np.arange(statistics.images)
    cause = np.where(statistics.right, CAUSES.index(CORRECT), CAUSES.index(WRONG_CLASS))
    said = statistics.probabilities[rows, statistics.predicted]
    return _joined([(rows, statistics.truth, statistics.predicted, cause, said)])


@answers_of.register
def _(statistics: DetectionStatistics) -> Answers:
    shown = np.flatnonzero((statistics.score >= statistics.threshold) & ~statistics.ignored[ALL, 0])
    row, answer, right = statistics.row[shown], statistics.label[shown], statistics.matched[ALL, 0, shown]
    confidence = statistics.confidences().score  # of the same boxes in the same order, calibrated where that is settled
    truth = np.where(right, answer, -1)
    if statistics.cause is None or statistics.met is None:
        cause = np.where(right, CAUSES.index(CORRECT), CAUSES.index(FALSE_BOX))
        return _joined([(row, truth, answer, cause, confidence)])
    pictures, classes = objects(statistics)
    about, why = statistics.met[shown], statistics.cause[shown]
    truth = np.where(about >= 0, classes[about] if len(classes) else -1, truth)
    words = np.array([CAUSES.index(LABELS.get(each, CORRECT)) for each in Cause])
    free = missed(statistics, statistics.threshold)
    return _joined(
        [
            (row, truth, answer, words[why], confidence),
            (pictures[free], classes[free], -1, CAUSES.index(MISSED), np.nan),
        ]
    )


@answers_of.register
def _(statistics: MultiLabelStatistics) -> Answers:
    absent = statistics.judged & ~statistics.present
    parts = []
    for which, word in (
        (statistics.present & statistics.predicted, CORRECT),
        (statistics.present & ~statistics.predicted, MISSED),
        (absent & statistics.predicted, FALSE_LABEL),
    ):
        row, label = which.nonzero()
        said, true = word != MISSED, word != FALSE_LABEL
        parts.append(
            (
                row,
                label if true else -1,
                label if said else -1,
                CAUSES.index(word),
                statistics.probabilities[row, label],
            )
        )
    return _joined(parts)


@answers_of.register
def _(statistics: SegmentationStatistics) -> Answers:
    pixels = statistics.confusion.sum(2, keepdims=True)
    enough = statistics.confusion >= np.maximum(PIXELS_AT_LEAST * pixels, 1)
    row, truth, answer = enough.nonzero()
    cause = np.where(truth == answer, CAUSES.index(CORRECT), CAUSES.index(WRONG_CLASS))
    return _joined([(row, truth, answer, cause, np.nan)])


def _joined(parts: Sequence[tuple[Any, ...]]) -> Answers:
    """The parts, whose columns may be one value for all, below each other and in the order of the pictures."""
    kinds = (np.int32, np.int16, np.int16, np.int8, np.float32)
    columns: list[list[np.ndarray]] = [[np.zeros(0, dtype=kind)] for kind in kinds]
    for part in parts:
        for column, value, kind in zip(columns, part, kinds, strict=True):
            column.append(np.broadcast_to(np.asarray(value).astype(kind), part[0].shape))
    row, truth, answer, cause, confidence = (np.concatenate(column) for column in columns)
    order = np.argsort(row, kind="stable")
    return Answers(
        row=row[order], truth=truth[order], answer=answer[order], cause=cause[order], confidence=confidence[order]
    )
