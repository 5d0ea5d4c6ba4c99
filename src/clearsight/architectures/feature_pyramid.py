"""A feature pyramid network: feature maps of every stride, with the semantics of the coarser ones (Lin et al. 2017)."""

import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.architectures.layers import Block, ConvNorm


class FeaturePyramid(nn.Module):
    """Maps of a backbone in, as many of ``width`` channels out, fine to coarse: lateral and top-down connections.

    Figure 3 of the paper, with a norm after every convolution and the 3x3 ones factored (``layers.Block``).
    """

    def __init__(self, channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(ConvNorm(count, width, 1) for count in channels)
        self.smooth = nn.ModuleList(Block(width) for _ in channels)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Maps ``b width h w``, of unchanged sizes."""
        maps = [layer(feature) for layer, feature in zip(self.lateral, features, strict=True)]
        for i in reversed(range(len(maps) - 1)):
            maps[i] = maps[i] + F.interpolate(maps[i + 1], size=maps[i].shape[2:], mode="nearest")
        return [layer(each) for layer, each in zip(self.smooth, maps, strict=True)]
