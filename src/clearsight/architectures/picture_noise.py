"""Noise that belongs to a picture: a function of the seed and the pixels alone, whatever is drawn beside it."""

import hashlib
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def noise_for(images: Float[Tensor, "b 3 h w"], seed: int, number: int, shape: Sequence[int]) -> Float[Tensor, "b ..."]:
    """Standard normal noise of ``shape`` for each picture in [0, 1], on the processor.

    The same seed, number of the draw and picture, in 256 levels, give the same noise; where one of them differs, it is
    independent.
    """
    found = []
    for image in (images.detach().float() * 255).round().clamp(0, 255).to(torch.uint8).cpu():
        words = f"{seed} {number} {tuple(image.shape)} ".encode() + image.contiguous().numpy().tobytes()
        digest = hashlib.blake2b(words, digest_size=7).digest()
        random = torch.Generator().manual_seed(int.from_bytes(digest, "big"))
        found.append(torch.randn(tuple(shape), generator=random))
    return torch.stack(found) if found else torch.zeros(0, *shape)
