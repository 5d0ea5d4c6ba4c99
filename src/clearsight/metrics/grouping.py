"""What statistics may say about comparing groups of pictures, where a plain metric would compare unequal things."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from clearsight.types import Confidences, Metric


@runtime_checkable
class ComparableByGroup(Protocol):
    """Statistics that know how their groups are to be compared; the others are compared by their headline metric."""

    @property
    def images(self) -> int:
        """How many images: the length of a row of weights."""
        ...

    def metrics(self) -> tuple[Metric, ...]:
        """Every metric of this task, the headline first."""
        ...

    def by_class(self) -> Mapping[str, "ComparableByGroup"]:
        """The same statistics restricted to one class each."""
        ...

    def confidences(self) -> Confidences | None:
        """Claims and whether they held."""
        ...

    def for_groups(self) -> tuple[Metric, ...]:
        """The metrics that are fair between groups: unmoved by how common the objects are, for one."""
        ...

    def positives(self) -> Int[np.ndarray, "images"]:
        """How many things there are to be found in each picture."""
        ...

    def group_rule(self) -> str:
        """In one sentence, to which group an error is charged."""
        ...
