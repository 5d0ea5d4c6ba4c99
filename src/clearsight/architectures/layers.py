"""Layers that several networks are built of: convolution blocks, and ways of doubling a map."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.types import Size

GROUP = 16
CONVOLUTIONS = ("grouped", "depthwise", "full")
UPSAMPLINGS = ("transposed", "resize")


class ConvNorm(nn.Sequential):
    """Convolution, batch norm, SiLU."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.SiLU(inplace=True),
        )


class Block(nn.Sequential):
    """A 3x3 convolution, batch norm and SiLU; the convolution is one of ``CONVOLUTIONS``.

    ``grouped`` factors it into one with groups of 16 channels and a 1x1 (Xie et al. 2017, ResNeXt): about a third of
    the multiplications of ``full``. ``depthwise`` factors it into one with a filter per channel and a 1x1 (Howard et
    al. 2017, MobileNets): the fewest. Groups of several channels gain nothing from 8-bit integers in an exported
    model, because processors have no such kernels for them; the other two do.
    """

    def __init__(self, width: int, convolutions: str = "grouped") -> None:
        assert convolutions in CONVOLUTIONS
        groups = {"grouped": width // GROUP, "depthwise": width, "full": 1}[convolutions]
        layers: list[nn.Module] = [nn.Conv2d(width, width, 3, padding=1, groups=groups, bias=False)]
        if convolutions != "full":
            layers.append(nn.Conv2d(width, width, 1, bias=False))
        super().__init__(*layers, nn.BatchNorm2d(width), nn.SiLU(inplace=True))


class ResidualBlock(nn.Module):
    """Two convolutions beside the identity, without norms (Lim et al. 2017, EDSR); it begins as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, feature: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The map with what the convolutions add."""
        return feature + self.second(F.relu(self.first(feature)))


def residual_blocks(width: int, count: int) -> nn.Sequential:
    """So many of them, one after the other."""
    return nn.Sequential(*(ResidualBlock(width) for _ in range(count)))


class Double(nn.Module):
    """Twice as many rows and columns, learned: a transposed convolution, or a resize and a convolution.

    The transposed one has kernel 4 and stride 2, so that every output cell is made of equally many inputs; what is
    left of the checkerboard (Odena et al. 2016) is gone with ``resize``. Where the channels stay the same, both begin
    as bilinear interpolation (Long et al. 2015, section 3.3). ``groups`` as in a convolution.
    """

    def __init__(self, channels_in: int, channels_out: int, upsampling: str, groups: int = 1) -> None:
        super().__init__()
        assert upsampling in UPSAMPLINGS
        self.resizes = upsampling == "resize"
        self.layer: nn.Module
        if self.resizes:
            self.layer = nn.Conv2d(channels_in, channels_out, 3, padding=1, groups=groups, bias=False)
        else:
            self.layer = nn.ConvTranspose2d(channels_in, channels_out, 4, 2, padding=1, groups=groups, bias=False)
        if channels_in == channels_out:
            self._start_as_interpolation(channels_in, groups)

    def forward(self, feature: Float[Tensor, "b c h w"], size: Size) -> Float[Tensor, "b k h2 w2"]:
        """The map at ``size``, which is twice its own, give or take a row and a column."""
        if self.resizes:
            return self.layer(F.interpolate(feature, size=size, mode="bilinear", align_corners=False))
        return meet(self.layer(feature), size)

    @torch.no_grad()
    def _start_as_interpolation(self, channels: int, groups: int) -> None:
        weight = self.layer.weight
        assert isinstance(weight, Tensor)
        if self.resizes:
            nn.init.dirac_(weight, groups)
            return
        ramp = torch.tensor([0.25, 0.75, 0.75, 0.25])
        weight.zero_()
        channel = torch.arange(channels)
        weight[channel, channel % (channels // groups)] = ramp[:, None] * ramp


def meet(feature: Float[Tensor, "b c h w"], size: Size) -> Float[Tensor, "b c h2 w2"]:
    """The map cut to ``size``, or its last row and column repeated: sides differ by one where a size was odd."""
    height, width = size
    if (feature.shape[2], feature.shape[3]) == size:
        return feature
    cut = feature[:, :, :height, :width]
    missing = (0, width - cut.shape[3], 0, height - cut.shape[2])
    return F.pad(cut, missing, mode="replicate") if any(missing) else cut
