"""The mix of groups among generated pictures as a classifier sees it, corrected for how often that classifier errs.

With C[t, a] the mean probability that the classifier gives to group a on real pictures of group t, a mix p of true
groups is seen as p C. The corrected mix is what solves this for the mean probabilities on generated pictures: the
adjusted count of quantification, of probabilities rather than of answers (Rogan & Gladen 1978 for two groups; Bella et
al. 2010). Real pictures of a replicate give C, its generated ones the mix seen: so an interval holds both errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array

from clearsight.metrics.rates import jeffreys
from clearsight.types import Values, Weights

WORST_CONDITION = 1e4  # beyond, groups are not told apart and the correction is noise
GROUPS_AT_MOST = 50  # the correction resamples a matrix of all pairs
KNOWN_AT_LEAST = 0.9  # of the replicates: with fewer there is no interval

Mix = Float[np.ndarray, "replicates groups"]
# [images, groups]: how far each picture shows each group.
Shown: TypeAlias = np.ndarray | csr_array


@dataclass(frozen=True, kw_only=True)
class GroupMixStatistics:
    """Held-out real pictures and generated ones as a classifier of one attribute sees them, one row each.

    ``probabilities`` are those of each group, as a classifier gives them that takes all groups to be equally common.
    ``truth`` is the group of a real row, -1 of a generated one; ``truncation`` the scale of the latents of a generated
    row, NaN of a real one. ``training_mix`` are the shares of ``group_names`` among the training pictures.
    ``left_out`` names the groups with too few pictures; ``classifier`` is what saw all this, in words.
    """

    attribute: str
    group_names: tuple[str, ...]
    training_mix: tuple[float, ...]
    probabilities: Float[np.ndarray, "images groups"]
    truth: Int[np.ndarray, "images"]
    truncation: Float[np.ndarray, "images"]
    classifier: str = ""
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert len(self.truth) == len(self.truncation) == len(self.probabilities), "one of each for every row"
        assert len(self.training_mix) == len(self.group_names) == self.probabilities.shape[1], "one for each group"

    @property
    def images(self) -> int:
        """How many rows: the length of a row of weights."""
        return len(self.truth)

    @property
    def truncations(self) -> tuple[float, ...]:
        """The scales of the latents, the largest first."""
        known = np.unique(self.truncation[np.isfinite(self.truncation)])
        return tuple(known[::-1].tolist())

    @classmethod
    def joined(cls, parts: Sequence["GroupMixStatistics"]) -> "GroupMixStatistics":
        """All rows of the parts, in order."""
        rows: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("probabilities", "truth", "truncation")
        }
        return replace(parts[0], **rows)


def mix_of(statistics: GroupMixStatistics, truncation: float, weights: Weights) -> tuple[Mix, Mix]:
    """The mix of groups at a truncation: as it is seen, and corrected."""
    made, real = statistics.truncation == truncation, statistics.truth >= 0
    seen = mix_seen(statistics.probabilities[made], weights[:, made])
    confused = confusion(statistics.truth[real], statistics.probabilities[real], weights[:, real])
    return seen, corrected_mix(seen, confused)


class RealAndMade(Protocol):
    """Real pictures and made ones, whose ``truth`` is -1, with what a classifier sees in each."""

    @property
    def truth(self) -> Int[np.ndarray, "images"]:
        """The group of a real picture."""
        ...

    @property
    def probabilities(self) -> Float[np.ndarray, "images groups"]:
        """Those of each group."""
        ...


def balanced_accuracy(statistics: RealAndMade, weights: Weights) -> Values:
    """The share of real pictures whose most probable group is theirs, averaged over groups; NaN where one has none."""
    real = statistics.truth >= 0
    return accuracy_over_groups(statistics.truth[real], statistics.probabilities[real], weights[:, real])


def accuracy_over_groups(
    truth: Int[np.ndarray, "images"], probabilities: Float[np.ndarray, "images groups"], weights: Weights
) -> Values:
    """The share of images whose most probable group is theirs, averaged over groups; NaN where one has no weight."""
    named = np.eye(probabilities.shape[1])[probabilities.argmax(1)]
    return np.diagonal(confusion(truth, named, weights), axis1=1, axis2=2).mean(1)


def mix_seen(shown: Shown, weights: Weights) -> Mix:
    """The mean of what the images show under the weights; NaN where there is no weight."""
    sums, total = weights.astype(np.float64) @ shown, weights.sum(1, dtype=np.float64, keepdims=True)
    return np.divide(sums, total, out=np.full_like(sums, np.nan), where=total > 0)


def confusion(
    truth: Int[np.ndarray, "images"], shown: Float[np.ndarray, "images groups"], weights: Weights
) -> Float[np.ndarray, "replicates groups groups"]:
    """The mean of what the images of each true group show; NaN for a group without weight."""
    of_group = [mix_seen(shown[truth == group], weights[:, truth == group]) for group in range(shown.shape[1])]
    return np.stack(of_group, axis=1)


def corrected_mix(seen: Mix, confused: Float[np.ndarray, "replicates groups groups"]) -> Mix:
    """The mix of true groups that would be seen so; shares may leave [0, 1] by chance, and still sum to 1.

    NaN where a group has no real picture, or where the classifier does not tell the groups apart.
    """
    found: Mix = _corrected(seen[:, None], confused)[:, 0]
    return found


def _corrected(
    seen: Float[np.ndarray, "replicates mixes groups"], confused: Float[np.ndarray, "replicates groups groups"]
) -> Float[np.ndarray, "replicates mixes groups"]:
    """The same of several mixes, which one matrix corrects: it is looked at and solved for once."""
    found = np.full_like(seen, np.nan)
    known = np.isfinite(confused).all((1, 2)) & np.isfinite(seen).all((1, 2))
    known[known] = np.linalg.cond(confused[known]) < WORST_CONDITION
    transposed = (np.swapaxes(each[known], 1, 2) for each in (confused, seen))
    found[known] = np.swapaxes(np.linalg.solve(*transposed), 1, 2)
    return found


def groups_shown(
    truth: Int[np.ndarray, "images"],
    real: Float[np.ndarray, "images groups"],
    made: Float[np.ndarray, "images groups"],
    weights: Weights,
) -> Float[np.ndarray, "replicates groups groups"]:
    """Of the pictures made of those of each true group (rows) the share that shows each group (columns), corrected.

    ``real`` and ``made`` are what the classifier sees in each picture and in what was made of it. Shares may leave
    [0, 1] by chance; rows sum to 1. NaN where a group has no weight, or the classifier does not tell groups apart.
    """
    return _corrected(confusion(truth, made, weights), confusion(truth, real, weights))


def share_interval(
    value: float, samples: Values, pictures: int, confidence: float = 0.95
) -> tuple[float, float] | None:
    """The interval of a corrected share: percentiles of its replicates, within [0, 1]; None where few are known.

    The share is a quotient whose replicates are skewed where the classifier is weak; percentiles keep that, and are
    tested by simulation. It is never narrower than the Jeffreys interval of a classifier without errors on so many
    ``pictures``, which matters where a group is not seen at all.
    """
    known = samples[np.isfinite(samples)]
    if not np.isfinite(value) or len(known) < KNOWN_AT_LEAST * len(samples) or len(known) < 2:
        return None
    share = float(np.clip(value, 0, 1))
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.clip(known, 0, 1), [tail, 1 - tail]).tolist()
    least, most = jeffreys(share * pictures, pictures, confidence)
    return min(low, least), max(high, most)


def divergence(mix: Mix, reference: Float[np.ndarray, "groups"]) -> Values:
    """Kullback-Leibler divergence of a mix from the reference, in nats, over the groups that the reference has."""
    inside = reference > 0
    shares = mix[:, inside] / np.maximum(mix[:, inside].sum(1, keepdims=True), 1e-300)
    terms = shares * np.log(np.where(shares > 0, shares, 1.0) / reference[inside])
    return np.where(np.isfinite(mix).all(1), terms.sum(1), np.nan)
