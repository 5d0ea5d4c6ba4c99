"""Search for latents whose picture, made small, is the picture given (PULSE: Menon et al. 2020, sections 3.2 and 3.3).

Latents stay where the prior is: normal ones on the sphere of radius sqrt(d), around which almost all of a Gaussian of
many dimensions lies; uniform ones in their box; those of a mixture at the distance from 0 at which they were drawn. The
paper's cross term holds the inputs of StyleGAN's layers together; a generator of one vector has nothing to be held.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from clearsight.console.progress import Watch
from clearsight.depixelising.plan import Plan
from clearsight.ops.downscaling import downscaled

PIXELS_AT_ONCE = 2**19  # of pictures searched for together
BETAS, TINY = (0.9, 0.999), 1e-8  # of Adam
SIDE = math.sqrt(3)  # half the side of the box of uniform latents of variance 1
NEAR = 0.99  # of epsilon: rounding to 256 levels adds a little


@dataclass(frozen=True, kw_only=True)
class Searched:
    """The best latents found from each start, their mean squared error, and the steps taken."""

    latents: Float[Tensor, "k d"]
    errors: Float[Tensor, "k"]
    steps: Int[Tensor, "k"]


def starts(network: Any, inputs: int, plan: Plan) -> Float[Tensor, "k d"]:
    """Draws of the prior, ``restarts`` for each input in turn; those of an input depend on its number and the seed."""
    draws = []
    for number in range(inputs):
        random = torch.Generator().manual_seed((plan.seed * 1_000_000_007 + number) % 2**63)
        draws.append(network.latents(plan.restarts, random))
    return torch.cat(draws)


def searched(
    network: Any,
    given: Float[Tensor, "k 3 h w"],
    begun: Float[Tensor, "k d"],
    classes: Int[Tensor, "k"] | None,
    plan: Plan,
    watch: Watch = lambda done, total: None,
) -> Searched:
    """Search from each start for a picture that is the given one when it is made small; all on one device.

    Every search ends for itself, as soon as it is near enough. The network is in evaluation mode and stays as it is.
    """
    height, width = network.config.size
    parts = []
    places = torch.arange(len(given)).split(max(1, PIXELS_AT_ONCE // (height * width)))
    for number, some in enumerate(places):
        some = some.to(given.device)

        def shown(step: int, done: int = number) -> None:
            watch(done * (plan.steps + 1) + step, len(places) * (plan.steps + 1))

        parts.append(_together(network, given[some], begun[some], None if classes is None else classes[some], plan,
                               shown))  # fmt: skip
    return Searched(
        latents=torch.cat([one.latents for one in parts]),
        errors=torch.cat([one.errors for one in parts]),
        steps=torch.cat([one.steps for one in parts]),
    )


def squared_errors(
    pictures: Float[Tensor, "k 3 h w"], given: Float[Tensor, "k 3 h2 w2"], plan: Plan
) -> Float[Tensor, "k"]:
    """The mean squared error of each picture made small, of values in [0, 1]."""
    return (downscaled(pictures, plan.factor, plan.filter) - given).square().mean((1, 2, 3))


def _together(network: Any, given: Tensor, begun: Tensor, classes: Tensor | None, plan: Plan, watch: Any) -> Searched:
    """Adam (Kingma and Ba 2015) on the latents of each row, which leaves when it is near enough."""
    prior = network.latent_prior
    lengths = _lengths(begun, prior)
    latents = _likely(begun, prior, lengths)
    best, errors = latents.clone(), torch.full((len(begun),), float("inf"), device=begun.device)
    taken = torch.zeros(len(begun), dtype=torch.long, device=begun.device)
    first, second = torch.zeros_like(latents), torch.zeros_like(latents)
    rows = torch.arange(len(begun), device=begun.device)
    for step in range(plan.steps + 1):
        error, slope = _slopes(network, latents[rows], given[rows], None if classes is None else classes[rows], plan)
        taken[rows] = step
        better = error < errors[rows]
        errors[rows[better]], best[rows[better]] = error[better], latents[rows[better]]
        far = error > NEAR * plan.epsilon
        rows, slope = rows[far], slope[far]
        watch(step + 1)
        if not len(rows) or step == plan.steps:
            break
        slope = slope if prior == "uniform" else _tangent(slope, latents[rows])
        first[rows] = torch.lerp(slope, first[rows], BETAS[0])
        second[rows] = torch.lerp(slope.square(), second[rows], BETAS[1])
        moves = (first[rows] / (1 - BETAS[0] ** (step + 1))) / (
            (second[rows] / (1 - BETAS[1] ** (step + 1))).sqrt() + TINY
        )
        rate = plan.rate * (1 + math.cos(math.pi * step / plan.steps)) / 2
        latents[rows] = _likely(latents[rows] - rate * moves, prior, lengths[rows])
    return Searched(latents=best, errors=errors, steps=taken)


def _slopes(
    network: Any, latents: Tensor, given: Tensor, classes: Tensor | None, plan: Plan
) -> tuple[Float[Tensor, "k"], Float[Tensor, "k d"]]:
    """The error of each row and its derivative with respect to its latents."""
    with torch.enable_grad():
        asked = latents.detach().requires_grad_()
        error = squared_errors(network.rendered(asked, classes), given, plan)
        (slope,) = torch.autograd.grad(error.sum(), asked)
    return error.detach(), slope


def _lengths(begun: Tensor, prior: str) -> Float[Tensor, "k 1"]:
    """How far from 0 latents stay: sqrt(d) of normal ones, as far as they were drawn of a mixture."""
    if prior == "mixture":
        return begun.norm(dim=1, keepdim=True)
    return torch.full((len(begun), 1), math.sqrt(begun.shape[1]), device=begun.device)


def _likely(latents: Tensor, prior: str, lengths: Tensor) -> Tensor:
    if prior == "uniform":
        return latents.clamp(-SIDE, SIDE)
    return latents * (lengths / latents.norm(dim=1, keepdim=True).clamp(min=TINY))


def _tangent(slope: Tensor, latents: Tensor) -> Tensor:
    """The part of a slope along the sphere: the rest would be undone, and would mislead Adam's moments."""
    along = (slope * latents).sum(1, keepdim=True) / latents.square().sum(1, keepdim=True).clamp(min=TINY)
    return slope - along * latents
