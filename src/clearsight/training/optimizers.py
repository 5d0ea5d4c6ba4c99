"""Optimizers: AdamW for everything, or Muon for the filters of convolutions."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from clearsight.types import Training

# Two odd polynomials of degree 5, one after the other: found numerically as those whose result deviates least from 1
# for singular values from 0.04 to 1 (0.71 to 1.29; smaller ones grow about 20-fold). Two rounds of these do what three
# of one polynomial do (Jordan et al. 2024), in two thirds of the time.
QUINTICS = ((5.9294, -16.2739, 11.7991), (3.1986, -3.3295, 1.0568))


def optimizers_for(model: nn.Module, training: Training) -> list[Optimizer]:
    """The optimizers of a model, each parameter in one of them; ``highest`` of a group is its peak learning rate.

    "adamw" decays matrices and kernels but no bias or norm (Loshchilov and Hutter 2019). "muon" updates the filters of
    convolutions without a bias, at ``muon_learning_rate``, by orthogonalised momentum, and leaves the rest to AdamW.
    """
    filters = _filters(model) if training.optimizer == "muon" else {}
    mine = {parameter for group in filters.values() for parameter in group}
    rest = [p for p in model.parameters() if p.requires_grad and p not in mine]
    rate = training.learning_rate
    groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": training.weight_decay, "highest": rate},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0, "highest": rate},
    ]
    found: list[Optimizer] = [AdamW(groups, lr=rate, fused=True)]
    if filters:
        fast = training.muon_learning_rate
        by_parts = [{"params": own, "parts": parts, "highest": fast} for parts, own in sorted(filters.items())]
        found.append(Muon(by_parts, fast, training.momentum))
    return found


def _filters(model: nn.Module) -> dict[int, list[nn.Parameter]]:
    """The kernels of convolutions without a bias, by their number of groups.

    A norm follows such a convolution, so only the direction of a filter matters and Muon may fix its length.
    """
    found: dict[int, list[nn.Parameter]] = defaultdict(list)
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.bias is None and module.weight.requires_grad:
            found[module.groups].append(cast(nn.Parameter, module.weight))
    return found


class Muon(Optimizer):
    """Momentum, orthogonalised (Jordan et al. 2024), on filters of unit mean square length.

    A kernel ``out in/parts h w`` is ``parts`` matrices of out/parts rows. Each step rescales it to the norm of filters
    of norm 1, then subtracts ``lr`` times the orthogonal matrix nearest to the momentum of its gradients (Nesterov's
    form). Steps are relative to the filters, so one learning rate fits every width.
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float, momentum: float) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "parts": 1})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every filter that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                momentum = state["momentum"].mul_(group["momentum"]).add_(parameter.grad)
                ahead = parameter.grad.add(momentum, alpha=group["momentum"])
                matrices = ahead.reshape(group["parts"], len(parameter) // group["parts"], -1)
                update = orthogonal(matrices).reshape(parameter.shape)
                parameter.mul_(len(parameter) ** 0.5 / parameter.norm().clamp_(min=1e-7))
                parameter.add_(update, alpha=-group["lr"])


def orthogonal(matrices: Float[Tensor, "n rows columns"]) -> Float[Tensor, "n rows columns"]:
    """Nearly the closest orthogonal matrices: the same singular vectors, all singular values about 1."""
    tall = matrices.shape[1] > matrices.shape[2]
    found = (matrices.mT if tall else matrices).float()
    square = found @ found.mT
    # The Schatten 4-norm bounds the largest singular value more closely than the Frobenius norm: so few of them start
    # too small to be raised to 1.
    bound = torch.linalg.matrix_norm(square, keepdim=True).clamp_(min=1e-14)
    found, square = found / bound.sqrt(), square / bound
    for number, (first, third, fifth) in enumerate(QUINTICS):
        if number:
            square = found @ found.mT
        found = first * found + (third * square + fifth * square @ square) @ found
    return (found.mT if tall else found).to(matrices.dtype)
