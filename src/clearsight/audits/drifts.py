"""How often restored pictures show another group than the true ones, estimated once: what ``group_drift`` tells."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from clearsight.audits.mixes import of_no_mix, tells_apart
from clearsight.metrics.group_drift import (
    GroupDriftStatistics,
    changed,
    changed_by_chance,
    changed_of_each,
    drift_seen,
    drift_table,
    own_mix,
)
from clearsight.metrics.group_mix import balanced_accuracy, share_interval
from clearsight.metrics.resample import Resampling
from clearsight.types import Evidence, Request

Interval = tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Share:
    """A corrected share within [0, 1] with its interval; None where it is not known."""

    value: float
    interval: Interval

    @property
    def low(self) -> float | None:
        """The lower end."""
        return None if self.interval is None else self.interval[0]

    @property
    def high(self) -> float | None:
        """The upper end."""
        return None if self.interval is None else self.interval[1]


@dataclass(frozen=True, kw_only=True)
class Drift:
    """The drift of one attribute's groups: shares with their intervals, all on the same replicates.

    ``changed`` is the share of restorations of another group, ``by_chance`` what it would be were groups drawn from the
    generator's own mix, ``gap`` the first less the second, with its interval. ``table`` has a row for each true group;
    ``seen`` is the same uncorrected. ``unlike_any`` are the true groups whose restorations are of no mix of real groups
    to the classifier; where the freely made pictures are so, ``chance_known`` is False. ``counts`` are the true
    pictures of each group.
    """

    statistics: GroupDriftStatistics
    evidence: Evidence
    changed: Share
    by_chance: Share
    gap: tuple[float, Interval]
    of_each: tuple[Share, ...]
    table: tuple[tuple[Share, ...], ...]
    seen: Float[np.ndarray, "groups groups"]
    mix: tuple[float, ...]
    chance_known: bool
    unlike_any: tuple[str, ...]
    counts: tuple[int, ...]
    accuracy: Share

    @property
    def pictures(self) -> int:
        """How many true pictures were restored."""
        return sum(self.counts)

    @property
    def clusters(self) -> int:
        """How many clusters they are of."""
        return len(np.unique(self.evidence.clusters[self.statistics.true]))

    @property
    def too_weak(self) -> bool:
        """Whether the classifier does not tell the groups apart well enough for any correction."""
        least = self.accuracy.interval[0] if self.accuracy.interval else 0.0
        apart = tells_apart(least, len(self.statistics.group_names))
        return not apart or self.changed.interval is None or self.by_chance.interval is None


def drift_of(request: Request, evidence: Evidence) -> Drift:
    """The drift of the attribute that a piece of evidence is about."""
    statistics: GroupDriftStatistics = evidence.statistics
    # Strata of groups would take their shares for known, and make the intervals of all pictures too narrow.
    weights = Resampling(
        clusters=evidence.clusters, replicates=request.replicates, seed=request.seed, strata=statistics.true
    )
    ones, blocks = np.ones((1, statistics.images)), list(weights.blocks())
    counts = tuple(int((statistics.truth == group).sum()) for group in range(len(statistics.group_names)))

    def of_all(compute, pictures: int) -> tuple[Share, np.ndarray]:  # type: ignore[no-untyped-def]
        samples = np.concatenate([compute(statistics, block) for block in blocks])
        return _share(float(compute(statistics, ones)[0]), samples, pictures, request), samples

    whole, samples = of_all(changed, sum(counts))
    # No share of pictures, but a mean of shares: percentiles alone are its interval.
    by_chance = np.concatenate([changed_by_chance(statistics, block) for block in blocks])
    chance = Share(value=float(changed_by_chance(statistics, ones)[0]), interval=_ends(by_chance, request))
    each, table = changed_of_each(statistics, ones)[0], drift_table(statistics, ones)[0]
    samples_of_each = np.concatenate([changed_of_each(statistics, block) for block in blocks])
    samples_of_table = np.concatenate([drift_table(statistics, block) for block in blocks])
    mixes = np.concatenate([own_mix(statistics, block) for block in blocks])
    groups = range(len(counts))
    return Drift(
        statistics=statistics,
        evidence=evidence,
        changed=whole,
        by_chance=chance,
        gap=(whole.value - chance.value, _ends(samples - by_chance, request)),
        of_each=tuple(_share(float(each[g]), samples_of_each[:, g], counts[g], request) for g in groups),
        table=tuple(
            tuple(_share(float(table[g, h]), samples_of_table[:, g, h], counts[g], request) for h in groups)
            for g in groups
        ),
        seen=drift_seen(statistics, ones)[0],
        mix=tuple(np.clip(own_mix(statistics, ones)[0], 0, 1).tolist()),
        chance_known=not _of_no_mix(own_mix(statistics, ones)[0], mixes, request),
        unlike_any=tuple(
            statistics.group_names[g] for g in groups if _of_no_mix(table[g], samples_of_table[:, g], request)
        ),
        counts=counts,
        accuracy=of_all(balanced_accuracy, sum(counts))[0],
    )


def _of_no_mix(values: np.ndarray, samples: np.ndarray, request: Request) -> bool:
    return of_no_mix(values, samples[np.isfinite(samples).all(1)], request.confidence)


def _share(value: float, samples: np.ndarray, pictures: int, request: Request) -> Share:
    ends = share_interval(value, samples, pictures, request.confidence)
    return Share(value=float(np.clip(value, 0, 1)), interval=ends)


def _ends(samples: np.ndarray, request: Request) -> Interval:
    known = samples[np.isfinite(samples)]
    if len(known) < 2:
        return None
    tail = (1 - request.confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail]).tolist()
    return low, high
