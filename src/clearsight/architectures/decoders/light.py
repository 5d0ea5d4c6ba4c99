"""Light: a feature pyramid with pyramid pooling of its coarsest map, made for minutes on a CPU.

The maps are projected to one width and added from coarse to fine (Lin et al. 2017, FPN), the coarsest after pyramid
pooling (Zhao et al. 2017, PSPNet: averages over grids of 1, 2, 3 and 6 cells); the pyramid's levels are then added at
the finest (Kirillov et al. 2019, semantic FPN). What differs: 3x3 convolutions are grouped and followed by 1x1, one
per level, and levels are added before the last block, which runs once.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.architectures.layers import Block, ConvNorm, Double

GRIDS = (1, 2, 3, 6)


class Light(nn.Module):
    """Laterals, context, pyramid, sum, score; ``width`` channels everywhere."""

    upsampling: ClassVar[str] = "resize"

    def __init__(self, channels: tuple[int, ...], width: int, classes: int, upsampling: str) -> None:
        super().__init__()
        self.context = Context(channels[-1], width)
        self.lateral = nn.ModuleList(ConvNorm(count, width, 1) for count in channels[-2::-1])
        self.doublings = nn.ModuleList(_upsampling(width, upsampling) for _ in self.lateral)
        self.blocks = nn.ModuleList(Block(width) for _ in self.lateral)
        self.last = Block(width)
        self.score = nn.Conv2d(width, classes, 1)

    def forward(self, maps: list[Tensor]) -> Float[Tensor, "b c h w"]:
        """Logits at the finest map's size."""
        *finer, coarsest = maps
        levels = [self.context(coarsest)]
        steps = zip(self.lateral, self.doublings, self.blocks, reversed(finer), strict=True)
        for lateral, double, block, skip in steps:
            levels.append(block(lateral(skip) + double(levels[-1], skip.shape[2:])))
        return self.score(self.last(_sum(levels)))


class Context(nn.Module):
    """Pyramid pooling: the map concatenated with its averages over coarse grids, projected to ``width`` channels."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        part = max(width // len(GRIDS), 1)
        self.parts = nn.ModuleList(nn.Sequential(nn.Conv2d(channels, part, 1), nn.SiLU(inplace=True)) for _ in GRIDS)
        self.mix = ConvNorm(channels + part * len(GRIDS), width, 1)

    def forward(self, feature: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        """The map with global context."""
        means = [part(F.adaptive_avg_pool2d(feature, grid)) for part, grid in zip(self.parts, GRIDS, strict=True)]
        return self.mix(torch.cat([feature, *(_resized(mean, feature) for mean in means)], 1))


class Resize(nn.Module):
    """Bilinear interpolation; the convolution of the resize-convolution is the block that follows."""

    def forward(self, feature: Tensor, size: tuple[int, int]) -> Tensor:
        """The map at ``size``."""
        return F.interpolate(feature, size=size, mode="bilinear", align_corners=False)


def _upsampling(width: int, upsampling: str) -> nn.Module:
    return Resize() if upsampling == "resize" else Double(width, width, upsampling, groups=width)


def _sum(levels: list[Tensor]) -> Tensor:
    """Levels, coarse to fine, added at the finest; each sum is computed at the coarser size, where it is cheap."""
    total = levels[0]
    for level in levels[1:]:
        total = level + _resized(total, level)
    return total


def _resized(feature: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(feature, size=like.shape[2:], mode="bilinear", align_corners=False)
