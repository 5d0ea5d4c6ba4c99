"""Heat maps: which parts of a picture support the network's prediction."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from clearsight.ops.saliency import grad_cam
from clearsight.types import Size


def heat_of(
    feature: Float[Tensor, "b c h w"],
    head: Callable[[Tensor], Tensor],
    classes: Int[Tensor, "b"],
    size: Size,
) -> Float[Tensor, "b height width"]:
    """Grad-CAM of the last feature map, resized to the picture, for ``classes``; ``head`` is the rest of the network.

    Works under ``no_grad`` and ``inference_mode`` too.
    """
    with torch.inference_mode(False), torch.enable_grad():
        maps = feature.clone().detach().requires_grad_()
        scores = head(maps).float().gather(1, classes.to(maps.device).clone()[:, None])
        (gradients,) = torch.autograd.grad(scores.sum(), maps)
        heat = grad_cam(maps.detach(), gradients)
        return F.interpolate(heat[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
