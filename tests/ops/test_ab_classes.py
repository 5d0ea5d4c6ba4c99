"""Colours as classes against loops over all bins, and the identities of rebalancing and of the annealed mean."""

import math

import pytest
import torch

from clearsight.ops import ab_classes
from clearsight.ops.lab import lab_of


@pytest.fixture(scope="module")
def ab():
    images = torch.rand(1, 3, 10, 20, generator=torch.Generator().manual_seed(0))
    return lab_of(images)[0, 1:].flatten(1).T


def test_every_colour_of_a_screen_has_a_bin_within_half_a_step(ab):
    centres = ab_classes.bins()
    assert len(centres) == len(torch.unique(centres, dim=0)) and bool((centres % 10 == 0).all())
    assert bool((centres == 0).all(1).any()), "grey is a colour too"
    away = (ab[:, None] - centres).abs().amax(2).min(1).values
    assert float(away.max()) <= 5.0
    assert 200 < len(centres) < 330 and not bool((centres.abs() > 110).any())


def test_a_colour_is_encoded_on_its_five_nearest_bins_by_a_gaussian(ab):
    centres = ab_classes.bins()
    near, shares = ab_classes.encoded(ab, centres)
    assert near.shape == shares.shape == (200, 5) and torch.allclose(shares.sum(1), torch.ones(200), atol=1e-5)
    for row in range(0, 200, 17):
        apart = [math.dist(ab[row].tolist(), centre) for centre in centres.tolist()]
        wanted = sorted(range(len(apart)), key=apart.__getitem__)[:5]
        assert sorted(apart[k] for k in near[row].tolist()) == pytest.approx(sorted(apart[k] for k in wanted), abs=1e-3)
        weights = [math.exp(-(apart[k] ** 2) / 50) for k in near[row].tolist()]
        assert shares[row].tolist() == pytest.approx([one / sum(weights) for one in weights], abs=1e-4)


def test_half_precision_around_it_confuses_no_neighbours(ab):
    centres = ab_classes.bins()
    with torch.autocast("cpu", torch.bfloat16):
        low, _ = ab_classes.encoded(ab, centres)
    assert torch.equal(low, ab_classes.encoded(ab, centres)[0])


def test_rare_colours_count_more_and_pixels_count_1_on_average(ab):
    centres = ab_classes.bins()
    shares = ab_classes.frequencies(ab, centres)
    assert float(shares.sum()) == pytest.approx(1.0, abs=1e-4) and float(shares.min()) >= 0
    weights = ab_classes.rebalanced(shares, 0.5)
    assert float((weights * shares).sum()) == pytest.approx(1.0, abs=1e-4)
    order = shares.argsort()
    assert bool((weights[order].diff() <= 1e-6).all()), "the rarer, the more"
    assert torch.allclose(ab_classes.rebalanced(shares, 1.0), torch.ones(len(shares)), atol=1e-3)


def test_the_annealed_mean_lies_between_the_mean_and_the_most_probable_bin():
    centres = torch.tensor([[0.0, 0.0], [50.0, -10.0], [-20.0, 80.0]])
    shares = torch.tensor([0.2, 0.5, 0.3])
    logits = shares.log().reshape(1, 3, 1, 1)
    found = {t: ab_classes.annealed_mean(logits, centres, t).flatten() for t in (1.0, 0.38, 0.01)}
    assert torch.allclose(found[1.0], (shares[:, None] * centres).sum(0), atol=1e-4)
    assert torch.allclose(found[0.01], centres[1], atol=1e-3)
    sharp = shares ** (1 / 0.38)
    assert torch.allclose(found[0.38], (sharp[:, None] * centres).sum(0) / sharp.sum(), atol=1e-3)
