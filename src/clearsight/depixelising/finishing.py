"""What may follow a search that ended too far away: the generator fine-tuned for one picture, or a projection."""

import copy
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from clearsight.console.progress import Watch
from clearsight.depixelising.plan import NOTHING, PROJECTION, Plan
from clearsight.depixelising.searching import NEAR, squared_errors
from clearsight.ops.consistency import consistent

TUNING_STEPS, TUNING_RATE = 100, 1e-3
KEPT = 0.1  # the weight of keeping to the picture that was found


def finished(
    network: Any,
    pictures: Float[Tensor, "k 3 h w"],
    given: Float[Tensor, "k 3 h2 w2"],
    latents: Float[Tensor, "k d"],
    classes: Int[Tensor, "k"] | None,
    plan: Plan,
    watch: Watch = lambda done, total: None,
) -> Float[Tensor, "k 3 h w"]:
    """The pictures as the plan's ``finish`` leaves them; ``latents`` are what they were made of."""
    if plan.finish == NOTHING or not len(pictures):
        return pictures
    if plan.finish == PROJECTION:
        return consistent(pictures, given, plan.filter)
    return _fine_tuned(network, pictures, given, latents, classes, plan, watch)


def _fine_tuned(
    network: Any, pictures: Tensor, given: Tensor, latents: Tensor, classes: Tensor | None, plan: Plan, watch: Watch
) -> Tensor:
    """Each picture by weights of its own, tuned around the latents found (pivotal tuning, Roich et al. 2021).

    Only the small picture is known, so that the paper's term to keep to the generator is taken of the picture found.
    """
    own, kept = copy.deepcopy(network), network.state_dict()
    weights = list(own.parameters())
    found = []
    for row in range(len(pictures)):
        own.load_state_dict(kept)
        for weight in weights:
            weight.requires_grad_(True)
        asked = None if classes is None else classes[row : row + 1]
        optimizer = torch.optim.Adam(weights, lr=TUNING_RATE)
        best, least = pictures[row : row + 1], float("inf")
        for _ in range(TUNING_STEPS + 1):
            with torch.enable_grad():
                picture = own.rendered(latents[row : row + 1], asked)
                error = squared_errors(picture, given[row : row + 1], plan).mean()
                loss = error + KEPT * (picture - pictures[row : row + 1]).square().mean()
            if float(error) < least:
                best, least = picture.detach(), float(error)
            if least <= NEAR * plan.epsilon:
                break
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        found.append(best)
        watch(row + 1, len(pictures))
    return torch.cat(found)
