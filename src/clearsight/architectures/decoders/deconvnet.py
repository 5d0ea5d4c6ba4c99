"""DeconvNet: the backbone's stages mirrored, from the last feature map alone.

After Noh et al. 2015 ("Learning deconvolution network for semantic segmentation") and SegNet (Badrinarayanan et al.
2017). What differs: modern backbones downsample by strided convolutions, not by pooling, so there are no pooling
indices to unpool with: a transposed convolution upsamples instead. It ends at the first map's size. Without skip
connections it shows how much spatial detail the last map keeps.
"""

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from clearsight.architectures.layers import ConvNorm, Double


class DeconvNet(nn.Module):
    """Upsample to the channels of the next finer stage, convolve, and so on; ``width`` channels at the finest."""

    upsampling: ClassVar[str] = "transposed"

    def __init__(self, channels: tuple[int, ...], width: int, classes: int, upsampling: str) -> None:
        super().__init__()
        mirrored = (*reversed(channels[1:]), width)
        steps = list(zip(mirrored[:-1], mirrored[1:], strict=True))
        self.doublings = nn.ModuleList(Double(coarse, fine, upsampling) for coarse, fine in steps)
        self.norm = nn.ModuleList(nn.Sequential(nn.BatchNorm2d(fine), nn.SiLU(inplace=True)) for _, fine in steps)
        self.convolve = nn.ModuleList(ConvNorm(fine, fine) for _, fine in steps)
        self.score = nn.Conv2d(width, classes, 1)

    def forward(self, maps: list[Tensor]) -> Float[Tensor, "b c h w"]:
        """Logits at the finest map's size."""
        *finer, feature = maps
        for double, norm, convolve, like in zip(self.doublings, self.norm, self.convolve, reversed(finer), strict=True):
            feature = convolve(norm(double(feature, like.shape[2:])))
        return self.score(feature)
