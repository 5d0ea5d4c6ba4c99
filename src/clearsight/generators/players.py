"""What the networks of two players have in common: what they are shown, of which class, and what they make it of.

Classes are one-hot rows, of no column where the network is not conditional, so that they can always be appended.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from clearsight.generators.canvas import Canvas, check_labels
from clearsight.types import Batch, Label, Size, Training, Truth

DISCRIMINATOR, CRITIC, GENERATOR = "discriminator", "critic", "generator"


def settled(config: Any, truths: Iterable[Truth]) -> Any:
    """The config, checked: pictures of a known size and known channels, and labels where they are needed."""
    check_labels(config, truths)
    size_of(config)
    return config


def size_of(canvas: Canvas) -> Size:
    """Height and width; raises ValueError where they or the channels are not known yet."""
    if not canvas.size or not canvas.channels:
        raise ValueError(
            f"size is {canvas.size} and channels is {canvas.channels}. Expected those of the training pictures before "
            "the network is built."
        )
    height, width = canvas.size
    return height, width


def number_of_classes(canvas: Canvas, class_names: tuple[str, ...]) -> int:
    """How many classes can be asked for: none where the network is not conditional."""
    return len(class_names) if canvas.conditional else 0


def shown_classes(batch: Batch, classes: int) -> Float[Tensor, "b k"]:
    """The classes of a batch's pictures as one-hot rows; raises ValueError where one is missing."""
    if not classes:
        return batch.images.new_zeros(len(batch.images), 0)
    indices = [truth.index if isinstance(truth, Label) else -1 for truth in batch.truths]
    if min(indices) < 0:
        raise ValueError("a picture names no class, and the generator is conditional. Expected a class for each.")
    return F.one_hot(torch.tensor(indices), classes).to(batch.images)


def asked_classes(asked: Int[Tensor, "n"] | None, latents: Float[Tensor, "n z"], classes: int) -> Float[Tensor, "n k"]:
    """The classes that are asked for as one-hot rows; raises ValueError where they do not fit the network."""
    count = len(latents)
    if not classes:
        if asked is not None:
            raise ValueError("classes are asked for, and this generator was trained without. Leave the classes out.")
        return latents.new_zeros(count, 0)
    if asked is None or len(asked) != count:
        said = "none" if asked is None else str(len(asked))
        raise ValueError(f"{said} of {count} pictures have a class. Expected a class for each: it is conditional.")
    if count and (int(asked.min()) < 0 or int(asked.max()) >= classes):
        raise ValueError(f"classes {sorted(set(asked.tolist()))} are asked for. Expected 0 to {classes - 1}.")
    return F.one_hot(asked.long(), classes).to(latents)


def uniform_noise(count: int, dimension: int, random: torch.Generator | None = None) -> Float[Tensor, "n z"]:
    """Noise uniform about 0 with variance 1, from the generator given or torch's own."""
    return (2 * torch.rand(count, dimension, generator=random) - 1) * math.sqrt(3)


def with_planes(images: Float[Tensor, "b c h w"], classes: Float[Tensor, "b k"]) -> Float[Tensor, "b c_k h w"]:
    """Pictures with a plane for each class behind their channels, 1 in that of their own (Mirza and Osindero 2014)."""
    if not classes.shape[1]:
        return images
    return torch.cat([images, classes[:, :, None, None].expand(-1, -1, *images.shape[2:])], 1)


def adam(network: nn.Module, player: str, training: Training, betas: tuple[float, float]) -> Optimizer:
    """Adam for a player's weights, without weight decay; ``highest`` of its group is the peak learning rate."""
    weights = list(network.get_submodule(player).parameters())
    groups = [{"params": weights, "highest": training.learning_rate}]
    return Adam(groups, lr=training.learning_rate, betas=betas, fused=True)
