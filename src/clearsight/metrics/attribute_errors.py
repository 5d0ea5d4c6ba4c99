"""How often an attribute read from made pictures is wrong, by its true group, corrected for the reader's own errors.

A classifier of the attribute reads held-out real pictures, whose groups are known, and pictures that a model made from
poor versions of these. With C[t, a] the mean probability that it gives group a on real pictures of group t, and M[t, a]
the same on the pictures made from these, the groups that made pictures show solve Q C = M, row by row: the correction
of ``group_mix``. A row of Q without its diagonal is how often pictures of that group are turned into others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from clearsight.metrics.additive import beside_one, mean_of
from clearsight.metrics.group_mix import groups_shown
from clearsight.types import Values, Weights


@dataclass(frozen=True, kw_only=True)
class AttributeErrorStatistics:
    """Real pictures and what was made of them, as a classifier of one attribute sees them, one row for each picture.

    ``truth`` is the group of the real picture; ``real`` the probabilities of each group on it and ``made`` their mean
    over the pictures made of it, as if all groups were equally common. ``answers`` are the shares of the pictures made
    of it that are taken for each group. ``draws`` is how many were made of each, ``maker`` what made them, in words.
    ``left_out`` names the groups with too few pictures; ``classifier`` is what saw all this.
    """

    attribute: str
    group_names: tuple[str, ...]
    truth: Int[np.ndarray, "images"]
    real: Float[np.ndarray, "images groups"]
    made: Float[np.ndarray, "images groups"]
    answers: Float[np.ndarray, "images groups"]
    maker: str
    draws: int = 1
    classifier: str = ""
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.truth), len(self.group_names))
        assert self.real.shape == self.made.shape == self.answers.shape == shape, "one of each for every row and group"

    @property
    def images(self) -> int:
        """How many rows: the length of a row of weights."""
        return len(self.truth)

    @property
    def wrong_on_real(self) -> Float[np.ndarray, "images"]:
        """1 where the real picture is taken for another group than its own."""
        return (self.real.argmax(1) != self.truth).astype(np.float64)

    @property
    def wrong_on_made(self) -> Float[np.ndarray, "images"]:
        """The share of the pictures made of each that are taken for another group than its own."""
        return 1 - self.answers[np.arange(self.images), self.truth]

    @classmethod
    def joined(cls, parts: Sequence["AttributeErrorStatistics"]) -> "AttributeErrorStatistics":
        """All rows of the parts, in order."""
        names = ("truth", "real", "made", "answers")
        rows: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return replace(parts[0], **rows)


error_on_real = mean_of(lambda statistics: beside_one(statistics.wrong_on_real))
error_on_made = mean_of(lambda statistics: beside_one(statistics.wrong_on_made))


def corrected_errors(statistics: AttributeErrorStatistics, weights: Weights) -> Float[np.ndarray, "replicates groups"]:
    """Of the pictures made of each true group the share that shows another, corrected for the classifier's errors.

    NaN where a group has no picture, or the classifier does not tell groups apart.
    """
    shown = groups_shown(statistics.truth, statistics.real, statistics.made, weights)
    return 1 - np.diagonal(shown, axis1=1, axis2=2)


def corrected_error(statistics: AttributeErrorStatistics, weights: Weights) -> Values:
    """The same of all pictures: the mean over groups, each counting as it occurs among the real pictures."""
    groups = len(statistics.group_names)
    amounts = weights.astype(np.float64) @ np.eye(groups)[statistics.truth]
    found: Values = (corrected_errors(statistics, weights) * amounts).sum(1) / amounts.sum(1)
    return found
