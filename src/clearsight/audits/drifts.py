"""How often restored pictures show another group than the true ones, estimated once: what ``group_drift`` tells."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
from clearsight.types import Evidence, Request, Weights

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
    groups = range(len(counts))

    def estimated(compute: Callable[[Any, Weights], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        return compute(statistics, ones)[0], np.concatenate([compute(statistics, block) for block in blocks])

    whole, chance, mix = estimated(changed), estimated(changed_by_chance), estimated(own_mix)
    each, table, accuracy = estimated(changed_of_each), estimated(drift_table), estimated(balanced_accuracy)
    return Drift(
        statistics=statistics,
        evidence=evidence,
        changed=_share(*whole, sum(counts), request),
        # No share of pictures, but a mean of shares: percentiles alone are its interval.
        by_chance=Share(value=float(chance[0]), interval=_ends(chance[1], request)),
        gap=(float(np.clip(whole[0], 0, 1) - chance[0]), _ends(whole[1] - chance[1], request)),
        of_each=tuple(_share(each[0][g], each[1][:, g], counts[g], request) for g in groups),
        table=tuple(
            tuple(_share(table[0][g, h], table[1][:, g, h], counts[g], request) for h in groups) for g in groups
        ),
        seen=drift_seen(statistics, ones)[0],
        mix=tuple(np.clip(mix[0], 0, 1).tolist()),
        chance_known=not _of_no_mix(*mix, request),
        unlike_any=tuple(statistics.group_names[g] for g in groups if _of_no_mix(table[0][g], table[1][:, g], request)),
        counts=counts,
        accuracy=_share(*accuracy, sum(counts), request),
    )


def _of_no_mix(values: np.ndarray, samples: np.ndarray, request: Request) -> bool:
    return of_no_mix(values, samples[np.isfinite(samples).all(1)], request.confidence)


def _share(value: np.ndarray, samples: np.ndarray, pictures: int, request: Request) -> Share:
    ends = share_interval(float(value), samples, pictures, request.confidence)
    return Share(value=float(np.clip(value, 0, 1)), interval=ends)


def _ends(samples: np.ndarray, request: Request) -> Interval:
    known = samples[np.isfinite(samples)]
    if len(known) < 2:
        return None
    tail = (1 - request.confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail]).tolist()
    return low, high
