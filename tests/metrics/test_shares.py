"""Shares of cells with clusters: against slow sums, known formulas, and by simulation with fixed seeds."""

import numpy as np
import pytest

from clearsight.metrics.rates import binomial_p, detectable_gap, trials_for_gap, wilson
from clearsight.metrics.shares import shares_of


def test_single_rows_are_a_proportion() -> None:
    cell = np.repeat([0, 1, 2], [12, 30, 58])
    found = shares_of(cell, 4)
    assert found.rows.tolist() == [12, 30, 58, 0]
    assert found.interval(0) == wilson(12, 100)
    assert found.p(1, 0.2) == pytest.approx(binomial_p(30, 100, 0.2))
    alone = shares_of(cell, 4, np.arange(100))
    assert alone.effect.tolist() == pytest.approx([1.0101, 1.0101, 1.0101, 1.0101], abs=1e-3)
    assert alone.interval(0) == found.interval(0)


def test_the_design_effect_is_the_slow_sum_over_clusters() -> None:
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(40), rng.integers(1, 9, 40))
    cell = np.where(rng.random(len(cluster)) < 0.7, (cluster % 3), rng.integers(0, 3, len(cluster)))
    found = shares_of(cell, 3, cluster)
    total, slow = len(cell), []
    for own in range(3):
        share = (cell == own).mean()
        sums = [((cell[cluster == one] == own) - share).sum() for one in range(40)]
        slow.append(40 / 39 * sum(value**2 for value in sums) / total**2 / (share * (1 - share) / total))
    assert found.effect.max() == pytest.approx(max(slow))
    assert (found.effect >= np.array(slow) - 1e-12).all()
    assert found.held.tolist() == [len(set(cluster[cell == own].tolist())) for own in range(3)]


def test_copies_of_whole_clusters_count_once() -> None:
    """Every row five times in a cluster of its own tells no more than once."""
    cell = np.random.default_rng(1).integers(0, 2, 200)
    once, five = shares_of(cell, 2), shares_of(np.repeat(cell, 5), 2, np.repeat(np.arange(200), 5))
    low, high = once.interval(0)
    assert five.interval(0) == pytest.approx((low, high), abs=0.003)
    assert five.p(0, 0.4) == pytest.approx(once.p(0, 0.4), rel=0.2)


@pytest.mark.parametrize("rows", [10, 30, 100, 1000])
@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_cover_and_tests_keep_their_level(rows: int, clustered: bool) -> None:
    """Three cells of random shares: 95% intervals cover 95 +- 2%; of a true reference at most 5% are told apart."""
    rng = np.random.default_rng(rows)
    sizes = [1, 1, 1, 2, 3, 8, 20] if rows < 1000 else [1, 1, 1, 2, 3, 8, 20, 92]
    covered, alarms = [], []
    for _ in range(400 if rows < 1000 else 150):
        share = rng.dirichlet([1.5] * 3)
        cluster = np.repeat(np.arange(rows), rng.choice(sizes, rows)) if clustered else None
        own = rng.choice(3, rows, p=share)
        cell = own
        if cluster is not None:
            same = rng.random(len(cluster)) < 0.7
            cell = np.where(same, own[cluster], rng.choice(3, len(cluster), p=share))
        found = shares_of(cell, 3, cluster)
        for one in range(3):
            low, high = found.interval(one)
            covered.append(low <= share[one] <= high)
        alarms.append(min(3 * found.p(one, share[one]) for one in range(3)) <= 0.05)
    assert 0.93 <= np.mean(covered) <= 0.97
    # 5%, and two standard errors of so many simulated sets.
    assert np.mean(alarms) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / len(alarms))


def test_the_binomial_p_is_twice_the_smaller_tail() -> None:
    from scipy import stats

    for successes, trials, share in ((3, 20, 0.4), (0, 12, 0.2), (12, 12, 0.7), (9, 20, 0.45)):
        tails = stats.binom.cdf(successes, trials, share), stats.binom.sf(successes - 1, trials, share)
        assert binomial_p(successes, trials, share) == pytest.approx(min(1.0, 2 * min(tails)))
    assert binomial_p(1, 10, 0.0) == 0 and binomial_p(0, 10, 0.0) == 1


def test_a_gap_of_the_size_promised_is_found_with_the_power_promised() -> None:
    """The pooled two-sample test of simulated rates, 90% against 80%."""
    rng, others = np.random.default_rng(0), 800
    needed = trials_for_gap(0.1, others)
    assert needed is not None and detectable_gap(needed, others) <= 0.1 < detectable_gap(needed - 1, others)
    low, high = rng.binomial(needed, 0.8, 40_000) / needed, rng.binomial(others, 0.9, 40_000) / others
    pooled = (needed * low + others * high) / (needed + others)
    z = (high - low) / np.sqrt(pooled * (1 - pooled) * (1 / needed + 1 / others))
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.8, abs=0.02)
    assert trials_for_gap(0.1, 10) is None and detectable_gap(0, 50) == np.inf
