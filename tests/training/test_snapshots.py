"""The best snapshot, and the signs of a collapse, on pictures and losses where the answer is known."""

import math

import pytest
import torch
from torch import nn

from clearsight.generation.collapse import collapse_warning, nearest_distance, saturation_warning, spread
from clearsight.training.snapshots import BestSnapshot


def layer(value):
    found = nn.Linear(1, 1)
    nn.init.constant_(found.weight, value)
    return found


def test_it_keeps_the_first_of_the_best_and_no_nan():
    best = BestSnapshot()
    assert not best.put_into(layer(0.0))
    offers = [(1.0, 0.2), (2.0, 0.7), (3.0, math.nan), (4.0, 0.7), (5.0, 0.1)]
    kept = [best.offer(layer(value), score, step) for step, (value, score) in enumerate(offers)]
    assert kept == [True, True, False, False, False]
    target = layer(0.0)
    assert best.put_into(target) and target.weight.item() == 2.0 and (best.score, best.step) == (0.7, 1)


def test_what_it_keeps_is_a_copy_and_survives_its_state():
    best, model = BestSnapshot(), layer(1.0)
    best.offer(model, -3.0, 5)
    nn.init.constant_(model.weight, 9.0)
    again = BestSnapshot()
    again.restore(best.state())
    assert not again.offer(layer(7.0), -4.0, 6)
    again.put_into(model)
    assert model.weight.item() == 1.0 and again.step == 5


def noise(count, seed):
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def test_pictures_of_the_same_kind_raise_no_alarm():
    assert all(collapse_warning(noise(64, seed), noise(64, 100 + seed)) is None for seed in range(20))


def test_one_picture_for_all_noise_is_a_collapse():
    made = noise(1, 1).expand(64, -1, -1, -1) + 0.01 * noise(64, 2)
    assert "collapsing" in collapse_warning(made, noise(64, 0))


def test_a_few_pictures_over_and_over_are_repetition_although_they_vary():
    made = noise(4, 1).repeat(16, 1, 1, 1)
    assert spread(made) > 0.5 * spread(noise(64, 0)) and nearest_distance(made) == pytest.approx(0, abs=1e-9)
    assert "repeats itself" in collapse_warning(made, noise(64, 0))


def test_pictures_that_are_no_numbers_are_told():
    assert "not numbers" in collapse_warning(noise(8, 0) * math.nan, noise(8, 1))


def test_spread_and_nearest_distance_are_those_written_out():
    images = noise(5, 3)
    pixels = images.flatten(1).tolist()
    means = [sum(column) / 5 for column in zip(*pixels, strict=True)]
    by_hand = sum(sum((row[k] - means[k]) ** 2 for row in pixels) / 5 for k in range(64)) / 64
    assert spread(images) == pytest.approx(by_hand)
    nearest = [
        min(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / 64 for other in pixels if other is not one)
        for one in pixels
    ]
    assert nearest_distance(images) == pytest.approx(sorted(nearest)[2])


def test_too_few_pictures_are_refused():
    with pytest.raises(ValueError, match="at least 8"):
        collapse_warning(noise(7, 0), noise(7, 1))
    with pytest.raises(ValueError, match="as many of both"):
        collapse_warning(noise(9, 0), noise(8, 1))


def test_a_discriminator_that_always_wins_is_told_and_one_that_guesses_is_not():
    chance = math.log(2)
    assert "always wins" in saturation_warning([1e-4] * 30, chance)
    assert saturation_warning([1e-4] * 19, chance) is None  # too few to tell
    assert saturation_warning([0.6] * 30, chance) is None
    assert saturation_warning([1e-4] * 14 + [0.6] * 16, chance) is None
    assert saturation_warning([], chance) is None
