"""U-Net: upsampled maps concatenated with the backbone's own, two convolutions after each concatenation.

After Ronneberger et al. 2015 ("U-Net: convolutional networks for biomedical image segmentation"). What differs: any
backbone is the contracting path, convolutions are padded and have batch norms, and the expanding path ends at the
backbone's first map (stride 4) and not at the picture, where it would cost eight times as much.
"""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.architectures.layers import ConvNorm, Double


class Unet(nn.Module):
    """``width`` channels at the finest map and twice as many at each coarser one, never more than the backbone has."""

    upsampling: ClassVar[str] = "transposed"

    def __init__(self, channels: tuple[int, ...], width: int, classes: int, upsampling: str) -> None:
        super().__init__()
        wide = [width, *(min(width * 2**level, count) for level, count in enumerate(channels[2:], 1))]
        steps = list(reversed(list(zip([*wide[1:], channels[-1]], channels[:-1], wide, strict=True))))
        self.doublings = nn.ModuleList(Double(coarse, fine, upsampling) for coarse, _, fine in steps)
        self.convolve = nn.ModuleList(
            nn.Sequential(ConvNorm(skip + fine, fine), ConvNorm(fine, fine)) for _, skip, fine in steps
        )
        self.score = nn.Conv2d(width, classes, 1)

    def forward(self, maps: list[Tensor]) -> Float[Tensor, "b c h w"]:
        """Logits at the finest map's size."""
        *skips, feature = maps
        for double, convolve, skip in zip(self.doublings, self.convolve, reversed(skips), strict=True):
            feature = convolve(torch.cat([skip, double(feature, skip.shape[2:])], 1))
        return self.score(feature)
