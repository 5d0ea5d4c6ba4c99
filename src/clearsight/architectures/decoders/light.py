"""Light: a feature pyramid that looks at the whole picture once, made for minutes on a CPU.

The maps are brought to one width and added from coarse to fine (Lin et al. 2017, FPN), the coarsest after it has been
told what all of it shows (Zhao et al. 2017, PSPNet: means over grids of 1, 2, 3 and 6 cells); the pyramid's levels are
then added at the finest (Kirillov et al. 2019, semantic FPN). What differs: 3x3 convolutions are grouped ones followed
by 1x1, one per level, and levels are added before the last block, which runs once.
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
        self.doublings = nn.ModuleList(_doubling(width, upsampling) for _ in self.lateral)
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
    """Pyramid pooling: the map beside its means over coarse grids, mixed to ``width`` channels."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        part = max(width // len(GRIDS), 1)
        self.parts = nn.ModuleList(nn.Sequential(nn.Conv2d(channels, part, 1), nn.SiLU(inplace=True)) for _ in GRIDS)
        self.mix = ConvNorm(channels + part * len(GRIDS), width, 1)

    def forward(self, feature: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        """The map, knowing of the whole."""
        means = [part(F.adaptive_avg_pool2d(feature, grid)) for part, grid in zip(self.parts, GRIDS, strict=True)]
        return self.mix(torch.cat([feature, *(_at(mean, feature) for mean in means)], 1))


class Resize(nn.Module):
    """Bilinear interpolation; the convolution of the resize-convolution is the block that follows."""

    def forward(self, feature: Tensor, size: tuple[int, int]) -> Tensor:
        """The map at ``size``."""
        return F.interpolate(feature, size=size, mode="bilinear", align_corners=False)


def _doubling(width: int, upsampling: str) -> nn.Module:
    return Resize() if upsampling == "resize" else Double(width, width, upsampling, groups=width)


def _sum(levels: list[Tensor]) -> Tensor:
    """Levels, coarse to fine, added at the finest: each sum is taken at the coarser size, where it is cheap."""
    total = levels[0]
    for level in levels[1:]:
        total = level + _at(total, level)
    return total


def _at(feature: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(feature, size=like.shape[2:], mode="bilinear", align_corners=False)
