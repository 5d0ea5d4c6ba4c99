"""Decisions that make their own training data: runaway feedback, and what correcting the records does."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from clearsight.simulations.districts import Districts
from clearsight.simulations.policies import POLICIES, Policy
from clearsight.suggestions import did_you_mean

POINTS = 60
MOST_NUMBERS = 200_000_000
Watch = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What one policy did in every replicate, at some of the rounds, the start (round 0) and the last one among them.

    ``visit_shares`` are the shares in which the policy sends the next visits; ``record_shares`` the shares of the
    records by then.
    """

    policy: Policy
    rounds: Int[np.ndarray, "points"]
    visit_shares: Float[np.ndarray, "points replicates k"]
    record_shares: Float[np.ndarray, "points replicates k"]

    def misplaced(self, true_shares: Float[np.ndarray, "k"]) -> Float[np.ndarray, "points replicates"]:
        """The share of the visits that would have to go elsewhere to match the true shares (total variation)."""
        return 0.5 * np.abs(self.visit_shares - true_shares).sum(axis=2)


def feedback(
    districts: Districts,
    policies: Sequence[str] = tuple(POLICIES),
    *,
    rounds: int = 500,
    visits: int = 10,
    replicates: int = 500,
    seed: int = 0,
    watch: Watch = lambda done, total: None,
) -> tuple[Outcome, ...]:
    """The outcome of each policy, from the same start; a policy's outcome does not depend on which others are asked.

    In every round ``visits`` are sent. A visit finds an incident with the district's true rate; reports without a visit
    come in at the pace that its reported share says. What is recorded steers the next round.

    Raises:
        ValueError: an unknown policy, or numbers out of range.
    """
    chosen = [_known(name) for name in policies]
    sizes = {"rounds": (rounds, 1), "visits": (visits, 1), "replicates": (replicates, 20)}
    for name, (value, least) in sizes.items():
        if value < least:
            raise ValueError(f"{name} is {value}. Expected {least} or more.")
    if (held := POINTS * replicates * len(districts.names) * 2 * max(1, len(chosen))) > MOST_NUMBERS:
        most = replicates * MOST_NUMBERS // held
        raise ValueError(
            f"{replicates} replicates of {len(chosen)} policies are more than fit. Expected at most {most} with "
            f"{len(districts.names)} districts. Ask for fewer replicates or policies."
        )
    if not chosen or len(set(policies)) < len(chosen):
        raise ValueError(f"the policies are {list(policies)}. Expected one or more, each once: {', '.join(POLICIES)}.")
    outcomes = []
    for index, policy in enumerate(chosen):
        random = np.random.default_rng([seed, zlib.crc32(policy.name.encode())])
        outcomes.append(_run(districts, policy, (rounds, visits, replicates), random))
        watch(index + 1, len(chosen))
    return tuple(outcomes)


def _known(name: str) -> Policy:
    if name not in POLICIES:
        hint = did_you_mean(name, POLICIES, f"Choose one or more of: {', '.join(POLICIES)}.")
        raise ValueError(f"there is no policy named {name!r}. {hint}")
    return POLICIES[name]


def _run(districts: Districts, policy: Policy, sizes: tuple[int, int, int], random: np.random.Generator) -> Outcome:
    rounds, visits, replicates = sizes
    k = len(districts.names)
    points = np.unique(np.linspace(0, rounds, min(POINTS, rounds + 1)).round().astype(np.int64))
    expected_reports = visits / k * districts.true_rate * districts.reported_share
    records = np.tile(districts.start, (replicates, 1))
    shares = policy.decide(records, random)
    kept_visits, kept_records = [shares], [records / records.sum(axis=1, keepdims=True)]
    for step in range(1, rounds + 1):
        found = random.binomial(random.multinomial(visits, shares), districts.true_rate)
        records = records + policy.record(found, shares, random)
        if expected_reports.any():
            records = records + random.poisson(expected_reports, records.shape)
        shares = policy.decide(records, random)
        if step == points[len(kept_visits)]:
            kept_visits.append(shares)
            kept_records.append(records / records.sum(axis=1, keepdims=True))
    return Outcome(
        policy=policy, rounds=points, visit_shares=np.stack(kept_visits), record_shares=np.stack(kept_records)
    )
