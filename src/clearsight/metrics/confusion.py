"""Statistics with a confusion matrix."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int


@runtime_checkable
class Confusable(Protocol):
    """Statistics with one class per unit, such as a picture or a pixel."""

    class_names: tuple[str, ...]

    def confusions(self) -> tuple[Int[np.ndarray, "truth answer"], str]:
        """The confusion matrix, true classes (rows) by predicted ones, and what is counted, in the plural.

        Empty where it counts what the evidence has a row of, which the evidence names.
        """
        ...
