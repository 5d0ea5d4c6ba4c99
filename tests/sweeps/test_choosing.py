"""The best of many: without any difference the highest is too high, and the correction takes that off."""

import numpy as np
import pytest

from clearsight.metrics.crossed import Crossed
from clearsight.sweeps.choosing import chosen

PICTURES, SEEDS, REPLICATES = 150, 3, 100


def trials(chance, true, of_seed=0.01):
    """Configurations of true accuracies: pictures in common, seeds of their own, with resampled pictures."""
    difficulty = chance.normal(0, 0.5, PICTURES)
    weights = chance.multinomial(PICTURES, np.full(PICTURES, 1 / PICTURES), REPLICATES) / PICTURES
    found = {}
    for place, accuracy in enumerate(true):
        right = []
        for _ in range(SEEDS):
            shift = chance.normal(0, of_seed)
            p = np.clip(accuracy + shift + 0.1 * difficulty, 0, 1)
            right.append(chance.random(PICTURES) < p)
        right = np.array(right, float)
        found[place] = Crossed(each=right.mean(1), resampled=right @ weights.T)
    return found


def test_what_was_chosen_by_luck_is_not_believed():
    """Eight equal configurations: the best looks better than 0.8, its corrected score does not."""
    chance = np.random.default_rng(0)
    found = [chosen(trials(chance, [0.8] * 8), PICTURES, seed=k) for k in range(60)]
    apparent = np.mean([one.score for one in found]) - 0.8
    corrected = np.mean([one.corrected for one in found]) - 0.8
    assert apparent > 0.012
    assert abs(corrected) < 0.6 * apparent
    assert all(one.optimism > 0 and one.corrected < one.score for one in found)
    covered = np.mean([one.ends[0] <= 0.8 <= one.ends[1] for one in found])
    assert covered >= 0.9


def test_a_clear_winner_costs_nothing():
    found = chosen(trials(np.random.default_rng(1), [0.5, 0.9, 0.5]), PICTURES)
    assert found.configuration == 1 and found.optimism < 0.005 and not found.others and found.candidates == 3


def test_less_may_be_better():
    chance = np.random.default_rng(2)
    found = chosen(trials(chance, [0.5, 0.3, 0.3, 0.3]), PICTURES, sign=-1.0)
    assert found.configuration != 0 and found.corrected > found.score
    assert found.ends[0] <= found.corrected <= found.ends[1]


def test_others_that_might_as_well_have_been_chosen_are_named():
    found = chosen(trials(np.random.default_rng(3), [0.8, 0.8, 0.3]), PICTURES)
    assert 2 not in found.others and found.configuration in (0, 1)
    assert sum(found.others.values()) <= 1


def test_the_interval_moves_with_the_correction():
    candidates = trials(np.random.default_rng(4), [0.8] * 4)
    found = chosen(candidates, PICTURES)
    assert found.ends[0] + found.optimism < candidates[found.configuration].value < found.ends[1] + found.optimism
    assert found.corrected == pytest.approx(found.score - found.optimism)
