"""Means apart: one-sided tests beside exact ones, clusters, numbers that are not known."""

import numpy as np
import pytest
from scipy import stats

from clearsight.metrics.means_apart import MeansApart
from clearsight.metrics.permutation import permutation_p_below


def compared(part, clusters=None, replicates=1000):
    clusters = np.arange(len(part)) if clusters is None else clusters
    return MeansApart(part=np.asarray(part), clusters=clusters, replicates=replicates)


def test_of_independent_pictures_p_is_near_that_of_fisher_s_exact_test():
    part = np.repeat([0, 1], [160, 40])
    right = np.concatenate([np.arange(160) < 136, np.arange(40) < 26]).astype(float)  # 85% and 65%
    gap, p = compared(part).between(right, 1, sign=-1)
    table = [[26, 14], [136, 24]]
    assert gap.value == pytest.approx(0.65 - 0.85)
    assert p == pytest.approx(stats.fisher_exact(table, alternative="less")[1], rel=0.5)
    assert compared(part).between(right, 1, sign=1)[1] > 0.95


def test_each_part_is_compared_with_all_others():
    part = np.repeat([0, 1, 2], [50, 30, 20])
    value = np.concatenate([np.linspace(0, 1, 50), np.linspace(2, 3, 30), np.linspace(4, 5, 20)])
    gap, _ = compared(part, replicates=50).between(value, 2, sign=1)
    assert gap.first.value == pytest.approx(value[part == 2].mean())
    assert gap.second.value == pytest.approx(value[part != 2].mean())


def test_numbers_that_are_not_known_do_not_count():
    part = np.repeat([0, 1], [60, 40])
    value = np.random.default_rng(0).normal(size=100)
    value[::7] = np.nan
    gap, p = compared(part, replicates=200).between(value, 1, sign=-1)
    known = np.isfinite(value)
    assert gap.value == pytest.approx(value[known & (part == 1)].mean() - value[known & (part == 0)].mean())
    assert 0 < p <= 1
    assert compared(part, replicates=50).between(np.full(100, np.nan), 1, sign=-1)[1] == 1


def test_twenty_pictures_of_one_cluster_say_little_more_than_one():
    random = np.random.default_rng(1)
    clusters = np.repeat(np.arange(40), 20)
    part = (clusters < 8).astype(int)
    value = random.normal(size=40)[clusters] - 0.3 * part
    assert compared(part, clusters, 300).between(value, 1, sign=-1)[1] > 0.05
    assert (
        compared(part, replicates=300).between(value, 1, sign=-1)[1]
        < compared(part, clusters, 300).between(value, 1, sign=-1)[1]
    )


def test_the_one_sided_p_counts_permutations_as_low_and_goes_on_beyond_them():
    permuted = np.linspace(-1, 1, 99)
    assert permutation_p_below(0.0, permuted) == pytest.approx((50 + 1) / 100)
    assert permutation_p_below(1.0, permuted) == 1
    beyond = permutation_p_below(-3.0, permuted)
    assert beyond == pytest.approx(stats.norm.cdf((-3.0 - permuted.mean()) / permuted.std(ddof=1)))
    assert permutation_p_below(float("nan"), permuted) == permutation_p_below(0.0, permuted[:5]) == 1
