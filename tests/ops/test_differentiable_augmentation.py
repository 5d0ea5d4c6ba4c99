"""Augmentations for both players: what they do to pictures, to gradients, and with their draws."""

import pytest
import torch

from clearsight.ops.differentiable_augmentation import (
    DifferentiableAugmentation,
    cut_out,
    recoloured,
    translated,
)

EACH = [
    {"colour": True},
    {"translation": True},
    {"cutout": True},
    dict.fromkeys(("colour", "translation", "cutout"), True),
]


def pictures(count=6, channels=3, height=16, width=24):
    return torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_with_all_off_it_is_the_identity_and_draws_nothing():
    torch.manual_seed(0)
    before, images = torch.get_rng_state(), pictures()
    assert DifferentiableAugmentation()(images) is images
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("on", EACH, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_gradients_flow_to_every_picture_and_twice(on, channels):
    torch.manual_seed(0)
    images = pictures(channels=channels).requires_grad_()
    found = DifferentiableAugmentation(**on)(images)
    assert found.shape == images.shape
    (gradient,) = torch.autograd.grad(found.square().sum(), images, create_graph=True)
    assert torch.isfinite(gradient).all() and (gradient.flatten(1).abs().sum(1) > 0).all()
    gradient.square().sum().backward()
    assert torch.isfinite(images.grad).all() and images.grad.abs().sum() > 0


@pytest.mark.parametrize("on", EACH, ids=str)
def test_every_picture_has_a_draw_of_its_own_from_the_global_generator(on):
    same = pictures(1).expand(8, -1, -1, -1)
    augment = DifferentiableAugmentation(**on)
    torch.manual_seed(1)
    first = augment(same)
    torch.manual_seed(1)
    assert torch.equal(first, augment(same)) and not torch.equal(first, augment(same))
    assert len({tuple(one.flatten().tolist()) for one in first}) > 4


def test_translation_moves_by_whole_pixels_at_most_an_eighth_and_fills_with_zeros():
    images = pictures(2)
    ends = translated(images, torch.tensor([[0.0, 0.9999], [0.9999, 0.0]]))
    assert torch.equal(ends[0, :, :14, 3:], images[0, :, 2:, :21]) and not ends[0, :, 14:].any()  # up 2, right 3
    assert torch.equal(ends[1, :, 2:, :21], images[1, :, :14, 3:]) and not ends[1, :, :2].any()
    still = translated(images, torch.full((2, 2), 0.5))
    assert torch.equal(still, images)


def test_cutout_empties_a_rectangle_of_half_of_each_side_about_its_centre():
    images = torch.ones(3, 2, 16, 24)
    found = cut_out(images, torch.tensor([[0.5, 0.0, 0.9999], [0.5, 0.0, 0.9999]]))
    assert (found[0] == 0).sum() == 2 * 8 * 12 and not found[0, :, 4:12, 6:18].any()
    assert not found[1, :, :4, :6].any() and (found[1] == 0).sum() == 2 * 4 * 6  # at a corner a quarter of it is inside
    assert set(found.unique().tolist()) == {0.0, 1.0}


def test_colour_at_the_middle_of_its_range_changes_nothing_and_each_draw_does_its_own():
    images, middle = pictures(1), torch.full((3, 1), 0.5)
    assert torch.allclose(recoloured(images, middle), images, atol=1e-6)
    brighter = recoloured(images, torch.tensor([[1.0], [0.5], [0.5]]))
    assert torch.allclose(brighter, images + 0.5, atol=1e-6)
    grey = recoloured(images, torch.tensor([[0.5], [0.0], [0.5]]))
    assert torch.allclose(grey, images.mean(1, keepdim=True).expand_as(images), atol=1e-6)
    flat = recoloured(images, torch.tensor([[0.5], [0.5], [0.0]]))
    assert torch.allclose(flat - flat.mean(), (images - images.mean()) / 2, atol=1e-6)
