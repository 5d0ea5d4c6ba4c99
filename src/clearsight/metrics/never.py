"""Confusions that must never happen: how often one class was taken for another, object by object or picture by picture.

What is counted are the chances for it: pictures of the true class, pictures that have the one label and not the other,
or objects of the true class. For an object it happened where a shown box of the other class overlaps it by an IoU of
0.5 or more and its own class is not what it matches best (a class error, see ``ops.error_causes``).
"""

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.detection import ALL, DetectionStatistics
from clearsight.metrics.labels import MultiLabelStatistics
from clearsight.ops.error_causes import Cause


@dataclass(frozen=True, kw_only=True)
class Chances:
    """Every chance for a confusion: the picture it is in (``row``), and whether it happened; ``unit`` in the plural."""

    row: Int[np.ndarray, "chances"]
    happened: Bool[np.ndarray, "chances"]
    unit: str

    def within(self, rows: Bool[np.ndarray, "images"]) -> "Chances":
        """Those in some pictures only."""
        own = rows[self.row]
        return Chances(row=self.row[own], happened=self.happened[own], unit=self.unit)

    def by_cluster(self, clusters: Int[np.ndarray, "images"]) -> tuple[int, int]:
        """In how many clusters it happened at least once, and how many had a chance for it."""
        names, place = np.unique(clusters[self.row], return_inverse=True)
        return int((np.bincount(place[self.happened], minlength=len(names)) > 0).sum()), len(names)


@singledispatch
def chances(statistics: Any, truth: int, answer: int) -> Chances | None:
    """Every chance to take one class for another, by their ids; None where the task has no such confusions."""
    return None


@chances.register
def _(statistics: ClassificationStatistics, truth: int, answer: int) -> Chances:
    row = np.flatnonzero(statistics.truth == truth)
    return Chances(row=row, happened=statistics.predicted[row] == answer, unit="pictures")


@chances.register
def _(statistics: MultiLabelStatistics, truth: int, answer: int) -> Chances:
    absent = statistics.judged[:, answer] & ~statistics.present[:, answer]
    row = np.flatnonzero(statistics.present[:, truth] & absent)
    return Chances(row=row, happened=statistics.predicted[row, answer], unit="pictures")


@chances.register
def _(statistics: DetectionStatistics, truth: int, answer: int) -> Chances | None:
    if statistics.cause is None or statistics.met is None:
        return None
    counts = statistics.truths[:, :, ALL]
    images, classes = counts.shape
    # Objects are numbered picture by picture and class by class.
    cell = np.repeat(np.arange(images * classes), counts.reshape(-1))
    shown = (
        (statistics.cause == Cause.CLASS) & (statistics.label == answer) & (statistics.score >= statistics.threshold)
    )
    taken = np.zeros(len(cell), dtype=bool)
    taken[statistics.met[shown & (statistics.met >= 0)]] = True
    own = cell % classes == truth
    return Chances(row=cell[own] // classes, happened=taken[own], unit="objects")
