"""Classes with too few examples to learn, or to be judged by: said with the interval that so few allow."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

FEW = 30
SHARE = 0.8
Z = 1.96


@dataclass(frozen=True, kw_only=True)
class FewExamples:
    """A class with fewer than 30 examples in a split; ``low`` and ``high`` are what 80% found of them would mean."""

    split: str
    name: str
    examples: int
    low: float
    high: float

    @property
    def said(self) -> str:
        """What that means, in a sentence."""
        if self.split == "train":
            return f"{self.name}: only {self.examples} to learn from in train."
        return (
            f"{self.name}: only {self.examples} to judge by in {self.split}. Were {SHARE:.0%} of them found, the truth "
            f"could be {self.low:.0%} to {self.high:.0%}."
        )


def few_examples(counts: Mapping[str, Mapping[str, int]]) -> tuple[FewExamples, ...]:
    """The classes of each split with 1 to 29 examples, fewest first; ``counts`` by split and class."""
    found = [
        FewExamples(split=split, name=name, examples=count, low=wilson(count)[0], high=wilson(count)[1])
        for split, classes in counts.items()
        for name, count in classes.items()
        if 0 < count < FEW
    ]
    return tuple(sorted(found, key=lambda one: one.examples))


def wilson(n: int, share: float = SHARE) -> tuple[float, float]:
    """The 95% interval of a share seen in n trials (Wilson 1927)."""
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    reach = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return float(middle - reach), float(middle + reach)
