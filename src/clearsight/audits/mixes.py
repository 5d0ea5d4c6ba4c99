"""The corrected mixes of a generator's pictures, one attribute each: what the audits of its groups start from."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float
from scipy import stats

from clearsight.metrics.attribute_errors import AttributeErrorStatistics
from clearsight.metrics.generation import GenerationStatistics
from clearsight.metrics.group_drift import GroupDriftStatistics
from clearsight.metrics.group_mix import GROUPS_AT_MOST, GroupMixStatistics, balanced_accuracy, mix_of, share_interval
from clearsight.metrics.rates import holm
from clearsight.metrics.resample import Resampling
from clearsight.types import Evidence, Finding, Request

# What a classifier of an attribute saw, of which there are several kinds.
Classified: TypeAlias = GroupMixStatistics | GroupDriftStatistics | AttributeErrorStatistics

NEARLY = 0.01
INFORMED_AT_LEAST = 0.1  # of the way from guessing to never erring
LIMITS = (
    "The correction takes the classifier to err on generated pictures as it does on real ones; on pictures unlike any "
    "real one it may not. Groups are what the data name, so others are not seen, and what a picture shows of a person "
    "is not who the person is."
)


@dataclass(frozen=True, kw_only=True)
class Mixes:
    """The mix of one attribute's groups at each truncation, corrected, with its replicates; ``seen`` is uncorrected.

    ``pictures`` counts the generated ones at each truncation, ``held_out`` the real ones. ``accuracy`` is the balanced
    accuracy of the classifier on these, ``accuracy_interval`` its interval.
    """

    statistics: GroupMixStatistics
    evidence: Evidence
    values: Float[np.ndarray, "truncations groups"]
    samples: Float[np.ndarray, "replicates truncations groups"]
    seen: Float[np.ndarray, "truncations groups"]
    pictures: tuple[int, ...]
    accuracy: float
    accuracy_interval: tuple[float, float]
    confidence: float

    @property
    def held_out(self) -> int:
        """How many real pictures the classifier was judged on."""
        return int((self.statistics.truth >= 0).sum())

    @property
    def clusters(self) -> int:
        """How many clusters these are of: the correction stands on them."""
        return len(np.unique(self.evidence.clusters[self.statistics.truth >= 0]))

    @property
    def too_weak(self) -> bool:
        """Whether the classifier does not tell the groups apart well enough for any correction."""
        return not tells_apart(self.accuracy_interval[0], len(self.statistics.group_names)) or any(
            self.interval(place, group) is None for place in range(len(self.values)) for group in self.groups
        )

    def unexplained(self, place: int) -> bool:
        """Whether no mix of real groups would be seen as these pictures are: a share lies below 0 by more than chance.

        Then the pictures are unlike real ones of any group, and the correction has nothing to stand on.
        """
        known = np.isfinite(self.samples).all((1, 2))
        return of_no_mix(self.values[place], self.samples[known, place], self.confidence)

    @property
    def groups(self) -> range:
        """The places of the groups."""
        return range(len(self.statistics.group_names))

    def share(self, place: int, group: int) -> float:
        """The corrected share of a group at the truncation of that place, within [0, 1]."""
        return float(np.clip(self.values[place, group], 0, 1))

    def interval(self, place: int, group: int) -> tuple[float, float] | None:
        """Its interval, which holds the errors of the confusion matrix too."""
        return share_interval(
            float(self.values[place, group]), self.samples[:, place, group], self.pictures[place], self.confidence
        )

    def chances(self, shares: Float[np.ndarray, "groups"]) -> list[float]:
        """For each group how likely a gap as large as that of the first mix from ``shares`` is by chance, by Holm."""
        known = self.samples[np.isfinite(self.samples).all((1, 2)), 0]
        # A group that never occurs has no spread of its own: its expected count gives it one.
        expected = np.sqrt(shares * (1 - shares) / max(self.pictures[0], 1))
        error = np.maximum(known.std(0, ddof=1) if len(known) > 1 else np.inf, np.maximum(expected, 1e-12))
        return holm((2 * stats.norm.sf(np.abs(self.values[0] - shares) / error)).tolist())


def tells_apart(accuracy: float, groups: int) -> bool:
    """Whether a balanced accuracy is far enough from guessing for a classifier's errors to be corrected."""
    guessing = 1 / groups
    return (accuracy - guessing) / (1 - guessing) >= INFORMED_AT_LEAST


def of_no_mix(
    values: Float[np.ndarray, "groups"], samples: Float[np.ndarray, "replicates groups"], confidence: float
) -> bool:
    """Whether a corrected share lies below 0 by more than chance: no mix of real groups would be seen so."""
    error = samples.std(0, ddof=1) if len(samples) > 1 else np.full(len(values), np.inf)
    # Up to a point below 0 is let pass: the pixels of a generator always differ a little from real ones.
    below = np.minimum(values + NEARLY, 0.0) / np.maximum(error, 1e-12)
    return min(holm(stats.norm.cdf(below).tolist())) < 1 - confidence


def mixes(request: Request) -> list[Mixes]:
    """The corrected mixes of every attribute whose groups a classifier saw, computed once for all audits."""
    if "mixes" not in request.shared:
        request.shared["mixes"] = [_estimated(request, one) for one in _of_groups(request) if seen(one.statistics)]
    found: list[Mixes] = request.shared["mixes"]
    return found


def unseen(request: Request) -> list[GroupMixStatistics]:
    """What is known of the attributes whose groups no classifier saw, as there are too few or too many of them."""
    return [one.statistics for one in _of_groups(request) if not seen(one.statistics)]


def uncounted_attributes(request: Request) -> tuple[str, ...]:
    """The attributes of a generator's data whose groups nobody counted among its pictures."""
    if not isinstance(request.evidence.statistics, GenerationStatistics):
        return ()
    counted = {one.statistics.attribute for one in _of_groups(request)}
    return tuple(name for name in request.evidence.groups if name not in counted)


def seen(statistics: Classified) -> bool:
    """Whether there are groups to tell apart, and not too many."""
    return statistics.images > 0 and 2 <= len(statistics.group_names) <= GROUPS_AT_MOST


def not_seen(statistics: Classified, said: str, metric: str, unit: str, imagined: str = "") -> Finding:
    """The finding of an attribute with too few or too many groups; ``said`` is what is therefore not known."""
    return Finding(
        question="whom it fails",
        claim=f"{said}: {len(statistics.group_names)} of its groups have enough pictures to learn them from and to "
        f"check that on others. It takes 2 to {GROUPS_AT_MOST}.{too_few(statistics)}",
        metric=metric,
        value=None,
        interval=None,
        n=0,
        unit=unit,
        method="A classifier is trained on the training pictures of known group and judged on the held-out ones.",
        limits="No share is shown because it would mislead.",
        group=statistics.attribute,
        verdict="insufficient",
        imagined=imagined,
    )


def too_few(statistics: Classified) -> str:
    """The groups that were left out, as a sentence."""
    return f" Too few pictures: {', '.join(statistics.left_out)}." if statistics.left_out else ""


def _of_groups(request: Request) -> list[Evidence]:
    return [one for one in request.more.values() if isinstance(one.statistics, GroupMixStatistics)]


def how_well(found: Mixes) -> str:
    """How well the classifier tells the groups apart, in words."""
    low, high = found.accuracy_interval
    guessing = 1 / len(found.statistics.group_names)
    return (
        f"the classifier names the {found.statistics.attribute} of {found.accuracy:.0%} ({low:.0%} to {high:.0%}) of "
        f"{found.held_out} held-out real pictures correctly on average over groups, where guessing reaches "
        f"{guessing:.0%}"
    )


def limits_of_mix(found: Mixes) -> str:
    """What a mix does not show."""
    left_out = found.statistics.left_out
    too_few = f" Too few pictures, and taken as never made: {', '.join(left_out)}." if left_out else ""
    asked = found.evidence.about.get("classes asked for", "")
    return f"{LIMITS}{too_few}" + (f" {asked}" if asked else "")


def _estimated(request: Request, evidence: Evidence) -> Mixes:
    statistics = evidence.statistics
    weights = Resampling(
        clusters=evidence.clusters, replicates=request.replicates, seed=request.seed, strata=statistics.truth + 1
    )
    ones, scales = np.ones((1, statistics.images)), statistics.truncations
    whole = [mix_of(statistics, scale, ones) for scale in scales]
    blocks = list(weights.blocks())
    samples = [np.concatenate([mix_of(statistics, scale, block)[1] for block in blocks]) for scale in scales]
    accuracies = np.concatenate([balanced_accuracy(statistics, block) for block in blocks])
    accuracy = float(balanced_accuracy(statistics, ones)[0])
    held_out = int((statistics.truth >= 0).sum())
    return Mixes(
        statistics=statistics,
        evidence=evidence,
        values=np.stack([corrected[0] for _, corrected in whole]),
        samples=np.stack(samples, axis=1),
        seen=np.stack([seen[0] for seen, _ in whole]),
        pictures=tuple(int((statistics.truncation == scale).sum()) for scale in scales),
        accuracy=accuracy,
        accuracy_interval=share_interval(accuracy, accuracies, held_out, request.confidence) or (0.0, 1.0),
        confidence=request.confidence,
    )
