"""Rates on small numbers against known values and by simulation."""

import numpy as np
import pytest
from scipy import stats

from clearsight.metrics.rates import design_effect, holm, jeffreys, trials_needed, wilson


def test_wilson_equals_scipy():
    for k, n in [(0, 10), (9, 10), (10, 10), (45, 50), (1, 300)]:
        expected = stats.binomtest(k, n).proportion_ci(method="wilson")
        assert wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_jeffreys_known_values():
    assert jeffreys(0, 10) == (0.0, pytest.approx(0.2172, abs=1e-4))
    assert jeffreys(10, 10) == (pytest.approx(0.7828, abs=1e-4), 1.0)
    low, high = jeffreys(5, 10)
    assert low == pytest.approx(1 - high)


@pytest.mark.parametrize("method", [wilson, jeffreys])
def test_coverage_of_small_samples(method):
    """Exact coverage, averaged over true shares: near 95% where a bootstrap's is near 64%."""
    n, covered = 10, []
    for share in np.linspace(0.05, 0.95, 91):
        hit = [method(k, n)[0] <= share <= method(k, n)[1] for k in range(n + 1)]
        covered.append(float(stats.binom.pmf(np.arange(n + 1), n, share) @ np.array(hit)))
    assert 0.94 <= np.mean(covered) <= 0.97


def test_wilson_with_clusters_covers():
    """Eight answers of one patient are not eight answers."""
    rng = np.random.default_rng(0)
    plain = widened = 0
    for _ in range(400):
        share = rng.beta(9 * 0.8, 9 * 0.2, 40)
        right = rng.random((40, 8)) < share[:, None]
        answers, clusters = right.reshape(-1).astype(float), np.repeat(np.arange(40), 8)
        effect = design_effect(answers - 0.8, clusters)
        for widen in (False, True):
            low, high = wilson(answers.sum(), 320, effect=effect if widen else 1.0)
            if widen:
                widened += low <= 0.8 <= high
            else:
                plain += low <= 0.8 <= high
    assert plain < 0.9 * 400
    assert 0.92 * 400 <= widened <= 0.98 * 400


def test_design_effect_of_copies_and_of_independent_terms():
    rng = np.random.default_rng(1)
    once = rng.normal(size=500)
    assert design_effect(np.repeat(once, 4), np.repeat(np.arange(500), 4)) == pytest.approx(4.0)
    assert design_effect(rng.normal(size=4000), np.repeat(np.arange(1000), 4)) == pytest.approx(1.0, abs=0.15)
    assert design_effect(np.zeros(1), np.zeros(1, dtype=int)) == 1.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_data_needed():
    assert trials_needed(0.05) == 139
    assert trials_needed(0.03) == 385
    assert trials_needed(0.05, effect=2.0) == 277
