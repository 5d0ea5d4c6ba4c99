"""What a corruption is, and how it is applied: the same bytes for the same seed, picture and severity.

The kinds of corruption and their five severities follow Hendrycks & Dietterich 2019 ("Benchmarking Neural Network
Robustness to Common Corruptions and Perturbations"); those of light and weather that they have not are said in their
own files. The levels are this package's own, so scores are not comparable with published ones. Lengths are stated for
a picture whose shorter side is 224 px, and grow and shrink with it, but not below what they are at 64 px: a blur covers
the same share of any picture, and is seen in small ones too.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from clearsight.types import Size

SEVERITIES = (1, 2, 3, 4, 5)
REFERENCE_PX, SMALL_PX = 224, 64
Family = Literal["noise", "blur", "weather", "light", "digital"]
FAMILIES: tuple[Family, ...] = ("noise", "blur", "weather", "light", "digital")

Pixels = Float[np.ndarray, "3 h w"]
Displacements = Float[np.ndarray, "2 h w"]


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """One kind of damage: ``spoil(pixels, level, random)`` gives the damaged pixels, in [0, 1] before and after.

    ``level`` says what the five ``levels`` are, the least first; what ``spoil`` gives beyond [0, 1] is clipped. One
    that moves the content has ``displace(size, level, random)``: for each pixel of the outcome how far down and to the
    right, in px, the content lies that is shown there, so that the truth can be moved alike (see ``moved_truths``). It
    must be the same function of the relative position at any size.
    """

    name: str
    family: Family
    level: str
    levels: tuple[float, float, float, float, float]
    spoil: Callable[[Pixels, float, np.random.Generator], Pixels]
    displace: Callable[[Size, float, np.random.Generator], Displacements] | None = None

    def __call__(
        self, image: UInt8[Tensor, "3 h w"], severity: int, id: str = "", seed: int = 0
    ) -> UInt8[Tensor, "3 h w"]:
        """The damaged picture; ``id`` and ``seed`` draw what is random, the same for all severities."""
        pixels = image.numpy().astype(np.float32) / 255
        spoiled = self.spoil(pixels, self.at(severity), self.random(id, seed))
        return torch.from_numpy((np.clip(spoiled, 0, 1) * 255).round().astype(np.uint8))

    def displacements(self, size: Size, severity: int, id: str = "", seed: int = 0) -> Displacements | None:
        """How far the content was moved in a picture of this size; None where it stays."""
        if self.displace is None:
            return None
        return self.displace(size, self.at(severity), self.random(id, seed))

    def at(self, severity: int) -> float:
        """The level of a severity; raises ValueError for one that is not 1 to 5."""
        if severity not in SEVERITIES:
            raise ValueError(f"severity is {severity}. Expected a whole number from 1 to 5.")
        return self.levels[severity - 1]

    def random(self, id: str, seed: int) -> np.random.Generator:
        """The random numbers of one picture."""
        words = "\0".join((self.name, id, str(seed))).encode("utf-8", "surrogatepass")
        return np.random.default_rng(int.from_bytes(hashlib.sha256(words).digest()[:8], "big"))


def scaled(level_px: float, pixels: Pixels) -> float:
    """A length that was stated for a shorter side of 224 px, in the pixels of this picture."""
    return level_px * max(SMALL_PX, min(pixels.shape[1:])) / REFERENCE_PX
