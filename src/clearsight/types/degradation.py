"""What a network is given of a picture, in place of the picture itself."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class Degradation(Protocol):
    """What is taken from pictures before a network is given them; it is to give it back.

    Its text says it in words, for a report. ``ops.degradations`` has those that there are.
    """

    @property
    def factor(self) -> int:
        """How many times fewer rows and columns are left: 1 where the size stays."""
        ...

    @property
    def work(self) -> str:
        """What a network does that undoes it, such as "remove noise from pictures"."""
        ...

    def __call__(self, images: Float[Tensor, "b 3 h w"], random: torch.Generator) -> Float[Tensor, "b 3 h2 w2"]:
        """What is left of pictures in [0, 1], whose sides are multiples of the factor; draws come from ``random``."""
        ...

    def measures(
        self, found: Float[Tensor, "b 3 h w"], true: Float[Tensor, "b 3 h w"]
    ) -> dict[str, Float[Tensor, "b"]]:
        """What restored pictures and their originals are measured by besides what all are, a number for each pair."""
        ...
