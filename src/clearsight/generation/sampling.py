"""Pictures drawn from a generator: a function of the seed and the number of the picture, whatever is drawn with it."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from clearsight.generation.conditions import conditions
from clearsight.generation.pictures import Pictures
from clearsight.generators.latent_paths import spherical

CHUNK = 64  # pictures are always made in whole chunks of so many, so that none depends on how many are asked for


def sampled(
    network: Any,
    count: int,
    seed: int = 0,
    *,
    truncation: float = 1.0,
    classes: Sequence[int] | None = None,
    condition: UInt8[Tensor, "n ..."] | None = None,
    numbers: Sequence[int] | None = None,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> UInt8[Tensor, "n 3 h w"]:
    """``count`` pictures of a generator; those of the same seed and number are the same.

    ``truncation`` scales the latents: below 1 pictures are more typical and less varied. ``classes`` holds the class id
    of each picture, for a conditional generator; ``condition`` the label map or the picture that each is made from, for
    one that is made from these. ``numbers`` says which pictures, the first ``count`` unless given.
    """
    pictures, numbers = [], range(count) if numbers is None else numbers
    for first in range(0, count, CHUNK):
        some = slice(first, first + CHUNK)
        latents = latents_numbered(network, seed, _filled(numbers[some])) * truncation
        wanted = None if classes is None else torch.tensor(_filled(classes[some]))
        given = None if condition is None else condition[_filled(range(len(condition))[some])]
        pictures.append(made_of(network, latents, wanted, given)[: count - first])
        watch(min(count, first + CHUNK), count)
    return torch.cat(pictures) if pictures else torch.empty((0, 3, *network.config.size), dtype=torch.uint8)


def made_like(
    network: Any, real: Pictures, seed: int, classes: int, watch: Callable[[int, int], None], truncation: float = 1.0
) -> Pictures:
    """As many pictures of a generator as there are real ones; the classes of a conditional one in turn.

    One that makes pictures from label maps, or from poorer pictures, makes them from those of the real ones.
    """
    count, config = len(real), network.config
    asked = [k % classes for k in range(count)] if config.conditional else None
    given = conditions(config.made_from, real.images, real.maps)
    images = sampled(network, count, seed, truncation=truncation, classes=asked, condition=given, watch=watch)
    paired = given is not None
    return Pictures(
        images=images,
        ids=tuple(f"generated-{k}" for k in range(count)),
        classes=None if asked is None else torch.tensor(asked),
        clusters=real.clusters if paired else (),
        paired=paired,
    )


def latents_of(network: Any, seed: int, chunk: int) -> Float[Tensor, "n ..."]:
    """The latents of a chunk of pictures."""
    random = torch.Generator().manual_seed((seed * 1_000_000_007 + chunk) % 2**63)
    found: Tensor = network.latents(CHUNK, random)
    return found


def latents_numbered(network: Any, seed: int, numbers: Sequence[int]) -> Float[Tensor, "n ..."]:
    """The latents of the pictures of these numbers."""
    chunks = {chunk: latents_of(network, seed, chunk) for chunk in sorted({number // CHUNK for number in numbers})}
    return torch.stack([chunks[number // CHUNK][number % CHUNK] for number in numbers])


@torch.inference_mode()
def made_of(
    network: Any,
    latents: Float[Tensor, "n ..."],
    classes: Int[Tensor, "n"] | None = None,
    condition: UInt8[Tensor, "n ..."] | None = None,
) -> UInt8[Tensor, "n 3 h w"]:
    """The pictures of these latents in whole grey levels, each of its class and from its label map or picture."""
    device = next(network.parameters()).device
    given = [] if condition is None else [condition.to(device)]
    if condition is not None and condition.ndim == 4:
        given = [given[0].float() / 255]
    images = network.sample(latents.to(device), None if classes is None else classes.to(device), *given)
    return images.float().mul(255).round_().clamp_(0, 255).to(torch.uint8).cpu()


def path_between(
    network: Any,
    seed: int,
    stops: int,
    steps: int,
    *,
    truncation: float = 1.0,
    label: int | None = None,
    condition: UInt8[Tensor, "..."] | None = None,
) -> UInt8[Tensor, "n 3 h w"]:
    """Pictures on a path through ``stops`` latents, ``steps`` from each to the next; it closes where it began.

    Between two latents it follows the great circle and changes length linearly, so that latents on the way are as long
    as those a generator has seen. All are of one class and from one label map or picture, where it asks for these.
    """
    latents = latents_of(network, seed, 0)[:stops]
    shares = torch.arange(steps) / steps
    path = torch.cat([spherical(latents[k], latents[(k + 1) % stops], shares) for k in range(stops)])
    parts = []
    for chunk in (path * truncation).split(CHUNK):
        classes = None if label is None else torch.full((len(chunk),), label)
        given = None if condition is None else condition.expand(len(chunk), *condition.shape)
        parts.append(made_of(network, chunk, classes, given))
    return torch.cat(parts)


def _filled(some: Sequence[int]) -> list[int]:
    """The classes, or the like, of a whole chunk: what is not asked for repeats the last."""
    return [*some, *[some[-1]] * (CHUNK - len(some))]
