"""FCN-8s: class scores of the last three maps, added from coarse to fine.

After Long et al. 2015 ("Fully convolutional networks for semantic segmentation"). The score layers are 1x1
convolutions, the 2x upsampling layers transposed convolutions initialised to bilinear interpolation. What differs: the
score layers of the skips have the default initialisation instead of zeros, and the last step, from stride 8 to the
picture, is bilinear interpolation, like the paper's own fixed last layer.
"""

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from clearsight.architectures.layers import Double

SKIPS = 3


class Fcn(nn.Module):
    """Score, upsample, add. ``width`` is not used: the maps hold one channel per class."""

    upsampling: ClassVar[str] = "transposed"

    def __init__(self, channels: tuple[int, ...], width: int, classes: int, upsampling: str) -> None:
        super().__init__()
        self.score = nn.ModuleList(nn.Conv2d(count, classes, 1) for count in channels[-SKIPS:])
        self.doublings = nn.ModuleList(Double(classes, classes, upsampling) for _ in self.score[:-1])

    def forward(self, maps: list[Tensor]) -> Float[Tensor, "b c h w"]:
        """Logits at the finest of the last three maps."""
        *finer, total = [score(feature) for score, feature in zip(self.score, maps[-SKIPS:], strict=True)]
        for double, skip in zip(self.doublings, reversed(finer), strict=True):
            total = skip + double(total, skip.shape[2:])
        return total
