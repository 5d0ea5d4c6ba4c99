"""Losses of two players against values by hand, and penalties against gradients that are known."""

import math

import pytest
import torch

from clearsight.ops.adversarial_losses import (
    gradients,
    logistic,
    one_centred_penalty,
    relativistic,
    zero_centred_penalty,
)


def test_the_logistic_loss_is_the_cross_entropy():
    scores = torch.tensor([-1.0, 0.0, 2.0])
    share = [1 / (1 + math.exp(-score)) for score in scores.tolist()]
    assert float(logistic(scores, real=True)) == pytest.approx(-sum(map(math.log, share)) / 3)
    assert float(logistic(scores, real=False)) == pytest.approx(-sum(math.log(1 - one) for one in share) / 3)


def test_the_pairing_loss_is_that_of_differences_and_log_2_where_there_is_none():
    real, made = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 5.0])
    by_hand = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(2))) / 2
    assert float(relativistic(real, made)) == pytest.approx(by_hand)
    assert float(relativistic(real, real)) == pytest.approx(math.log(2))
    assert float(relativistic(real + 7, made + 7)) == pytest.approx(by_hand, rel=1e-5)


def quadratic(weight):
    """Scores ``weight`` times half the squared length of a picture; the gradient is ``weight`` times the picture."""
    images = torch.rand(4, 2, 3, 3, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    return weight * images.square().sum((1, 2, 3)) / 2, images


def test_penalties_are_those_of_the_known_gradients_picture_by_picture():
    scores, images = quadratic(torch.tensor(3.0).double())
    assert torch.allclose(gradients(scores, images), 3 * images)
    norms = 3 * images.detach().flatten(1).norm(dim=1)
    scores, images = quadratic(torch.tensor(3.0).double())
    assert zero_centred_penalty(scores, images).item() == pytest.approx(float(norms.square().mean()) / 2)
    scores, images = quadratic(torch.tensor(3.0).double())
    assert one_centred_penalty(scores, images).item() == pytest.approx(float((norms - 1).square().mean()))


@pytest.mark.parametrize("penalty", [zero_centred_penalty, one_centred_penalty])
def test_penalties_have_the_gradient_of_finite_differences(penalty):
    weight = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    penalty(*quadratic(weight)).backward()
    up, down = (penalty(*quadratic(torch.tensor(2 + step, dtype=torch.float64))).item() for step in (1e-5, -1e-5))
    assert float(weight.grad) == pytest.approx((up - down) / 2e-5, rel=1e-6)


def test_a_critic_that_answers_the_same_for_all_has_a_finite_penalty():
    scores, images = quadratic(torch.tensor(0.0).double().requires_grad_())
    penalty = one_centred_penalty(scores, images)
    penalty.backward()
    assert penalty.item() == pytest.approx(1, abs=1e-5)
