"""Before and after on pictures that neither the fitting nor the choice has seen, paired, with intervals.

The same pictures, resampled by whole clusters within groups, so that what is hard for both cancels.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Int

from clearsight.metrics import resample
from clearsight.metrics.classification import ACCURACY, ClassificationStatistics
from clearsight.metrics.worst_group import group_gap, worst_group_error
from clearsight.types import Evidence, Metric, Values, Weights
from clearsight.worst_groups.grouping import Grouping

REPLICATES = 1000
Interval = tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A metric before and after, each with its 95% interval, and ``after - before`` with its own."""

    metric: str
    n: int
    before: float
    before_interval: Interval
    after: float
    after_interval: Interval
    change: float
    change_interval: Interval


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What changed: the error of the worst group, the gap between groups, the accuracy, and the error of each group.

    ``too_few`` names the groups with too few pictures to be judged.
    """

    pictures: int
    clusters: int
    worst_group_error: Changed
    gap: Changed
    accuracy: Changed
    groups: tuple[Changed, ...]
    too_few: tuple[str, ...]

    @property
    def improved(self) -> bool:
        """Whether the error of the worst group fell by more than chance explains."""
        ends = self.worst_group_error.change_interval
        return ends is not None and ends[1] < 0


def figures_of(
    before: Evidence,
    after: Evidence,
    judged: Int[np.ndarray, "images"],
    cells: Int[np.ndarray, "images"],
    grouping: Grouping,
    seed: int,
) -> Figures:
    """The figures of two evaluations of the same pictures.

    ``cells`` is the cell of each, and ``judged`` the same with -1 where the cell has too few.
    """
    weights = resample.cluster_weights(before.clusters, REPLICATES, seed, cells)

    def changed(metric: Metric, name: str, rows: np.ndarray | None = None) -> Changed:
        return _changed(resample.change(metric, before, after, weights, rows=rows), name)

    known = judged >= 0
    large = [int(cell) for cell in np.unique(judged[known])]
    small = sorted(set(cells[cells >= 0].tolist()) - set(large))
    return Figures(
        pictures=len(cells),
        clusters=len(np.unique(before.clusters)),
        worst_group_error=changed(worst_group_error(judged), "worst-group error", known),
        gap=changed(group_gap(judged), "gap between groups", known),
        accuracy=changed(ACCURACY, "accuracy"),
        groups=tuple(changed(_ERROR, grouping.name(cell), judged == cell) for cell in large),
        too_few=tuple(grouping.name(cell) for cell in small),
    )


def _wrong(compute: Callable[[Any, Weights], Values]) -> Callable[[Any, Weights], Values]:
    return lambda statistics, weights: 1 - compute(statistics, weights)


_ERROR = replace(ACCURACY, name="error", compute=_wrong(ACCURACY.compute), higher_is_better=False)


def _changed(gap: resample.Gap, name: str) -> Changed:
    return Changed(
        metric=name,
        n=gap.first.images,
        before=gap.second.value,
        before_interval=gap.second.interval,
        after=gap.first.value,
        after_interval=gap.first.interval,
        change=gap.value,
        change_interval=gap.interval,
    )


def with_offsets(evidence: Evidence, offsets: np.ndarray) -> Evidence:
    """The evaluation with numbers added to the logits of each picture."""
    statistics = evidence.statistics
    assert isinstance(statistics, ClassificationStatistics)
    shifted = np.log(np.clip(statistics.probabilities.astype(np.float64), 1e-30, None)) + offsets
    grown = np.exp(shifted - shifted.max(1, keepdims=True))
    return replace(evidence, statistics=replace(statistics, probabilities=grown / grown.sum(1, keepdims=True)))
