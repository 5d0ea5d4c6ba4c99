"""What the networks of two players have in common: what they are shown, what they make it of, how they are trained.

Classes are one-hot rows (see ``asked_classes``), of no column where the network is not conditional.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from clearsight.generators.canvas import Canvas, check_built, check_labels
from clearsight.types import Training, Truth

# Penalties on gradients need derivatives of derivatives, so float32. With flips it would learn to make mirror images.
TRAINING = Training(
    weight_decay=0.0, warmup_share=0.0, ema_share=0.02, clip_norm=1000.0, size_px=64, enlarge=False, zoom=(1.0, 1.0),
    brightness=0.0, flips="none", precision="float32",
)  # fmt: skip


def settled(config: Any, truths: Iterable[Truth]) -> Any:
    """The config, checked: pictures of a known size and known channels, and labels where they are needed."""
    check_labels(config, truths)
    check_built(config)
    return config


def number_of_classes(canvas: Canvas, class_names: tuple[str, ...]) -> int:
    """How many classes can be asked for: none where the network is not conditional."""
    return len(class_names) if canvas.conditional else 0


def uniform_noise(count: int, dimension: int, random: torch.Generator | None = None) -> Float[Tensor, "n z"]:
    """Noise uniform about 0 with variance 1, from the generator given or torch's own."""
    return (2 * torch.rand(count, dimension, generator=random) - 1) * math.sqrt(3)


def with_planes(images: Float[Tensor, "b c h w"], classes: Float[Tensor, "b k"]) -> Float[Tensor, "b c_k h w"]:
    """Pictures with a plane for each class behind their channels, 1 in that of their own (Mirza and Osindero 2014)."""
    if not classes.shape[1]:
        return images
    return torch.cat([images, classes[:, :, None, None].expand(-1, -1, *images.shape[2:])], 1)
