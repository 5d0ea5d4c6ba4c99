"""How well a score tells pictures unlike those of the training from others: AUROC, and FPR95."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float

from clearsight.metrics.ranking import auroc
from clearsight.types import Metric, Values, Weights

PASSING = 0.95


@dataclass(frozen=True, kw_only=True)
class OutOfDistributionStatistics:
    """A score of each picture, the higher the more unlike the training pictures, and which are of another origin."""

    score: Float[np.ndarray, "images"]
    outside: Bool[np.ndarray, "images"]

    @property
    def images(self) -> int:
        """How many pictures."""
        return len(self.score)

    def metrics(self) -> tuple[Metric, ...]:
        """AUROC first, then FPR95."""
        return (AUROC, FPR95)

    def by_class(self) -> Mapping[str, "OutOfDistributionStatistics"]:
        """Nothing."""
        return {}

    def confidences(self) -> None:
        """None: the score is no probability."""
        return None

    def each(self) -> tuple[str, Float[np.ndarray, "images"]]:
        """How like the training pictures each picture is."""
        return "likeness to the training pictures", -self.score

    def with_options(self, **options: Any) -> Self:
        """The same: there are no options."""
        return self

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The pictures of several parts, in order."""
        return cls(
            score=np.concatenate([one.score for one in parts]), outside=np.concatenate([one.outside for one in parts])
        )


def _auroc(statistics: OutOfDistributionStatistics, weights: Weights) -> Values:
    judged = np.ones(statistics.images, dtype=bool)
    return auroc([(statistics.score, statistics.outside, judged)], weights)[0]


def false_positive_rate(statistics: OutOfDistributionStatistics, weights: Weights, passing: float = PASSING) -> Values:
    """The weighted share of the others that pass where the threshold lets this share of the own pictures pass.

    The threshold is the least score of an own picture at which so many of them have that score or less.
    """
    own, outside = (np.flatnonzero(statistics.outside == which) for which in (False, True))
    own = own[np.argsort(statistics.score[own], kind="stable")]
    outside = outside[np.argsort(statistics.score[outside], kind="stable")]
    if not len(own) or not len(outside):
        return np.full(len(weights), np.nan)
    reached = np.cumsum(weights[:, own], axis=1, dtype=np.float64)
    enough = reached >= passing * reached[:, -1:] * (1 - 1e-9)
    threshold = statistics.score[own][enough.argmax(1)]
    passed = np.cumsum(weights[:, outside], axis=1, dtype=np.float64)
    total = passed[:, -1]
    place = np.searchsorted(statistics.score[outside], threshold, side="right")
    below = np.concatenate([np.zeros((len(weights), 1)), passed], axis=1)[np.arange(len(weights)), place]
    known = (total > 0) & (reached[:, -1] > 0)
    return np.divide(below, total, out=np.full(len(weights), np.nan), where=known)


AUROC = Metric(
    name="AUROC",
    compute=_auroc,
    meaning="how often one of the other pictures scores as more unlike than one of its own",
    bias_rate=1.0,
)
FPR95 = Metric(
    name="FPR95",
    compute=false_positive_rate,
    meaning="the share of the other pictures that pass where 95% of its own pass",
    higher_is_better=False,
)
