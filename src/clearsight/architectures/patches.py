"""Squares cut from training pictures, for networks that work at any size."""

import torch
from jaxtyping import Float
from torch import Tensor


def patch(images: Float[Tensor, "b 3 h w"], side: int) -> Float[Tensor, "b 3 h2 w2"]:
    """The same square of all pictures, drawn by torch's own generator; whole pictures where they are no larger."""
    height, width = images.shape[2:]
    tall, wide = min(side, height), min(side, width)
    top, left = (int(torch.randint(room + 1, ())) for room in (height - tall, width - wide))
    return images[:, :, top : top + tall, left : left + wide].contiguous(memory_format=torch.channels_last)
