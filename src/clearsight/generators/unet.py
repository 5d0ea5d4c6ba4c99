"""A small U-Net that knows the time (Ronneberger et al. 2015, Ho et al. 2020): a picture in, as many maps out.

Residual blocks with group norms, each told the time and the class by scales and shifts; attention where maps are
coarsest; on the way up every block sees its counterpart from the way down.
"""

from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

GROUP = 8  # channels a norm takes together
EMBEDDING = 4  # times the first width: numbers that say the time and the class
SLOWEST = 1e-4  # frequency of the time's slowest wave, as a share of the fastest
FASTEST = 1000.0  # radians per unit of time


def waves(time: Float[Tensor, "b"], count: int) -> Float[Tensor, "b count"]:
    """Times in [0, 1] as sines and cosines of many frequencies (Vaswani et al. 2017); ``count`` is even."""
    half = count // 2
    powers = torch.arange(half, device=time.device, dtype=torch.float32) / max(half - 1, 1)
    angles = time.float()[:, None] * FASTEST * SLOWEST**powers
    return torch.cat([angles.sin(), angles.cos()], 1)


class Block(nn.Module):
    """Two norms and convolutions beside the identity, scaled and shifted by the embedding; at first the identity."""

    def __init__(self, channels_in: int, channels_out: int, embedding: int) -> None:
        super().__init__()
        self.first_norm = nn.GroupNorm(channels_in // GROUP, channels_in)
        self.first = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.told = nn.Linear(embedding, 2 * channels_out)
        self.second_norm = nn.GroupNorm(channels_out // GROUP, channels_out)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.beside = nn.Identity() if channels_in == channels_out else nn.Conv2d(channels_in, channels_out, 1)
        _zero(self.second)

    def forward(self, feature: Float[Tensor, "b c h w"], embedding: Float[Tensor, "b e"]) -> Float[Tensor, "b k h w"]:
        """The map, refined."""
        inner = self.first(F.silu(self.first_norm(feature)))
        scale, shift = self.told(embedding)[:, :, None, None].chunk(2, 1)
        inner = self.second(F.silu(self.second_norm(inner) * (1 + scale) + shift))
        return self.beside(feature) + inner


class Attention(nn.Module):
    """Every position looks at every other, one head for every 32 channels; at first the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = max(1, width // 32)
        self.norm = nn.GroupNorm(width // GROUP, width)
        self.asked = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        _zero(self.out)

    def forward(self, feature: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The map, with what each position found elsewhere."""
        parts = self.asked(self.norm(feature)).flatten(2).unflatten(1, (3, self.heads, -1)).transpose(3, 4)
        query, key, value = parts.unbind(1)
        found = F.scaled_dot_product_attention(query, key, value)
        return feature + self.out(found.transpose(2, 3).reshape(feature.shape))


class UNet(nn.Module):
    """``widths`` are the channels at each size, finest first, multiples of 8; each size has ``depth`` blocks a way.

    Pictures are first cut into patches of ``patch`` px, so that the finest maps are that much smaller. ``classes`` is
    how many there are; the one after the last means none in particular.
    """

    def __init__(
        self, channels_in: int, channels_out: int, widths: tuple[int, ...], depth: int, patch: int, classes: int
    ) -> None:
        super().__init__()
        self.patch, self.waves = patch, 2 * widths[0]
        told = EMBEDDING * widths[0]
        self.time = nn.Sequential(nn.Linear(self.waves, told), nn.SiLU(), nn.Linear(told, told))
        self.classes = nn.Embedding(classes + 1, told) if classes else None
        self.first = nn.Conv2d(channels_in * patch**2, widths[0], 3, padding=1)
        self.down, self.halvings = nn.ModuleList(), nn.ModuleList()
        self.up, self.doublings = nn.ModuleList(), nn.ModuleList()
        for fine, coarse in zip(widths, (*widths[1:], widths[-1]), strict=True):
            self.down.append(nn.ModuleList(Block(fine, fine, told) for _ in range(depth)))
            self.halvings.append(nn.Conv2d(fine, coarse, 3, 2, padding=1))
            self.up.append(nn.ModuleList(Block(2 * fine, fine, told) for _ in range(depth)))
            self.doublings.append(nn.Conv2d(coarse, fine, 3, padding=1))
        # The coarsest size is halved no further.
        del self.halvings[-1], self.doublings[-1]
        self.middle = nn.ModuleList([Block(widths[-1], widths[-1], told) for _ in range(2)])
        self.attention = Attention(widths[-1])
        self.last_norm = nn.GroupNorm(widths[0] // GROUP, widths[0])
        self.last = nn.Conv2d(widths[0], channels_out * patch**2, 3, padding=1)
        _zero(self.last)

    def forward(
        self, images: Float[Tensor, "b c h w"], time: Float[Tensor, "b"], classes: Tensor | None = None
    ) -> Float[Tensor, "b k h w"]:
        """Maps of the pictures' size, at these times in [0, 1] and of these classes."""
        told = self.time(waves(time, self.waves))
        if self.classes is not None and classes is not None:
            told = told + self.classes(classes)
        told = F.silu(told)
        feature = self.first(F.pixel_unshuffle(_padded(images, self.patch), self.patch))
        kept: list[Tensor] = []
        for level, blocks in enumerate(self.down):
            for block in cast(nn.ModuleList, blocks):
                feature = block(feature, told)
                kept.append(feature)
            if level < len(self.halvings):
                feature = self.halvings[level](feature)
        feature = self.middle[1](self.attention(self.middle[0](feature, told)), told)
        for level in reversed(range(len(self.up))):
            if level < len(self.doublings):
                size = kept[-1].shape[2:]
                feature = self.doublings[level](F.interpolate(feature, size=size, mode="nearest"))
            for block in cast(nn.ModuleList, self.up[level]):
                feature = block(torch.cat([feature, kept.pop()], 1), told)
        maps = F.pixel_shuffle(self.last(F.silu(self.last_norm(feature))), self.patch)
        return maps[:, :, : images.shape[2], : images.shape[3]]


def _padded(images: Tensor, multiple: int) -> Tensor:
    """Pictures with zeros below and to the right, up to a multiple of the patch."""
    below, beside = (-(-side // multiple) * multiple - side for side in images.shape[2:])
    return F.pad(images, (0, beside, 0, below)) if below or beside else images


def _zero(layer: nn.Conv2d) -> None:
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
