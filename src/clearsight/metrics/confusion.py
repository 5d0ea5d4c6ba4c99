"""Statistics that know what is taken for what."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int


@runtime_checkable
class Confusable(Protocol):
    """Statistics with one class per unit, such as a picture or a pixel."""

    class_names: tuple[str, ...]

    def confusions(self) -> tuple[Int[np.ndarray, "truth answer"], str]:
        """How often each class (row) was answered with each class (column), and what is counted, in the plural."""
        ...
