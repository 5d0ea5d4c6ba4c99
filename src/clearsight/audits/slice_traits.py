"""What the pictures of a slice share: classes, groups and capture conditions in which they differ from all others.

What stands out is chosen on the half that slices were found on, and tested on the other half, one-sided and corrected
for everything that was chosen.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.metrics.means_apart import MeansApart
from clearsight.metrics.rates import holm
from clearsight.metrics.resample import Gap
from clearsight.metrics.traits import Trait, traits
from clearsight.quantities import significant
from clearsight.types import UNKNOWN, Evidence, Request

CHOSEN_AT_MOST = 6  # of a slice
TOLD_AT_MOST = 4
NOTABLE = 0.3  # standard deviations between slice and rest; less may be true, and explains nothing
VALUES_AT_MOST = 50  # of an attribute: more are no groups


@dataclass(frozen=True, kw_only=True, eq=False)
class Shared:
    """A trait that sets the pictures of a slice apart from the others of the test half; ``p`` is after correction."""

    trait: Trait
    gap: Gap
    p: float

    @property
    def sentence(self) -> str:
        """Such as "92% (85% to 97%) are of the class 7, against 9% of the others"."""
        own, others = self.gap.first, self.gap.second
        if self.trait.share:
            said = f"{_percent(own.value)}{_ends(own.interval, _percent)} {self.trait.words}"
            return f"{said}, against {_percent(others.value)} of the others"
        return (
            f"{self.trait.words} averages {significant(own.value)}{_ends(own.interval)}, against "
            f"{significant(others.value)} on the others"
        )

    @property
    def short(self) -> str:
        """The same for the note of a plot."""
        own, others = self.gap.first.value, self.gap.second.value
        if self.trait.share:
            return f"{_percent(own)} {self.trait.words} (others {_percent(others)})"
        return f"{self.trait.words} {significant(own)} (others {significant(others)})"


def shared_traits(
    request: Request,
    code: Int[np.ndarray, "images"],
    discovery: Bool[np.ndarray, "images"],
    test: Bool[np.ndarray, "images"],
    slices: Sequence[int],
) -> dict[int, tuple[Shared, ...]]:
    """For each of the slices, numbered in ``code``, the traits that set it apart, those that do so most first.

    They are chosen on the pictures of the ``discovery`` half, and tested on those of the ``test`` half.
    """
    if not slices:
        return {}
    evidence = request.evidence
    chosen = {label: _chosen(evidence, code, discovery, label) for label in slices}
    compared = MeansApart(
        part=code[test],
        clusters=evidence.clusters[test],
        replicates=request.replicates,
        seed=request.seed + 2,
        confidence=request.confidence,
    )
    tested = []
    for label, mine in chosen.items():
        for trait, difference in mine:
            gap, p = compared.between(trait.value[test].astype(np.float64), label, sign=int(np.sign(difference)))
            tested.append((label, trait, gap, p))
    corrected = holm([p for *_, p in tested])
    found: dict[int, list[Shared]] = {label: [] for label in slices}
    for (label, trait, gap, _), p in zip(tested, corrected, strict=True):
        if p <= 1 - request.confidence:
            found[label].append(Shared(trait=trait, gap=gap, p=p))
    return {label: tuple(mine[:TOLD_AT_MOST]) for label, mine in found.items()}


def _chosen(
    evidence: Evidence, code: Int[np.ndarray, "images"], discovery: Bool[np.ndarray, "images"], label: int
) -> list[tuple[Trait, float]]:
    """The traits in which a slice differs most from the rest of the discovery half, and by how much."""
    own, others = discovery & (code == label), discovery & (code != label)
    found = []
    for trait in known_traits(evidence):
        difference = _standardised(trait.value.astype(np.float64), own, others)
        if abs(difference) >= NOTABLE and not (trait.share and difference < 0):
            found.append((trait, difference))
    return sorted(found, key=lambda one: -abs(one[1]))[:CHOSEN_AT_MOST]


def known_traits(evidence: Evidence) -> Iterator[Trait]:
    """All that is known of each picture: what the task knows, the groups, and how it was taken."""
    yield from traits(evidence.statistics)
    for name, values in evidence.groups.items():
        words = np.unique(values).tolist()
        for word in words if len(words) <= VALUES_AT_MOST else ():
            if word != UNKNOWN:
                yield Trait(words=f"have {name} = {word}", value=values == word)
    for name, numbers in evidence.conditions.items():
        yield Trait(words=name, value=numbers)


def _standardised(
    value: Float[np.ndarray, "images"], own: Bool[np.ndarray, "images"], others: Bool[np.ndarray, "images"]
) -> float:
    """The difference of means in standard deviations of all; 0 where it is not known of both."""
    known = np.isfinite(value)
    first, second = value[own & known], value[others & known]
    if not len(first) or not len(second):
        return 0.0
    spread = float(value[(own | others) & known].std())
    return float(first.mean() - second.mean()) / spread if spread > 0 else 0.0


def _ends(ends: tuple[float, float] | None, told: Callable[[float], str] = significant) -> str:
    return "" if ends is None else f" ({told(ends[0])} to {told(ends[1])})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"
