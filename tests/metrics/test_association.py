"""Cramér's V: against scipy's chi-square, the published correction, identities, and by simulation with fixed seeds."""

import numpy as np
import pytest
from scipy import stats

from clearsight.metrics.association import association


def rows_of(table: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    counts = np.array(table)
    places = np.repeat(np.arange(counts.size), counts.ravel())
    return places // counts.shape[1], places % counts.shape[1]


def test_single_rows_give_pearsons_chi_square_and_bergsmas_v() -> None:
    table = [[40, 25, 15], [30, 50, 60]]
    found = association(*rows_of(table), (2, 3))
    assert found is not None
    chi, p, freedom, _ = stats.chi2_contingency(table, correction=False)
    n = np.sum(table)
    assert (found.statistic, found.p) == pytest.approx((chi, p))
    inertia, k = chi / n - freedom / (n - 1), 2 - 1 / (n - 1)  # Bergsma (2013), of the side with fewer parts
    assert found.v == pytest.approx(np.sqrt(inertia / (k - 1)))
    assert found.low < found.v < found.high and found.counts.tolist() == table and found.effect == 1


def test_parts_are_interchangeable() -> None:
    first, second = rows_of([[40, 25, 15], [30, 50, 60]])
    cluster = np.random.default_rng(0).integers(0, 80, len(first))
    one = association(first, second, (2, 3), cluster)
    other = association(2 - second, first, (3, 2), cluster[:])
    assert one is not None and other is not None
    assert (one.v, one.low, one.high, one.p) == pytest.approx((other.v, other.low, other.high, other.p))


def test_copies_of_whole_clusters_count_once() -> None:
    first, second = rows_of([[120, 80], [80, 120]])
    once = association(first, second, (2, 2))
    copied = association(np.repeat(first, 5), np.repeat(second, 5), (2, 2), np.repeat(np.arange(400), 5))
    naive = association(np.repeat(first, 5), np.repeat(second, 5), (2, 2))
    assert once is not None and copied is not None and naive is not None
    assert copied.effect == pytest.approx(5, rel=0.05)
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=0.01)
    assert copied.p == pytest.approx(once.p, rel=0.5) and naive.p < 1e-10


def test_too_few_rows_say_nothing() -> None:
    assert association(*rows_of([[10, 10]]), (1, 2)) is None
    assert association(*rows_of([[30, 30], [3, 3]]), (2, 2)) is None
    assert association(*rows_of([[0, 0], [30, 30]]), (2, 2)) is None
    first, second = rows_of([[300, 300], [300, 300]])
    assert association(first, second, (2, 2)) is not None
    assert association(first, second, (2, 2), np.arange(1200) % 6) is None


def test_a_column_and_itself_are_one() -> None:
    first, _ = rows_of([[50], [70], [90]])
    found = association(first, first, (3, 3))
    assert found is not None and found.v == pytest.approx(1, abs=0.02) and found.high == 1


@pytest.mark.parametrize(("rows", "clustered"), [(100, False), (300, False), (300, True), (1000, True)])
def test_intervals_cover_and_no_association_is_no_alarm(rows: int, clustered: bool) -> None:
    """Groups constant or not within clusters of 1 to 92 rows whose label is alike; V from 0 to 0.5."""
    rng = np.random.default_rng(rows)
    sizes = [1, 1, 1, 2, 3, 8, 20] if rows < 1000 else [1, 1, 1, 2, 3, 8, 20, 92]
    share, covered, alarms = np.array([0.5, 0.3, 0.2]), [], []
    for turn in range(250 if rows < 1000 else 100):
        own = np.repeat(np.arange(rows), rng.choice(sizes, rows) if clustered else 1)
        group = rng.choice(3, rows, p=share)[own]
        if turn % 2:
            group = np.where(rng.random(len(own)) < 0.5, group, rng.choice(3, len(own), p=share))
        alike = rng.random(len(own)) < (0.6 if clustered else 0)
        chance = np.where(alike, rng.random(rows)[own], rng.random(len(own)))
        for strength in (0.0, 0.0, 0.15, 0.4, 0.8):
            rate = 0.3 + strength * np.array([-0.25, 0, 0.5])
            chance = rng.permutation(chance) if not clustered else chance
            joint = np.stack([share * (1 - rate), share * rate], axis=1)
            independent = np.outer(joint.sum(1), joint.sum(0))
            true = np.sqrt(((joint - independent) ** 2 / independent).sum())
            found = association(group, (chance < rate[group]).astype(int), (3, 2), own if clustered else None)
            if found is None:
                continue
            covered.append(found.low <= true <= found.high)
            if strength == 0:
                alarms.append(found.p <= 0.05)
    assert len(covered) > 200 and 0.93 <= np.mean(covered) <= 0.975
    assert np.mean(alarms) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / (len(alarms) / (2 if clustered else 1)))
