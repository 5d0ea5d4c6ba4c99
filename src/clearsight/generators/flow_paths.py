"""From noise to pictures along velocities: pairing the two in training, following the velocity in sampling."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

SAMPLERS = ("euler", "heun")
Velocity = Callable[[Tensor, Tensor], Tensor]


def optimally_paired(
    noise: Float[Tensor, "b c h w"], images: Float[Tensor, "b c h w"], classes: Int[Tensor, "b"] | None = None
) -> Float[Tensor, "b c h w"]:
    """The noise in the order in which all pairs together are closest, in squares (Tong et al. 2024).

    Paths then cross less, so they are straighter. With classes, noise is exchanged only among pictures of one class:
    else each class would learn from noise of one region, and be asked for pictures from all of it.
    """
    paired = noise.clone()
    groups = torch.zeros(len(noise), device=noise.device, dtype=torch.long) if classes is None else classes
    for group in groups.unique():
        (where,) = torch.nonzero(groups == group, as_tuple=True)
        cost = torch.cdist(images[where].flatten(1).double(), noise[where].flatten(1).double()).square()
        _, order = linear_sum_assignment(cost.cpu().numpy())
        paired[where] = noise[where[torch.as_tensor(order, device=where.device)]]
    return paired


def integrated(
    velocity: Velocity, start: Float[Tensor, "n *d"], steps: int, sampler: str = "heun"
) -> Float[Tensor, "n *d"]:
    """Where ``start`` is at time 1, moved from time 0 by ``velocity(x, time)`` in equal steps.

    "euler" asks for the velocity once a step; its error falls with the number of steps. "heun" asks twice, and takes
    the mean of the velocities at both ends of the step; its error falls with the square.
    """
    assert sampler in SAMPLERS
    x = start
    for step in range(steps):
        here = torch.full((len(x),), step / steps, device=x.device, dtype=x.dtype)
        there = torch.full((len(x),), (step + 1) / steps, device=x.device, dtype=x.dtype)
        first = velocity(x, here)
        if sampler == "heun":
            first = (first + velocity(x + first / steps, there)) / 2
        x = x + first / steps
    return x
