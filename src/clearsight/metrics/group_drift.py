"""To which group restored pictures belong, by the group of the true ones, corrected for how often a classifier errs.

What is restored is read and corrected as what any model makes of pictures (see ``attribute_errors``). What the group of
a restored picture would be by chance is the generator's own mix: that of pictures it makes freely, corrected alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from clearsight.metrics.attribute_errors import (
    AttributeErrorStatistics,
    corrected_error,
    corrected_errors,
)
from clearsight.metrics.group_mix import Mix, confusion, corrected_mix, groups_shown, mix_seen
from clearsight.types import Values, Weights

Table = Float[np.ndarray, "replicates groups groups"]


@dataclass(frozen=True, kw_only=True)
class GroupDriftStatistics:
    """True pictures with what was restored of them, and pictures the generator made freely, seen by one classifier.

    ``truth`` is the group of a true picture, -1 of a freely made one. ``probabilities`` are those of each group on the
    true picture (0 for freely made ones), as a classifier gives them that takes all groups to be equally common;
    ``restored`` the same on what was restored of it, the mean over its restorations, or on the freely made picture.
    ``left_out`` names groups with too few pictures; ``classifier`` is what saw all this, in words.
    """

    attribute: str
    group_names: tuple[str, ...]
    probabilities: Float[np.ndarray, "images groups"]
    restored: Float[np.ndarray, "images groups"]
    truth: Int[np.ndarray, "images"]
    classifier: str = ""
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert self.probabilities.shape == self.restored.shape == (len(self.truth), len(self.group_names))

    @property
    def images(self) -> int:
        """How many rows: the length of a row of weights."""
        return len(self.truth)

    @property
    def true(self) -> np.ndarray:
        """Which rows are true pictures."""
        return self.truth >= 0

    @classmethod
    def joined(cls, parts: Sequence["GroupDriftStatistics"]) -> "GroupDriftStatistics":
        """All rows of the parts, in order."""
        rows: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("probabilities", "restored", "truth")
        }
        return replace(parts[0], **rows)


def drift_table(statistics: GroupDriftStatistics, weights: Weights) -> Table:
    """Of the pictures of each true group (rows) the share whose restoration is of each group (columns), corrected.

    Shares may leave [0, 1] by chance; rows sum to 1. NaN where a group has no weight, or where the classifier does not
    tell the groups apart.
    """
    true = statistics.true
    return groups_shown(
        statistics.truth[true], statistics.probabilities[true], statistics.restored[true], weights[:, true]
    )


def drift_seen(statistics: GroupDriftStatistics, weights: Weights) -> Table:
    """The same as the classifier sees it, its errors not corrected."""
    true = statistics.true
    return confusion(statistics.truth[true], statistics.restored[true], weights[:, true])


def own_mix(statistics: GroupDriftStatistics, weights: Weights) -> Mix:
    """The mix of groups among the pictures that the generator makes freely, corrected."""
    true = statistics.true
    confused = confusion(statistics.truth[true], statistics.probabilities[true], weights[:, true])
    return corrected_mix(mix_seen(statistics.restored[~true], weights[:, ~true]), confused)


def changed_of_each(statistics: GroupDriftStatistics, weights: Weights) -> Mix:
    """Of each true group the share whose restoration is of another, corrected."""
    return corrected_errors(_readings(statistics), weights[:, statistics.true])


def changed(statistics: GroupDriftStatistics, weights: Weights) -> Values:
    """The share of all true pictures whose restoration is of another group, corrected."""
    return corrected_error(_readings(statistics), weights[:, statistics.true])


def changed_by_chance(statistics: GroupDriftStatistics, weights: Weights) -> Values:
    """The share that would change were the group of a restoration drawn from the generator's own mix."""
    true = statistics.true
    shares = mix_seen(np.eye(len(statistics.group_names))[statistics.truth[true]], weights[:, true])
    found: Values = (shares * (1 - own_mix(statistics, weights))).sum(1)
    return found


def _readings(statistics: GroupDriftStatistics) -> AttributeErrorStatistics:
    """The true pictures and what was restored of them, without the freely made ones."""
    true = statistics.true
    return AttributeErrorStatistics(
        attribute=statistics.attribute, group_names=statistics.group_names, truth=statistics.truth[true],
        real=statistics.probabilities[true], made=statistics.restored[true], answers=statistics.restored[true],
        maker="search in latents",
    )  # fmt: skip
