"""How unlike the training pictures a picture is to a trained network: three scores, and a threshold to mark it by.

Each is fitted on features of training pictures and is the higher, the more unlike a picture is: the distance to the
k-th nearest training picture (Sun et al. 2022), the Mahalanobis distance to the nearest class (Lee et al. 2018), and
the energy of the logits (Liu et al. 2020).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import logsumexp

from clearsight.metrics.neighbours import distances

Features = Float[np.ndarray, "n d"]
Scored = Float[np.ndarray, "n"]

PASSING = 0.95
ROWS_AT_ONCE = 512
LEAST_PICTURES = round(1 / (1 - PASSING)) - 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Nearest:
    """The distance to the k-th nearest training picture, all features scaled to length 1 (Sun et al. 2022)."""

    features: Features
    k: int

    @classmethod
    def fitted(cls, features: Features) -> Self:
        """From training pictures; k is 1 for every 100 of them, at least 1 (Sun et al. 2022 take 1% and less)."""
        return cls(features=_of_length_one(features), k=max(1, len(features) // 100))

    def __call__(self, features: Features) -> Scored:
        """The score of each picture."""
        found = np.zeros(len(features))
        scaled = _of_length_one(features)
        for start in range(0, len(scaled), ROWS_AT_ONCE):
            apart = distances(scaled[start : start + ROWS_AT_ONCE], self.features)
            found[start : start + len(apart)] = np.partition(apart, self.k - 1, axis=1)[:, self.k - 1]
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Mahalanobis:
    """The Mahalanobis distance to the nearest class mean, of one covariance within all classes (Lee et al. 2018)."""

    means: Float[np.ndarray, "classes d"]
    precision: Float[np.ndarray, "d d"]

    @classmethod
    def fitted(cls, features: Features, classes: Int[np.ndarray, "n"] | None = None) -> Self:
        """From training pictures and their classes; one class where None.

        The covariance is shrunk (Ledoit & Wolf 2004), as it may be of more features than there are pictures.
        """
        from sklearn.covariance import LedoitWolf

        shown = (
            np.zeros(len(features), dtype=np.int64) if classes is None else np.unique(classes, return_inverse=True)[1]
        )
        means = np.stack([features[shown == one].mean(0) for one in range(int(shown.max()) + 1)]).astype(np.float64)
        estimator = LedoitWolf(assume_centered=True).fit(features.astype(np.float64) - means[shown])
        return cls(means=means, precision=np.asarray(estimator.precision_))

    def __call__(self, features: Features) -> Scored:
        """The score of each picture."""
        apart = features.astype(np.float64)[:, None] - self.means[None]
        return np.sqrt(np.einsum("ncd,de,nce->nc", apart, self.precision, apart).clip(0)).min(1)


def energy(logits: Float[np.ndarray, "n classes"]) -> Scored:
    """Minus the log of the sum of the exponentials of the logits: the energy at temperature 1 (Liu et al. 2020)."""
    return -logsumexp(logits.astype(np.float64), axis=1)


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """What is said of one picture: its score, and whether it is too unlike the training pictures to be trusted with."""

    score: float
    unlike: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Familiarity:
    """A fitted score with the threshold from which a picture is marked.

    ``threshold`` was settled on ``pictures`` pictures that the network was not trained on: of new pictures from the
    same source at most ``1 - PASSING`` are marked on average (split conformal prediction, Vovk et al. 2005, for
    exchangeable pictures). ``network`` is a hash of the network it was fitted for.
    """

    nearest: Nearest
    threshold: float
    pictures: int
    network: str

    @classmethod
    def settled(cls, nearest: Nearest, own: Features, network: str) -> Self | None:
        """With the threshold that own, held-out pictures give; None where they are too few for one."""
        threshold = threshold_of(nearest(own))
        return (
            None if threshold is None else cls(nearest=nearest, threshold=threshold, pictures=len(own), network=network)
        )

    def unlike(self, features: Features) -> tuple[Bool[np.ndarray, "n"], Scored]:
        """Which pictures are unlike the training pictures, and the score of each."""
        scores = self.nearest(features)
        return scores > self.threshold, scores


def threshold_of(scores: Scored, passing: float = PASSING) -> float | None:
    """The score that a new picture of the same source exceeds with probability at most ``1 - passing``.

    It is the ceil((n + 1) passing)-th smallest of n; None where that is more than n.
    """
    rank = int(np.ceil((len(scores) + 1) * passing - 1e-9))
    return None if rank > len(scores) else float(np.sort(scores)[rank - 1])


def _of_length_one(features: Features) -> Features:
    values = features.astype(np.float32)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
