"""What statistics may say about comparing groups of pictures, where a plain metric would compare unequal things."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int, Shaped

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


def coded(values: Shaped[np.ndarray, "n"]) -> tuple[np.ndarray, Int[np.ndarray, "n"]]:
    """The distinct values, sorted, and the place of each of the given among them.

    As ``numpy.unique``, but words are compared by a number each, which is many times faster.
    """
    if values.dtype.kind != "U" or values.itemsize == 0:
        names, place = np.unique(values, return_inverse=True)
        return names, place.reshape(-1)
    letters = np.ascontiguousarray(values).view(np.uint32).reshape(len(values), -1).astype(np.uint64)
    factors = np.random.default_rng(0).integers(0, 2**63, letters.shape[1], dtype=np.uint64) | np.uint64(1)
    _, first, place = np.unique(letters @ factors, return_index=True, return_inverse=True)
    found = values[first]
    # Two words that share their number are rare, but nobody may be counted among others for it.
    if (found[place] != values).any():
        names, place = np.unique(values, return_inverse=True)
        return names, place.reshape(-1)
    order = np.argsort(found)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return found[order], rank[place]
