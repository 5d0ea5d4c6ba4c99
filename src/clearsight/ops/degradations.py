"""What a network is given of a picture: the picture with noise, without its colour, or smaller by a whole factor."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from clearsight.ops import colour_measures, noise, similarity
from clearsight.ops.consistency import in_levels
from clearsight.ops.downscaling import BOX, DOWNSCALINGS, downscaled
from clearsight.ops.lab import grey_of

Pictures = Float[Tensor, "b 3 h w"]
Measures = dict[str, Float[Tensor, "b"]]
TRUE = "true "  # the same of the original


@dataclass(frozen=True, kw_only=True)
class Noisy:
    """The picture with noise: a kind of ``ops.noise`` and its level."""

    noise: str
    level: float
    factor: ClassVar[int] = 1
    work: ClassVar[str] = "remove noise from pictures"

    def __post_init__(self) -> None:
        noise.check_noise(self.noise, self.level)

    def __str__(self) -> str:
        return f"{self.noise} noise of level {self.level:g} ({noise.NOISES[self.noise].level})"

    def __call__(self, images: Pictures, random: torch.Generator) -> Pictures:
        """The pictures with noise, still in [0, 1]."""
        return noise.corrupted(images, self.noise, torch.full((len(images),), self.level), random)

    def measures(self, found: Pictures, true: Pictures) -> Measures:
        """Nothing beyond what every picture is measured by."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Grey:
    """The picture without its colour: a* and b* are 0, and L* is kept."""

    factor: ClassVar[int] = 1
    work: ClassVar[str] = "colour black-and-white pictures"

    def __str__(self) -> str:
        return "pictures without their colour (L* alone)"

    def __call__(self, images: Pictures, random: torch.Generator) -> Pictures:
        """The grey pictures."""
        return grey_of(images)

    def measures(self, found: Pictures, true: Pictures) -> Measures:
        """The error in ab, and of each picture and its original how colourful it is and its mean tone."""
        by_side = {"": found, TRUE: true}
        return {
            "error in ab": colour_measures.error_in_ab(found, true),
            **{f"{side}colourfulness": colour_measures.colourfulness(one) for side, one in by_side.items()},
            **{f"{side}{name}": tone for side, one in by_side.items() for name, tone in
               colour_measures.tones(one).items()},
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Smaller:
    """The picture with ``factor`` times fewer rows and columns (see ``ops.downscaling``)."""

    factor: int
    filter: str = BOX

    def __post_init__(self) -> None:
        if self.factor < 2:
            raise ValueError(f"the factor is {self.factor}. Expected a whole number from 2 on, such as 4.")
        if self.filter not in DOWNSCALINGS:
            raise ValueError(f"the filter is {self.filter!r}. Expected {', '.join(DOWNSCALINGS)}.")

    def __str__(self) -> str:
        return f"pictures {self.factor} times smaller ({self.filter})"

    @property
    def work(self) -> str:
        """What undoes it, in words."""
        return f"make pictures {self.factor} times larger"

    def __call__(self, images: Pictures, random: torch.Generator) -> Pictures:
        """The smaller pictures."""
        return downscaled(images, self.factor, self.filter)

    def measures(self, found: Pictures, true: Pictures) -> Measures:
        """The consistency: the PSNR in dB of the enlarged picture made small again, against what was given."""
        given = in_levels(downscaled(true, self.factor, self.filter))
        return {"consistency": similarity.psnr(downscaled(found, self.factor, self.filter), given)}
