"""Images that are equal to a metric, such as all that are right and of one class: looked for once, counted many times.

To a metric of weighted sums a million images that are right or wrong in four classes are eight kinds of images. The
kinds do not depend on how the images are grouped, so every attribute, resampling and permutation only counts them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array

from clearsight.metrics.additive import Additive
from clearsight.metrics.sums import distinct


@dataclass(frozen=True, kw_only=True, eq=False)
class Kinds:
    """The different rows of columns, and which of them is that of each image."""

    rows: Float[np.ndarray, "kinds columns"]
    kind: Int[np.ndarray, "images"]

    def counted(self, group: Int[np.ndarray, "images"], groups: int) -> Int[np.ndarray, "groups kinds"]:
        """How many images of each kind every group has."""
        kinds = len(self.rows)
        return np.bincount(group * kinds + self.kind, minlength=groups * kinds).reshape(groups, kinds)


@dataclass(frozen=True, kw_only=True, eq=False)
class EqualImages:
    """The kinds of images by metric, each found when it is first asked for; ``None`` where few images are equal."""

    # The statistics are kept alive, so that their id is not used again.
    _found: dict[tuple[Callable[..., Any], int], tuple[Any, Kinds | None]] = field(default_factory=dict, repr=False)

    def of(self, compute: Additive, statistics: Any) -> Kinds | None:
        """The kinds of the images to a metric; metrics of the same columns share them."""
        key = (compute.columns, id(statistics))
        if key not in self._found:
            self._found[key] = (statistics, _kinds(csr_array(compute.columns(statistics))))
        return self._found[key][1]


def _kinds(columns: csr_array) -> Kinds | None:
    cells = distinct(columns)
    if cells is None:
        return None
    first, kind = cells
    return Kinds(rows=columns[first].toarray().astype(np.float64), kind=kind)
