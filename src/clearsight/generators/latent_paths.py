"""Pictures along paths through a generator's latents: from one picture to another, and along one latent alone."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from clearsight.types import Generator


def spherical(
    first: Float[Tensor, "*d"], last: Float[Tensor, "*d"], shares: Float[Tensor, "n"]
) -> Float[Tensor, "n *d"]:
    """Points on the great circle between two latents (Shoemake 1985), 0 the first and 1 the last.

    Latents drawn from a normal distribution all lie at about the same distance from 0; a straight line would pass
    closer by, where the generator has seen none. The distance itself goes evenly from the one's to the other's.
    """
    one, other = first.flatten().double(), last.flatten().double()
    near, far = one.norm(), other.norm()
    cosine = torch.dot(one, other) / (near * far).clamp(min=1e-12)
    angle = torch.arccos(cosine.clamp(-1, 1))
    share = shares.double()[:, None].to(one.device)
    if float(angle.sin()) < 1e-6:  # in line, or one of them is 0: there is no one great circle
        points = torch.lerp(one[None], other[None], share)
    else:
        turned = torch.sin((1 - share) * angle) * one / near + torch.sin(share * angle) * other / far
        points = torch.lerp(near, far, share) * turned / angle.sin()
    return points.to(first.dtype).unflatten(1, first.shape)


@torch.no_grad()
def interpolation(
    generator: Generator,
    first: Float[Tensor, "*d"],
    last: Float[Tensor, "*d"],
    steps: int,
    label: int | None = None,
) -> Float[Tensor, "steps 3 h w"]:
    """Pictures from one latent to another, both ends included, of one class where the generator is conditional."""
    if steps < 2:
        raise ValueError(f"an interpolation of {steps} steps was asked for. Expected at least 2, its two ends.")
    points = spherical(first, last, torch.linspace(0, 1, steps))
    return generator.sample(points, _all_of(label, steps, points.device))


@torch.no_grad()
def traversal(
    generator: Generator,
    latent: Float[Tensor, "d"],
    dimension: int,
    values: Float[Tensor, "n"],
    label: int | None = None,
) -> Float[Tensor, "n 3 h w"]:
    """Pictures of one latent vector with one of its numbers set to each value: what that number means."""
    if latent.ndim != 1 or not 0 <= dimension < len(latent):
        raise ValueError(
            f"a traversal of latent {dimension} was asked for, of latents of shape {tuple(latent.shape)}. Expected a "
            f"vector, and one of its positions from 0."
        )
    points = latent.repeat(len(values), 1)
    points[:, dimension] = values.to(points)
    return generator.sample(points, _all_of(label, len(values), points.device))


def _all_of(label: int | None, count: int, device: torch.device) -> Int[Tensor, "n"] | None:
    return None if label is None else torch.full((count,), label, device=device)
