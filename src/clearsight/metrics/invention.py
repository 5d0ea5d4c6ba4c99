"""How much several pictures drawn from one input differ: what the input leaves open, and a model invents.

Were the draws those of the true distribution, the true picture would be one more of them: two draws would lie as far
apart as a draw and the truth. A model whose draws lie nearer to each other than to the truth hides what it does not
know; one whose draws lie further apart invents more than it needs to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

from clearsight.metrics.additive import Additive, beside_one, mean_of, ratio
from clearsight.types import Metric

BITS, SPREAD, OPENNESS = "bits per dimension", "spread of the draws", "distance of draws from each other"


@dataclass(frozen=True, kw_only=True)
class InventionStatistics:
    """Of each held-out picture what is known of ``draws`` pictures drawn from its small version.

    ``bits`` are bits per dimension of the true picture. ``spread`` is the standard deviation over draws, the root of
    its mean square over the numbers of a picture; ``apart`` the mean squared distance of two draws, ``off`` that of a
    draw and the truth, ``others`` that of the truth and the true picture of another row; on the scale of 0 to 255.
    """

    bits: Float[np.ndarray, "images"]
    spread: Float[np.ndarray, "images"]
    apart: Float[np.ndarray, "images"]
    off: Float[np.ndarray, "images"]
    others: Float[np.ndarray, "images"]
    draws: int

    @property
    def images(self) -> int:
        """How many pictures: the length of a row of weights."""
        return len(self.bits)

    @classmethod
    def joined(cls, parts: Sequence["InventionStatistics"]) -> "InventionStatistics":
        """All pictures of the parts, in order."""
        rows = {
            each.name: np.concatenate([getattr(part, each.name) for part in parts])
            for each in fields(cls)
            if each.name != "draws"
        }
        return cls(**rows, draws=parts[0].draws)

    def metrics(self) -> tuple[Metric, ...]:
        """Every metric, bits per dimension first."""
        return (
            _metric(
                BITS, bits_per_dimension, "how many bits each number of a held-out picture takes, 8 without a model"
            ),
            _metric(SPREAD, mean_spread, "the standard deviation of a number over the draws, on the scale of 0 to 255"),
            Metric(
                name=OPENNESS,
                compute=apart_over_off,
                meaning="the distance of two draws over that of a draw and the truth",
                bounds=(0.0, float("inf")),
                bias_rate=1.0,
                ideal=1.0,
            ),
        )


def _metric(name: str, compute: Additive, meaning: str) -> Metric:
    return Metric(
        name=name, compute=compute, meaning=meaning, higher_is_better=False, bounds=(0.0, float("inf")), bias_rate=1.0
    )


bits_per_dimension = mean_of(lambda statistics: beside_one(statistics.bits))
mean_spread = mean_of(lambda statistics: beside_one(statistics.spread))
# The root of the ratio of the mean squared distances.
apart_over_off = Additive(
    lambda statistics: np.stack([statistics.apart, statistics.off], axis=1),
    lambda statistics, sums: np.sqrt(ratio(sums[:, 0], sums[:, 1])),
)
