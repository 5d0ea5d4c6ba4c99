"""Rules that decide where to look next, and how what was found there enters the records.

After Lum & Isaac 2016 (the records steer the patrols) and Ensign et al. 2018 (the records are an urn, and what was
found can be corrected by the probability of having looked).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

Shares = Float[np.ndarray, "replicates k"]
Counts = Int[np.ndarray, "replicates k"]
Random = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Policy:
    """``decide`` gives each place's probability of the next visit, from the records; ``record`` what enters them.

    ``decide(records, random)`` returns shares that sum to 1; ``record(found, shares, random)`` the increments of the
    records. Both are arrays [replicates, k].
    """

    name: str
    says: str
    decide: Callable[[Shares, Random], Shares]
    record: Callable[[Counts, Shares, Random], Shares]


def greedy_shares(records: Shares, random: Random) -> Shares:
    """Everything goes to the place with the most records; a draw is decided at random."""
    most = records == records.max(axis=1, keepdims=True)
    chosen = np.where(most, random.random(records.shape), -1.0).argmax(axis=1)
    return np.eye(records.shape[1])[chosen]


def proportional_shares(records: Shares, random: Random) -> Shares:
    """Each place's share of the records."""
    return records / records.sum(axis=1, keepdims=True)


def equal_shares(records: Shares, random: Random) -> Shares:
    """The same share for all, whatever the records say."""
    return np.full(records.shape, 1 / records.shape[1])


def as_found(found: Counts, shares: Shares, random: Random) -> Shares:
    """Each incident counts as one record."""
    return found.astype(np.float64)


def importance_weighted(found: Counts, shares: Shares, random: Random) -> Shares:
    """Each incident counts 1 / (k p), p being the probability of the visit: on average what equal visits would find.

    The estimator of Horvitz & Thompson 1952.
    """
    return found / (found.shape[1] * shares)


def rejected(found: Counts, shares: Shares, random: Random) -> Shares:
    """Each incident is kept with the probability p_min / p, as if every place had been visited as rarely as the rarest.

    For two places this is the correction of Ensign et al. 2018 up to its pace.
    """
    return random.binomial(found, shares.min(axis=1, keepdims=True) / shares).astype(np.float64)


POLICIES = {
    policy.name: policy
    for policy in (
        Policy(
            name="greedy",
            says="All visits go to the district with the most records, and each incident found is recorded.",
            decide=greedy_shares,
            record=as_found,
        ),
        Policy(
            name="proportional",
            says="Visits are in proportion to the records, and each incident found is recorded.",
            decide=proportional_shares,
            record=as_found,
        ),
        Policy(
            name="importance-weighted",
            says="Visits are in proportion to the records, and each incident found counts the more, the less likely "
            "the visit was.",
            decide=proportional_shares,
            record=importance_weighted,
        ),
        Policy(
            name="rejection",
            says="Visits are in proportion to the records, and of the incidents found only a share is recorded, the "
            "smaller, the likelier the visit was.",
            decide=proportional_shares,
            record=rejected,
        ),
        Policy(
            name="uniform",
            says="All districts get the same share of the visits, whatever the records say.",
            decide=equal_shares,
            record=as_found,
        ),
    )
}
