"""How likely a picture is under what a decoder says of its pixels: log likelihoods in nats, summed over all pixels.

Each distribution takes the decoder's maps and pictures in [0, 1] and gives one number per picture. They are sums and
never means: with a mean, the divergence of the latents weighs hundreds of times too much, and the latents die.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clearsight.ops.discretised_logistic import LEVELS, log_mass

SMALLEST_VARIANCE = (
    1e-6  # a fortieth of a grey level, squared: pictures of one colour must not give infinite likelihood
)


def bernoulli(maps: Float[Tensor, "b c h w"], images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b"]:
    """Log probability of binary pictures; ``maps`` are logits."""
    return -F.binary_cross_entropy_with_logits(maps, images, reduction="none").flatten(1).sum(1)


def gaussian(
    maps: Float[Tensor, "b c h w"], images: Float[Tensor, "b c h w"], variance: Float[Tensor, ""]
) -> Float[Tensor, "b"]:
    """Log density of pictures; ``maps`` are means, and all pixels share one variance."""
    squares = (images - maps).square().flatten(1)
    return -0.5 * (squares.sum(1) / variance + squares.shape[1] * torch.log(2 * math.pi * variance))


def optimal_variance(maps: Float[Tensor, "b c h w"], images: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """The variance under which these pictures are most likely: their mean squared error (Rybkin et al. 2021).

    A constant to the gradient: at the optimum the likelihood does not change with the variance, so none is lost.
    """
    return (images - maps).detach().square().mean().clamp(min=SMALLEST_VARIANCE)


def discretised_logistic(maps: Float[Tensor, "b c2 h w"], images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b"]:
    """Log probability of pictures of 256 levels (Salimans et al. 2017, with one component).

    The first half of the ``maps`` are means, for pixels that go from -1 to 1; the second half are log scales. Each
    level owns the logistic's mass within half a level of it, the outermost two all the mass beyond.
    """
    mean, log_scale = maps.chunk(2, 1)
    levels = (images * (LEVELS - 1)).round()
    return log_mass(levels, mean, log_scale).flatten(1).sum(1)
