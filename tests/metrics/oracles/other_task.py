"""Statistics of a task that is not detection: one answer a picture, right or wrong, with a confidence."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clearsight.types import Confidences, Evidence, Metric


def _accuracy(statistics, weights):
    total = weights.sum(1).astype(float)
    return np.divide(weights @ statistics.right, total, out=np.full(len(total), np.nan), where=total > 0)


ACCURACY = Metric(name="accuracy", compute=_accuracy, meaning="the share of right answers")


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Right or wrong per picture, and how sure it was."""

    right: np.ndarray
    sure: np.ndarray | None = None

    @property
    def images(self) -> int:
        return len(self.right)

    def metrics(self) -> tuple[Metric, ...]:
        return (ACCURACY,)

    def by_class(self) -> Mapping[str, "Answers"]:
        return {}

    def confidences(self) -> Confidences | None:
        if self.sure is None:
            return None
        rows = np.arange(self.images)
        return Confidences(score=self.sure, correct=self.right > 0, row=rows, claim="the answer is right")


def evidence_of(right, groups=None, clusters=None, sure=None) -> Evidence:
    """Evidence of such answers, each its own cluster unless given."""
    right = np.asarray(right, dtype=float)
    return Evidence(
        task="answers",
        statistics=Answers(right=right, sure=sure),
        ids=tuple(str(index) for index in range(len(right))),
        clusters=np.arange(len(right)) if clusters is None else clusters,
        groups={} if groups is None else groups,
    )
