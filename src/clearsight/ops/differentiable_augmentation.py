"""Augmentations that gradients pass through, for both players of a GAN (DiffAugment, Zhao et al. 2020).

Where the discriminator sees only augmented pictures, real and made, it cannot learn the few real ones by heart, and the
generator is still drawn towards pictures that are not augmented, as long as an augmentation leaves some of them as they
are or could be undone on average. Each picture has draws of its own, from torch's global generator.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

# Strengths of the paper: brightness moves by up to half a unit either way, saturation is scaled by 0 to 2, contrast by
# 0.5 to 1.5, and:
SHIFT = 0.125  # of each side, either way
CUT = 0.5  # of each side


@dataclass(frozen=True, kw_only=True)
class DifferentiableAugmentation:
    """Colour (brightness, saturation, contrast), translation, and cutout, each on or off.

    Pictures may be in [0, 1] or [-1, 1]; a brightness of half a unit weighs more in the former. Leave out colour where
    colour tells what a picture shows, and cutout where a part of it does.
    """

    colour: bool = False
    translation: bool = False
    cutout: bool = False

    def __call__(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The pictures, augmented by what is on, each by its own draws; what is off draws nothing."""
        if self.colour:
            images = recoloured(images, self._draws(images, 3))
        if self.translation:
            images = translated(images, self._draws(images, 2))
        if self.cutout:
            images = cut_out(images, self._draws(images, 2))
        return images

    @staticmethod
    def _draws(images: Tensor, count: int) -> Tensor:
        """Numbers in [0, 1), drawn on the CPU, whose random state a checkpoint keeps."""
        return torch.rand(count, len(images)).to(images.device)


def recoloured(images: Float[Tensor, "b c h w"], draws: Float[Tensor, "3 b"]) -> Float[Tensor, "b c h w"]:
    """Brightness added, then saturation and contrast multiplied, about the pixel's and the picture's mean."""
    brightness, saturation, contrast = draws.to(images.dtype)[:, :, None, None, None]
    images = images + (brightness - 0.5)
    if images.shape[1] > 1:
        grey = images.mean(1, keepdim=True)
        images = grey + (images - grey) * (2 * saturation)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * (0.5 + contrast)


def translated(images: Float[Tensor, "b c h w"], draws: Float[Tensor, "2 b"]) -> Float[Tensor, "b c h w"]:
    """Moved by whole pixels, up to an eighth of each side; what comes in is 0."""
    height, width = images.shape[2:]
    edge_y, edge_x = round(height * SHIFT), round(width * SHIFT)
    down, right = _whole(draws[0], -edge_y, edge_y), _whole(draws[1], -edge_x, edge_x)
    padded = F.pad(images, (edge_x, edge_x, edge_y, edge_y))
    rows = torch.arange(height, device=images.device)[None] + edge_y - down[:, None]
    columns = torch.arange(width, device=images.device)[None] + edge_x - right[:, None]
    picture = torch.arange(len(images), device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def cut_out(images: Float[Tensor, "b c h w"], draws: Float[Tensor, "2 b"]) -> Float[Tensor, "b c h w"]:
    """A rectangle of half of each side set to 0, its centre anywhere in the picture."""
    height, width = images.shape[2:]
    inside = []
    for draw, side in zip(draws, (height, width), strict=True):
        cut = round(side * CUT)
        first = _whole(draw, 0, side - 1) - cut // 2
        at = torch.arange(side, device=images.device)[None]
        inside.append((at >= first[:, None]) & (at < first[:, None] + cut))
    kept = ~(inside[0][:, :, None] & inside[1][:, None, :])
    return images * kept[:, None].to(images.dtype)


def _whole(draw: Float[Tensor, "b"], lowest: int, highest: int) -> Tensor:
    """Draws in [0, 1) as whole numbers, both ends included, all equally likely."""
    return (draw * (highest - lowest + 1)).long().clamp_(max=highest - lowest) + lowest
