"""Variance components: hand values, identities, and by simulation coverage and false alarms."""

import numpy as np
import pytest

from clearsight.sweeps import variance as module
from clearsight.sweeps.space import parse
from clearsight.sweeps.variance import decomposed, parts

SPACE = parse(["a=x,y", "b=x,y"])
GRID = [np.array([0, 0, 1, 1, 0, 0, 1, 1]), np.array([0, 1, 0, 1, 0, 1, 0, 1])]


def test_all_is_the_seeds_where_configurations_agree():
    scores = [np.array([0.4, 0.6])] * 8
    found = decomposed(scores, GRID, SPACE)
    assert found.seed.share == 1.0 and [one.share for one in found.parameters] == [0, 0] and found.rest.share == 0
    assert found.deviation == pytest.approx(np.std([0.4, 0.6], ddof=1))


def test_all_is_one_setting_where_only_it_matters():
    scores = [np.array([0.5, 0.5]) + 0.2 * one for one in GRID[0]]
    found = decomposed(scores, GRID, SPACE)
    assert found.seed.share == 0 and found.parameters[0].share == pytest.approx(1.0)
    assert found.parameters[1].share == 0 and found.parameters[0].p < 0.05 < found.parameters[1].p


def test_the_shares_by_hand():
    """Eight configurations, two seeds each: the sums of squares of a one-way layout written out."""
    means = np.array([0.50, 0.54, 0.70, 0.78, 0.52, 0.52, 0.72, 0.76])
    scores = [np.array([mean - 0.01, mean + 0.01]) for mean in means]
    within = 2 * 0.01**2  # each pair's variance
    between = means.var(ddof=1) - within / 2
    across = 4 * sum((means[GRID[0] == k].mean() - means.mean()) ** 2 for k in (0, 1))
    left = ((means - means.mean()) ** 2).sum() - across
    effect = (across - 1 * left / 6) / 7
    found = decomposed(scores, GRID, SPACE)
    assert found.seed.share == pytest.approx(within / (within + between))
    assert found.parameters[0].share == pytest.approx(effect / (within + between))
    total = found.seed.share + sum(one.share for one in found.parameters) + found.rest.share
    assert total == pytest.approx(1.0)


def test_too_few_configurations_say_nothing():
    assert decomposed([np.array([0.1, 0.2])] * 5, [one[:5] for one in GRID], SPACE) is None
    assert decomposed([np.array([0.5, 0.5])] * 8, GRID, SPACE) is None


def test_a_seed_that_failed_leaves_the_others():
    scores = [np.array([0.5, 0.52, 0.48]) + 0.2 * one for one in GRID[0]]
    scores[3] = scores[3][:1]
    assert decomposed(scores, GRID, SPACE).parameters[0].share > 0.9


def test_parts_of_a_range_are_quantiles_and_of_a_choice_its_values():
    (rate,), (kind,) = parse(["rate=1e-4..1e-2:log"]), parse(["kind=x,y,z"])
    assert parts(kind, ["z", "x", "y"]).tolist() == [2, 0, 1]
    values = [f"{10 ** (-4 + 2 * k / 11):.4g}" for k in range(12)]
    assert parts(rate, values).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert len(set(parts(rate, values[:8]).tolist())) == 2


def simulated(sets, slope, noise, configurations=16, seeds=3):
    """How often intervals hold the true share of the seed and of a range, and how often nothing is called something."""
    chance = np.random.default_rng(1)
    space = parse(["a=0.0..1.0", "b=x,y"])
    truth = np.array([noise**2, slope**2 / 12]) / (noise**2 + slope**2 / 12)
    held, alarms = np.zeros(2), 0
    for number in range(sets):
        a = (chance.permutation(configurations) + chance.random(configurations)) / configurations
        b = chance.permutation(np.arange(configurations) % 2)
        scores = [slope * x + noise * chance.standard_normal(seeds) for x in a]
        groups = [parts(space[0], [f"{x:.6f}" for x in a]), b]
        found = decomposed(scores, groups, space, seed=number)
        shares = (found.seed, found.parameters[0])
        held += [one.low <= true <= one.high for one, true in zip(shares, truth, strict=True)]
        alarms += found.parameters[1].p <= 0.05
    return held / sets, alarms / sets


def test_a_setting_without_effect_is_rarely_called_one(monkeypatch):
    monkeypatch.setattr(module, "PERMUTATIONS", 99)
    (_, _), alarms = simulated(120, slope=1.0, noise=0.3)
    assert alarms <= 0.12  # 5% wanted; the standard error of 120 sets is 2 points


def test_the_seeds_share_is_covered(monkeypatch):
    monkeypatch.setattr(module, "PERMUTATIONS", 9)
    (of_seed, _), _ = simulated(120, slope=1.0, noise=0.3)
    assert of_seed >= 0.88  # 95% wanted; the standard error is 2 points
