"""Where a network looked: maps of what spoke for an answer."""

import torch
from jaxtyping import Float
from torch import Tensor


def grad_cam(activations: Float[Tensor, "b c h w"], gradients: Float[Tensor, "b c h w"]) -> Float[Tensor, "b h w"]:
    """Grad-CAM (Selvaraju et al. 2017, equations 1 and 2): channels weighted by their mean gradient, what is positive.

    ``gradients`` are those of the answer's output by ``activations``. Each picture's heat is in [0, 1], its highest
    1; all 0 where nothing spoke for the answer.
    """
    weights = gradients.float().mean((2, 3), keepdim=True)
    heat = (weights * activations.float()).sum(1).clamp(min=0)
    highest = heat.amax((1, 2), keepdim=True)
    return torch.where(highest > 0, heat / highest.clamp(min=torch.finfo(heat.dtype).tiny), 0)
