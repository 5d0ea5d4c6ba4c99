"""What a score loses under damage to the pictures, as one number of paired evaluations of the same pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int
from scipy.sparse import csr_array, hstack

from clearsight.metrics.additive import Additive, Columns
from clearsight.metrics.grouping import ComparableByGroup
from clearsight.types import Metric, Values


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """Statistics of the same pictures, undamaged and under each of several conditions; a ``ComparableByGroup``.

    Its one metric is what the conditions together take from the first additive metric by which groups are compared
    fairly: the score of the undamaged pictures less that of all conditions pooled, the higher the worse. So a group's
    loss is compared with that of the others as any metric is. No metric where none is additive.
    """

    clean: Any
    conditions: tuple[Any, ...]

    @property
    def images(self) -> int:
        """How many pictures."""
        return int(self.clean.images)

    def metrics(self) -> tuple[Metric, ...]:
        """The loss, if there is a metric whose loss can be told."""
        comparable = isinstance(self.clean, ComparableByGroup)
        every: Sequence[Metric] = self.clean.for_groups() if comparable else self.clean.metrics()
        base = next((metric for metric in every if isinstance(metric.compute, Additive)), None)
        return () if base is None else (_loss(base),)

    def for_groups(self) -> tuple[Metric, ...]:
        """The same."""
        return self.metrics()

    def by_class(self) -> Mapping[str, "Degradation"]:
        """Nothing: losses are not told class by class."""
        return {}

    def confidences(self) -> None:
        """None: a loss claims nothing."""
        return None

    def positives(self) -> Int[np.ndarray, "images"]:
        """How many things there are to be found in each undamaged picture; 1 where nothing is counted."""
        ones = np.ones(self.images, dtype=np.int64)
        return self.clean.positives() if isinstance(self.clean, ComparableByGroup) else ones

    def strata(self) -> Int[np.ndarray, "images"]:
        """What is true of each undamaged picture; the same of all where no strata are known."""
        nothing = np.zeros(self.images, dtype=np.int64)
        return self.clean.strata() if isinstance(self.clean, ComparableByGroup) else nothing

    def group_rule(self) -> str:
        """In one sentence, to which group an error is attributed."""
        comparable = isinstance(self.clean, ComparableByGroup)
        return self.clean.group_rule() if comparable else "An error is charged to the group of the picture it is in."


def _loss(base: Metric) -> Metric:
    compute = base.compute
    assert isinstance(compute, Additive)
    sign = 1.0 if base.higher_is_better else -1.0

    def columns(statistics: Degradation) -> Columns:
        damaged = [compute.columns(each) for each in statistics.conditions]
        parts = [compute.columns(statistics.clean), sum(damaged[1:], damaged[0]) * (1 / len(damaged))]
        return hstack(parts, format="csr") if isinstance(parts[0], csr_array) else np.concatenate(parts, axis=1)

    def of(statistics: Degradation, sums: np.ndarray) -> Values:
        half = sums.shape[1] // 2
        clean, damaged = (compute.of(statistics.clean, part) for part in (sums[:, :half], sums[:, half:]))
        return sign * (clean - damaged)

    bounded = bool(np.isfinite(base.bounds).all())
    reach = base.bounds[1] - base.bounds[0] if bounded else np.inf
    return Metric(
        name=f"loss of {base.name} under corruption",
        compute=Additive(columns, of),
        meaning=f"what the corruptions take from {base.name} on average",
        higher_is_better=False,
        bounds=(-reach, reach),
        unit=base.unit,
        bias_rate=base.bias_rate,
    )
