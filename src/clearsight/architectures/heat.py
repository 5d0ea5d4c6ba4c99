"""Heat: where in a picture a network saw what it answers."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from clearsight.ops.saliency import grad_cam
from clearsight.types import Size


def heat_of(
    feature: Float[Tensor, "b c h w"],
    answer: Callable[[Tensor], Tensor],
    classes: Int[Tensor, "b"],
    size: Size,
) -> Float[Tensor, "b height width"]:
    """Grad-CAM of the last map, resized to the picture: ``answer`` is the rest of the network, ``classes`` whose score.

    Works wherever it is called, also where gradients are switched off.
    """
    with torch.inference_mode(False), torch.enable_grad():
        maps = feature.clone().detach().requires_grad_()
        chosen = answer(maps).float().gather(1, classes.to(maps.device).clone()[:, None])
        (gradients,) = torch.autograd.grad(chosen.sum(), maps)
        heat = grad_cam(maps.detach(), gradients)
        return F.interpolate(heat[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
