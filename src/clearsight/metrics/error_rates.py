"""False-positive and false-negative rates of one class or label: what a group is wrongly told, and what it is denied.

The camera that asks "did someone blink?" has a false-positive rate: the share of open eyes it takes for closed ones.
Equal rates in all groups are equalised odds (Hardt et al. 2016). Each rate is taken among pictures of one truth, so how
common that truth is in a group does not move it.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool

from clearsight.metrics.additive import Columns, mean_of
from clearsight.types import Metric


@runtime_checkable
class Decisive(Protocol):
    """Statistics that say of each image and class whether it is there, whether it is not, and what was answered."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes or labels, in the order of their numbers."""
        ...

    def decisions(self, index: int) -> Bool[np.ndarray, "3 images"]:
        """Of one class: where it is present, where it is absent (both False where unknown), where it is predicted."""
        ...


@dataclass(frozen=True, kw_only=True)
class ErrorRates:
    """Both error rates of one class or label, as metrics."""

    name: str
    false_positive: Metric
    false_negative: Metric

    @property
    def both(self) -> tuple[Metric, Metric]:
        """The false-positive rate, then the false-negative rate."""
        return self.false_positive, self.false_negative


def error_rates(statistics: Decisive, index: int, other: str = "") -> ErrorRates:
    """The error rates of the class of that index; ``other`` names the only other class, where pictures have one."""
    name = statistics.class_names[index]
    wrongly = f"the share of {other or f'pictures without {name}'} that it takes for {name}"
    missed = f"the share of {name} that it takes for {other}" if other else f"the share of {name} that it does not find"
    return ErrorRates(
        name=name,
        false_positive=_rate(f"false-positive rate of {name}", index, 1, wrongly),
        false_negative=_rate(f"false-negative rate of {name}", index, 0, missed),
    )


def _rate(name: str, index: int, among: int, meaning: str) -> Metric:
    compute = mean_of(partial(_wrong, index=index, among=among))
    return Metric(name=name, compute=compute, meaning=meaning, higher_is_better=False, bias_rate=1.0)


def _wrong(statistics: Any, index: int, among: int) -> Columns:
    """Whether each image is answered wrongly, and whether it is ``among`` those present (0) or absent (1)."""
    decisions = statistics.decisions(index)
    own, predicted = decisions[among], decisions[2]
    return np.stack([own & (predicted if among else ~predicted), own], axis=1)
