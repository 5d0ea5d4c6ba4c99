"""Saliency maps: which parts of a picture support a prediction."""

import torch
from jaxtyping import Float
from torch import Tensor


def grad_cam(activations: Float[Tensor, "b c h w"], gradients: Float[Tensor, "b c h w"]) -> Float[Tensor, "b h w"]:
    """Grad-CAM (Selvaraju et al. 2017, equations 1 and 2): channels weighted by their mean gradient, then ReLU.

    ``gradients`` are those of the class score with respect to ``activations``. Each map is in [0, 1], its maximum 1;
    all 0 where no weighted sum is positive.
    """
    weights = gradients.float().mean((2, 3), keepdim=True)
    heat = (weights * activations.float()).sum(1).clamp(min=0)
    highest = heat.amax((1, 2), keepdim=True)
    return torch.where(highest > 0, heat / highest.clamp(min=torch.finfo(heat.dtype).tiny), 0)
