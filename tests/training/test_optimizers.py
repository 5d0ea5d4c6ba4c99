import copy

import pytest
import torch
from torch import nn

from clearsight.training.optimizers import Muon, optimizers_for, orthogonal
from clearsight.types import Training


def stack():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, groups=4, bias=False), nn.BatchNorm2d(8),
        nn.Conv2d(8, 2, 1),
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(3, 5, 9), (2, 9, 5), (4, 1, 9), (1, 16, 16)])
def test_orthogonal_keeps_directions_and_makes_lengths_alike(shape):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    left, values, right = torch.linalg.svd(matrices, full_matrices=False)
    mine = left.mT @ orthogonal(matrices) @ right.mT  # in the matrices' own directions
    diagonal = torch.diagonal(mine, dim1=1, dim2=2)
    assert torch.allclose(mine, torch.diag_embed(diagonal), atol=1e-4)
    assert bool((diagonal[values > 0.1 * values[:, :1]] > 0.4).all()) and float(diagonal.max()) < 1.32


def test_every_parameter_has_one_optimizer_and_muon_gets_what_a_norm_follows():
    model = stack()
    adam, muon = optimizers_for(model, Training(optimizer="muon", muon_learning_rate=0.3, learning_rate=0.01))
    theirs = [parameter for one in (adam, muon) for group in one.param_groups for parameter in group["params"]]
    assert sorted(map(id, theirs)) == sorted(map(id, model.parameters()))
    assert [(group["parts"], len(group["params"]), group["highest"]) for group in muon.param_groups] == [
        (1, 1, 0.3),
        (4, 1, 0.3),
    ]
    assert {group["highest"] for group in adam.param_groups} == {0.01}
    assert len(optimizers_for(model, Training())) == 1


def test_a_step_of_muon_fixes_the_length_and_moves_each_group_apart():
    torch.manual_seed(2)
    weight = nn.Parameter(torch.randn(6, 2, 3, 3) * 7)
    weight.grad = torch.randn_like(weight)
    weight.grad[3:] = 0  # the second group gets no gradient, so it only changes its length
    before = weight.detach().clone()
    Muon([{"params": [weight], "parts": 2}], lr=0.1, momentum=0.9).step()
    scaled = before * 6**0.5 / before.norm()
    assert torch.allclose(weight[3:], scaled[3:], atol=1e-6)
    moved = (weight - scaled)[:3].flatten(1)
    assert torch.allclose(moved @ moved.T, 0.01 * torch.eye(3), atol=0.006)  # rows of length 0.1 at right angles
    assert float((moved.detach().flatten() * weight.grad[:3].flatten()).sum()) < 0  # downhill


def test_muon_learns_what_adam_learns_and_goes_on_from_its_state():
    torch.manual_seed(3)
    images, target = torch.randn(16, 3, 8, 8), torch.randn(16, 2, 4, 4)

    def run(model, optimizers, steps):
        for _ in range(steps):
            loss = (model(images) - target).square().mean()
            model.zero_grad(set_to_none=True)
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
        return float(loss.detach())

    training = Training(optimizer="muon", muon_learning_rate=0.05, learning_rate=0.01)
    model = stack()
    optimizers = optimizers_for(model, training)
    first, last = run(model, optimizers, 1), run(model, optimizers, 60)
    assert last < 0.7 * first
    again = copy.deepcopy(model)
    states = [copy.deepcopy(one.state_dict()) for one in optimizers]
    resumed = optimizers_for(again, training)
    for one, state in zip(resumed, states, strict=True):
        one.load_state_dict(state)
    run(model, optimizers, 3), run(again, resumed, 3)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
