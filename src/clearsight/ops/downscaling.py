"""Pictures made smaller by a whole factor: by the means of squares, or by the antialiased bicubic filter."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

BOX, BICUBIC = "box", "bicubic"
DOWNSCALINGS = (BOX, BICUBIC)


def downscaled(images: Float[Tensor, "b 3 h w"], factor: int, filter: str = BOX) -> Float[Tensor, "b 3 h2 w2"]:
    """Pictures in [0, 1] with so many times fewer rows and columns, which must divide their sides.

    ``box`` takes the mean of each square; ``bicubic`` is antialiased (Keys 1981 with a = -0.5, widened by the factor),
    as the data sets of the field are made, and its values are kept in [0, 1].
    """
    assert filter in DOWNSCALINGS
    height, width = images.shape[2:]
    assert height % factor == 0 == width % factor, "the factor must divide both sides"
    if factor == 1:
        return images
    if filter == BOX:
        return F.avg_pool2d(images, factor)
    size = (height // factor, width // factor)
    return F.interpolate(images, size=size, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)
