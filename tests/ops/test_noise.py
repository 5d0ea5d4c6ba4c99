"""Noise: its levels are what they say, each picture has its own, and the generator decides it."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from clearsight.ops.noise import NOISES, check_noise, corrupted
from clearsight.ops.smoothing import gaussian_blur, median_filter

GREY = torch.full((3, 3, 64, 80), 0.5)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", NOISES)
def test_equal_seeds_give_equal_noise_and_a_level_of_nothing_gives_none(kind):
    images = torch.rand(3, 3, 24, 20, generator=seeded(1))
    levels = torch.full((3,), NOISES[kind].judged)
    one, same, other = (corrupted(images, kind, levels, seeded(seed)) for seed in (5, 5, 6))
    assert torch.equal(one, same) and (kind == "blur" or not torch.equal(one, other))
    assert one.shape == images.shape and float(one.min()) >= 0 and float(one.max()) <= 1
    assert torch.allclose(corrupted(images, kind, torch.zeros(3), seeded()), images)
    mixed = corrupted(images, kind, levels * torch.tensor([0.0, 1.0, 0.0]), seeded())
    changed = (mixed - images).abs().amax((1, 2, 3)) > 1e-4
    assert changed.tolist() == [False, True, False], "each picture has a level of its own"


def test_gaussian_noise_of_a_picture_without_colours_has_none():
    """A mixed batch: the colours of a picture are its own matter, and noise on them is independent by channel."""
    coloured = torch.stack([torch.full((64, 80), value) for value in (0.4, 0.5, 0.6)])
    found = corrupted(torch.stack([GREY[0], coloured]), "gaussian", torch.tensor([25.0, 25.0]), seeded())
    assert (found[0] == found[0, :1]).all() and found[0].std() * 255 == pytest.approx(25, rel=0.1)
    noise = (found[1] - coloured).flatten(1)
    assert torch.corrcoef(noise).fill_diagonal_(0).abs().max() < 0.1


def test_gaussian_levels_are_standard_deviations_of_255():
    found = corrupted(GREY, "gaussian", torch.tensor([5.0, 25.0, 40.0]), seeded())
    assert torch.allclose(255 * (found - GREY).flatten(1).std(1), torch.tensor([5.0, 25.0, 40.0]), rtol=0.03)


def test_salt_pepper_and_masks_strike_that_share_of_the_pixels_in_all_channels():
    found = corrupted(GREY, "salt-and-pepper", torch.tensor([0.1, 0.3, 1.0]), seeded())
    white, black = (found == 1).float().mean((2, 3)), (found == 0).float().mean((2, 3))
    assert torch.allclose(white[:, 0], torch.tensor([0.05, 0.15, 0.5]), atol=0.015)
    assert torch.allclose(black[:, 0], torch.tensor([0.05, 0.15, 0.5]), atol=0.015)
    masked = corrupted(GREY, "masking", torch.tensor([0.25, 0.5, 1.0]), seeded())
    assert torch.allclose((masked == 0).float().mean((1, 2, 3)), torch.tensor([0.25, 0.5, 1.0]), atol=0.02)
    for one in (found, masked):
        assert torch.equal(one[:, 0], one[:, 1]) and torch.equal(one[:, 0], one[:, 2])


def test_blur_is_that_of_scipy_picture_by_picture():
    images = torch.rand(3, 2, 17, 30, generator=seeded(), dtype=torch.float64)
    sigmas = torch.tensor([0.4, 1.3, 2.0], dtype=torch.float64)
    found = gaussian_blur(images, sigmas)
    for image, sigma, mine in zip(images.numpy(), sigmas.tolist(), found.numpy(), strict=True):
        # The kernels of a batch reach as far as the widest needs.
        expected = ndimage.gaussian_filter(image, (0, sigma, sigma), mode="nearest", radius=(0, 8, 8))
        assert np.allclose(mine, expected, atol=1e-10)


def test_median_is_that_of_a_slow_loop():
    image = torch.rand(2, 6, 5, generator=seeded())
    padded = np.pad(image.numpy(), ((0, 0), (1, 1), (1, 1)), mode="edge")
    slow = [[[np.median(plane[y : y + 3, x : x + 3]) for x in range(5)] for y in range(6)] for plane in padded]
    assert np.allclose(median_filter(image, 3).numpy(), slow)


@pytest.mark.parametrize(
    ("kind", "level", "words"),
    [
        ("snow", 1, "noise is 'snow'. Expected gaussian, salt-and-pepper, masking, blur"),
        ("gaussian", -1, "level of gaussian noise is -1. Expected the standard deviation .* from 0 to 255"),
        ("gaussian", float("nan"), "level of gaussian noise is nan"),
        ("masking", 1.5, "from 0 to 1"),
    ],
)  # fmt: skip
def test_what_is_no_noise_is_refused(kind, level, words):
    with pytest.raises(ValueError, match=words):
        check_noise(kind, level)
