"""Region heads: RoIAlign features of a region, its class and box, and its mask (He et al. 2017)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from clearsight.architectures.anchors import level_of
from clearsight.architectures.layers import Block, ConvNorm
from clearsight.ops import boxes as box_ops

SIDE = 7
MASK_SIDE = 14
MASK_WIDTH = 32  # channels of the mask head's last feature map
FLATTENED = 32  # channels that are flattened for the fully connected layers
OFFSET_SCALES = (0.1, 0.1, 0.2, 0.2)  # offsets are small, since proposals are close already


def aligned_features(
    maps: Sequence[Float[Tensor, "b c h w"]],
    strides: Sequence[int],
    regions: Float[Tensor, "r 4"],
    pictures: Int[Tensor, "r"],
    side: int,
) -> Float[Tensor, "r c side side"]:
    """The features of each region, ``side x side``, from the pyramid level of its size: RoIAlign, in float32.

    Each bin of a region is sampled once, at its centre, by bilinear interpolation (He et al. 2017, section 3, with one
    sample, since a bin is hardly larger than a cell of the map). ``pictures`` is the batch index of each region. All
    maps are gathered as rows of one table, which on a CPU is several times faster than region by region.
    """
    channels, device = maps[0].shape[1], regions.device
    table = torch.cat([each.permute(0, 2, 3, 1).reshape(-1, channels) for each in maps]).float()
    heights, widths = ([each.shape[axis] for each in maps] for axis in (2, 3))
    cells = [len(maps[0]) * rows * columns for rows, columns in zip(heights, widths, strict=True)]
    starts = [sum(cells[:index]) for index in range(len(cells))]
    # One by one: in tracing for export, sizes are tensors and must stay so.
    about = torch.stack([torch.as_tensor(each) for each in (*heights, *widths, *strides, *starts)])
    about = about.reshape(4, -1).to(device)
    height, width, stride, start = about[:, level_of(box_ops.area(regions), strides)]
    at = (torch.arange(side, device=device) + 0.5) / side
    y, y_share = _linear_weights(regions[:, 1], regions[:, 3], at, stride, height)
    x, x_share = _linear_weights(regions[:, 0], regions[:, 2], at, stride, width)
    row = (start + pictures * height * width)[:, None, None] + y * width[:, None, None]
    index = (row[:, :, None, :, None] + x[:, None, :, None, :]).reshape(-1, 4)
    share = (y_share[:, :, None, :, None] * x_share[:, None, :, None, :]).reshape(-1, 4)
    if torch.jit.is_tracing() or torch.compiler.is_exporting():  # the same in operators of other runtimes
        found = (table[index] * share[..., None]).sum(1)
    else:
        found = F.embedding_bag(index, table, mode="sum", per_sample_weights=share)
    return found.reshape(-1, side, side, channels).permute(0, 3, 1, 2)


def _linear_weights(low: Tensor, high: Tensor, at: Tensor, stride: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """The two cells around each sampling point of one axis and their weights: ``r side 2`` each."""
    place = (low[:, None] + at * (high - low)[:, None]) / stride[:, None] - 0.5
    place = place.clamp(min=0).minimum(cells[:, None] - 1.0)
    first = place.long()
    second = (first + 1).minimum(cells[:, None] - 1)
    share = place - first
    return torch.stack([first, second], -1), torch.stack([1 - share, share], -1)


class BoxHead(nn.Module):
    """From the features of a region to class logits and box offsets."""

    def __init__(self, width: int, depth: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(*(Block(width) for _ in range(depth)), ConvNorm(width, FLATTENED, 1))
        # A kernel as large as the map: a fully connected layer that the optimizer treats as a convolution.
        self.whole = nn.Conv2d(FLATTENED, hidden, SIDE, bias=False)
        self.norm = nn.LayerNorm(hidden)
        self.to_class, self.to_box = nn.Linear(hidden, classes), nn.Linear(hidden, 4)
        nn.init.normal_(self.to_class.weight, std=0.01)
        nn.init.constant_(self.to_class.bias, -2.5)
        nn.init.normal_(self.to_box.weight, std=0.01)
        nn.init.zeros_(self.to_box.bias)

    def forward(self, features: Float[Tensor, "r c side side"]) -> tuple[Float[Tensor, "r n"], Float[Tensor, "r 4"]]:
        """Class logits, and offsets as ``region_matching.decoded_boxes`` takes them; both float32."""
        features = features.to(self.to_box.weight.dtype)
        hidden = F.silu(self.norm(self.whole(self.shared(features)).flatten(1)))
        offsets = self.to_box(hidden).float()
        return self.to_class(hidden).float(), offsets * offsets.new_tensor(OFFSET_SCALES)


class MaskHead(nn.Module):
    """From the features of a region to one mask per class, at twice the resolution.

    The paper's transposed convolution of kernel and stride 2 is computed as a 1x1 convolution to four times the
    channels and a pixel shuffle: equivalent, and several times faster on a CPU.
    """

    def __init__(self, width: int, depth: int, classes: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(*(Block(width) for _ in range(depth)), ConvNorm(width, 4 * MASK_WIDTH, 1))
        self.to_mask = nn.Conv2d(MASK_WIDTH, classes, 1)
        nn.init.normal_(self.to_mask.weight, std=0.01)

    def forward(self, features: Float[Tensor, "r c m m"], labels: Int[Tensor, "r"]) -> Float[Tensor, "r m2 m2"]:
        """The logits of the mask of class ``labels[i]`` in region i, in float32."""
        grown = F.pixel_shuffle(self.shared(features.to(self.to_mask.weight.dtype)), 2)
        every = self.to_mask(grown).float()
        return every[torch.arange(labels.shape[0], device=labels.device), labels]
