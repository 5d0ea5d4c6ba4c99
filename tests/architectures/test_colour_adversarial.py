"""The network that colours and its critic: where they begin, what either sees, what either learns from."""

import pytest
import torch

from clearsight.architectures import Colour, ColourAdversarial
from clearsight.architectures.colour import ColourConfig
from clearsight.architectures.colour_adversarial import ColourAdversarialConfig
from clearsight.ops.lab import lab_of
from clearsight.types import Adversarial, Batch, Model

SMALL = {"widths": (8, 16), "depth": 1}
CONVENTIONAL = {"regression": "distance", "classes": "cross-entropy"}
each_answer = pytest.mark.parametrize("answer", CONVENTIONAL)


def pair(answer):
    """A network that colours, after some steps, and one that goes on from it."""
    torch.manual_seed(0)
    first = Colour(ColourConfig(answer=answer, **SMALL), None, ()).train()
    images = torch.rand(6, 3, 16, 16)
    first.prepare(images)
    optimizer = torch.optim.AdamW(first.parameters(), lr=1e-2)
    for _ in range(3):
        optimizer.zero_grad()
        sum(first.losses(batch(images)).values()).backward()
        optimizer.step()
    last = ColourAdversarial(
        ColourAdversarialConfig(answer=answer, patch_widths=(8, 16), scales=2, adversarial=0.5, **SMALL), None, ()
    )
    last.go_on_from(first.state_dict())
    return first.eval(), last


def batch(images):
    return Batch(images=images, truths=[None] * len(images), ids=[str(k) for k in range(len(images))])


def pictures(count=6, height=16, width=16):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1))


@each_answer
def test_it_begins_with_the_pictures_of_the_network_it_goes_on_from(answer):
    first, last = pair(answer)
    before, after = (torch.stack([one.image for one in each.eval().predict(pictures())]) for each in (first, last))
    assert torch.equal(before, after)


@each_answer
def test_what_is_trained_sees_the_pictures_that_it_predicts_and_its_norms_stay(answer):
    _, last = pair(answer)
    assert isinstance(last, Model) and isinstance(last, Adversarial)
    kept = {name: value.clone() for name, value in last.generator.state_dict().items()}
    still = last.eval()(pictures())
    assert torch.equal(last.train()(pictures()), still) and last.discriminator.training
    for (player,) in last.turns:
        assert set(last.losses(batch(pictures()), player)) == {"hinge"} | (
            {CONVENTIONAL[answer]} if player == "generator" else set()
        )
    assert all(torch.equal(value, kept[name]) for name, value in last.generator.state_dict().items())


@each_answer
@pytest.mark.parametrize("size", [(2, 4), (3, 3)], ids=str)
def test_the_critic_is_shown_colours_under_the_lightness_that_is_given(answer, size):
    """Real pairs hold the colours of each square of 2 x 2 px, made ones those of the network, both over 50."""
    _, last = pair(answer)
    image, shown = pictures(1, *size), []
    last.discriminator.register_forward_pre_hook(lambda module, given: shown.append(given[0].detach()))
    last.losses(batch(image), "discriminator")
    (real, made), lab = shown[0], lab_of(image)[0]
    for row in range(-(-size[0] // 2)):
        for column in range(-(-size[1] // 2)):
            rows, columns = (
                [min(2 * k + d, side - 1) for d in (0, 1)] for k, side in ((row, size[0]), (column, size[1]))
            )
            square = lab[:, rows][:, :, columns]
            assert torch.allclose(real[:4, row, column], (square[0].flatten() - 50) / 50, atol=1e-5)
            assert torch.allclose(real[4:, row, column], square[1:].mean((1, 2)) / 50, atol=1e-5)
    assert torch.equal(made[:4], real[:4])
    assert torch.allclose(50 * made[4:][None], last.generator.ab_of(last(image)), atol=1e-4)


@each_answer
def test_the_loss_of_either_player_reaches_its_own_weights_through_either_answer(answer):
    _, last = pair(answer)
    last.losses(batch(pictures()))["hinge"].backward()
    weight = last.generator.last.weight.grad
    assert weight is not None and float(weight.abs().max()) > 0 and bool(torch.isfinite(weight).all())
    last.zero_grad(set_to_none=True)
    last.losses(batch(pictures()), "discriminator")["hinge"].backward()
    assert all(one.grad is None for one in last.generator.parameters())
    assert all(one.grad is not None for one in last.discriminator.parameters())
