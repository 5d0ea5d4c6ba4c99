"""What spoils a picture: Gaussian noise, salt and pepper, masking, blur; each of a level, batched, and seeded."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from clearsight.ops.smoothing import gaussian_blur


@dataclass(frozen=True, kw_only=True)
class Noise:
    """One kind of noise: what its level is, in words, the highest level, and the levels that are usual.

    ``trained`` is the range that a network is trained on, ``judged`` the level it is judged at.
    """

    level: str
    highest: float
    trained: tuple[float, float]
    judged: float


NOISES = {
    "gaussian": Noise(
        level="standard deviation on the scale of 0 to 255", highest=255.0, trained=(0.0, 55.0), judged=25.0
    ),
    "salt-and-pepper": Noise(
        level="share of the pixels that turn black or white", highest=1.0, trained=(0.0, 0.3), judged=0.1
    ),
    "masking": Noise(level="share of the pixels that turn black", highest=1.0, trained=(0.0, 0.75), judged=0.25),
    "blur": Noise(level="standard deviation of the Gaussian in px", highest=20.0, trained=(0.0, 2.0), judged=1.0),
}


def check_noise(noise: str, *levels: float) -> None:
    """Raise ValueError for a kind of noise that is not there, and for levels out of its range."""
    if noise not in NOISES:
        raise ValueError(f"noise is {noise!r}. Expected {', '.join(NOISES)}.")
    kind = NOISES[noise]
    for level in levels:
        if not 0 <= level <= kind.highest:
            raise ValueError(
                f"the level of {noise} noise is {level}. Expected the {kind.level}, from 0 to {kind.highest:g}."
            )


def corrupted(
    images: Float[Tensor, "b 3 h w"],
    noise: str,
    levels: Float[Tensor, "b"],
    generator: torch.Generator | None = None,
) -> Float[Tensor, "b 3 h w"]:
    """Each picture, in [0, 1], with noise of its own level, still in [0, 1] as a camera would give it.

    ``gaussian`` adds independent noise to every channel, and the same to all channels of a picture without colours, as a
    camera without colours would: else their mean would be a better picture than any camera gives. ``salt-and-pepper``
    and ``masking`` (Vincent et al. 2008) strike whole pixels. Draws come from ``generator``, or from torch's global one
    where None.
    """
    assert noise in NOISES
    levels = levels.to(images)
    if noise == "blur":
        return gaussian_blur(images, levels)
    by_picture = levels[:, None, None, None]
    if noise == "gaussian":
        drawn = torch.randn(images.shape, generator=generator, device=_place(images, generator)).to(images)
        grey = (images == images[:, :1]).flatten(1).all(1)[:, None, None, None]
        return (images + torch.where(grey, drawn[:, :1], drawn) * (by_picture / 255)).clamp(0, 1)
    shape = (len(images), 1, *images.shape[2:])
    drawn = torch.rand(shape, generator=generator, device=_place(images, generator)).to(images)
    if noise == "masking":
        return images * (drawn >= by_picture)
    black, white = drawn < by_picture / 2, drawn >= 1 - by_picture / 2
    return torch.where(white, 1.0, torch.where(black, 0.0, images))


def _place(images: Tensor, generator: torch.Generator | None) -> torch.device:
    return images.device if generator is None else generator.device
