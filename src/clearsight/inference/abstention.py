"""A block of confusions that must never happen: where one is possible, the network abstains instead of answering.

At prediction nobody knows the truth. An answer is withheld where the class that it must not be confused with is still
probable: as probable as it was in any judged picture of that class. So no judged picture of that class gets that
answer; of n + 1 new pictures of the class from the same source one at most is expected to be less probable than all n
judged ones, and to pass (split conformal prediction, Vovk et al. 2005: exchangeable pictures). With a least probability
of 0 the answer is never given at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from clearsight.types import Abstained, Prediction, Scores

# In a batch of another size a probability differs by rounding; what was on the edge when settled must be blocked too.
SLACK = 0.02


@dataclass(frozen=True, kw_only=True)
class Block:
    """Never take ``truth`` for ``answer`` (class names): abstain from ``answer`` where the probability of ``truth`` is
    at least ``least``, which was settled on ``pictures`` pictures of it (0 where it was given).
    """

    truth: str
    answer: str
    least: float
    pictures: int = 0

    @property
    def said(self) -> str:
        """The block in words."""
        when = "always" if self.least <= 0 else f"where the probability of {self.truth} is {self.least:.3g} or more"
        return f"{self.truth} must never be taken for {self.answer}: it abstains from {self.answer} {when}"


def least_probability(
    probabilities: Float[np.ndarray, "images classes"], truth: Int[np.ndarray, "images"], index: int
) -> tuple[float, int]:
    """The least probability of a class among the pictures that are of it, and how many these are; 0 where none is."""
    own = probabilities[truth == index, index]
    return (float(own.min()), len(own)) if len(own) else (0.0, 0)


def withheld(prediction: Prediction, blocks: Sequence[Block], class_names: Sequence[str]) -> Prediction:
    """The prediction, or an abstention where one of the blocks demands it."""
    if not isinstance(prediction, Scores):
        return prediction
    probabilities = prediction.probabilities.tolist()
    answer = class_names[int(prediction.probabilities.argmax())]
    for block in blocks:
        if answer == block.answer and probabilities[class_names.index(block.truth)] >= (1 - SLACK) * block.least:
            return Abstained(reason=f"{block.answer} may be {block.truth}, which must never be taken for it")
    return prediction
