"""Pictures drawn from a generator: a function of the seed and the number of the picture, whatever is drawn with it."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from clearsight.generators.latent_paths import spherical

CHUNK = 64  # pictures are always made in whole chunks of so many, so that none depends on how many are asked for


def sampled(
    network: Any,
    count: int,
    seed: int = 0,
    *,
    truncation: float = 1.0,
    classes: Sequence[int] | None = None,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> UInt8[Tensor, "n 3 h w"]:
    """``count`` pictures of a generator; those of the same seed and number are the same.

    ``truncation`` scales the latents: below 1 pictures are more typical and less varied. ``classes`` holds the class id
    of each picture, for a conditional generator.
    """
    pictures = []
    for first in range(0, count, CHUNK):
        latents = latents_of(network, seed, first // CHUNK) * truncation
        wanted = None if classes is None else torch.tensor(_filled(classes[first : first + CHUNK]))
        pictures.append(made_of(network, latents, wanted)[: count - first])
        watch(min(count, first + CHUNK), count)
    return torch.cat(pictures) if pictures else torch.empty((0, 3, *network.config.size), dtype=torch.uint8)


def latents_of(network: Any, seed: int, chunk: int) -> Float[Tensor, "n ..."]:
    """The latents of a chunk of pictures."""
    random = torch.Generator().manual_seed((seed * 1_000_000_007 + chunk) % 2**63)
    found: Tensor = network.latents(CHUNK, random)
    return found


@torch.inference_mode()
def made_of(
    network: Any, latents: Float[Tensor, "n ..."], classes: Int[Tensor, "n"] | None = None
) -> UInt8[Tensor, "n 3 h w"]:
    """The pictures of these latents in whole grey levels."""
    device = next(network.parameters()).device
    images = network.sample(latents.to(device), None if classes is None else classes.to(device))
    return images.float().mul(255).round_().clamp_(0, 255).to(torch.uint8).cpu()


def path_between(
    network: Any, seed: int, stops: int, steps: int, *, truncation: float = 1.0, label: int | None = None
) -> UInt8[Tensor, "n 3 h w"]:
    """Pictures on a path through ``stops`` latents, ``steps`` from each to the next; it closes where it began.

    Between two latents it follows the great circle and changes length linearly, so that latents on the way are as long
    as those a generator has seen.
    """
    latents = latents_of(network, seed, 0)[:stops]
    shares = torch.arange(steps) / steps
    path = torch.cat([spherical(latents[k], latents[(k + 1) % stops], shares) for k in range(stops)])
    parts = []
    for chunk in (path * truncation).split(CHUNK):
        classes = None if label is None else torch.full((len(chunk),), label)
        parts.append(made_of(network, chunk, classes))
    return torch.cat(parts)


def _filled(classes: Sequence[int]) -> list[int]:
    """The classes of a whole chunk: what is not asked for repeats the last."""
    return [*classes, *[classes[-1]] * (CHUNK - len(classes))]
