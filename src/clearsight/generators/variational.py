"""The variational bound and its parts (Kingma and Welling 2014), and the tighter one of several samples (IWAE).

All in nats. ``n`` are pictures, ``k`` samples of the latents of each, ``d`` latents.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def divergences(mean: Float[Tensor, "n d"], log_variance: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """The Kullback-Leibler divergence of each latent's posterior from the standard normal, in closed form."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def with_free_bits(divergence: Float[Tensor, "n d"], free_nats: float) -> Float[Tensor, ""]:
    """The divergence summed over latents, averaged over pictures; below ``free_nats`` a latent costs the same.

    So there is no gain in a latent that says less than that (Kingma et al. 2016, section C.8). With 0 it is the plain
    divergence.
    """
    return divergence.mean(0).clamp(min=free_nats).sum()


def draw(
    mean: Float[Tensor, "n d"],
    log_variance: Float[Tensor, "n d"],
    samples: int,
    random: torch.Generator | None = None,
) -> Float[Tensor, "k n d"]:
    """Samples of the posterior, differentiable in its parameters; by torch's global generator unless one is given."""
    device = mean.device if random is None else random.device
    noise = torch.randn(samples, *mean.shape, generator=random, device=device, dtype=mean.dtype).to(mean.device)
    return mean + (0.5 * log_variance).exp() * noise


def log_ratio(
    latents: Float[Tensor, "k n d"], mean: Float[Tensor, "n d"], log_variance: Float[Tensor, "n d"]
) -> Float[Tensor, "k n"]:
    """log p(z) - log q(z | x): the standard normal's density over the posterior's."""
    standard = (latents - mean).square() * torch.exp(-log_variance)
    return 0.5 * (standard + log_variance - latents.square()).sum(-1)


def log_mean_exp(values: Float[Tensor, "k n"]) -> Float[Tensor, "n"]:
    """log of the mean over samples of exp: of log weights, the importance-weighted bound (Burda et al. 2016)."""
    return torch.logsumexp(values, 0) - math.log(len(values))


def log_evidence(
    mean: Float[Tensor, "n d"],
    log_variance: Float[Tensor, "n d"],
    log_likelihoods: Callable[[Float[Tensor, "k n d"]], Float[Tensor, "k n"]],
    samples: int,
    at_once: int,
    random: torch.Generator,
) -> Float[Tensor, "n"]:
    """log p(x) of each picture by importance sampling, in float64, with ``at_once`` samples of each in memory.

    A lower bound in expectation, closer the more samples there are.
    """
    total = torch.full((len(mean),), -math.inf, dtype=torch.float64, device=mean.device)
    for first in range(0, samples, at_once):
        latents = draw(mean, log_variance, min(at_once, samples - first), random)
        weights = log_likelihoods(latents) + log_ratio(latents, mean, log_variance)
        total = torch.logaddexp(total, torch.logsumexp(weights.double(), 0))
    return total - math.log(samples)
