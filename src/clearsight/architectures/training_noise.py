"""The noise that a network learns to undo: its kind, and a level for each picture of a batch."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from clearsight.ops.noise import NOISES, check_noise, corrupted

NONE = "none"


def check_levels(noise: str, levels: Sequence[float]) -> None:
    """Raise ValueError for an unknown kind of noise, levels out of its range, or no range of two levels."""
    check_noise(noise, *levels)
    if levels and not (len(levels) == 2 and levels[0] <= levels[1] and levels[1] > 0):
        usual = ",".join(f"{level:g}" for level in NOISES[noise].trained)
        raise ValueError(
            f"levels is {','.join(f'{level:g}' for level in levels)}. Expected the lowest and the highest level of "
            f"{noise} noise in training, such as {usual}."
        )


def with_noise(images: Float[Tensor, "b 3 h w"], noise: str, levels: Sequence[float]) -> Float[Tensor, "b 3 h w"]:
    """Pictures with noise of levels drawn uniformly between the two, each picture its own, by torch's own generator."""
    low, high = levels or NOISES[noise].trained
    return corrupted(images, noise, low + (high - low) * torch.rand(len(images)))
