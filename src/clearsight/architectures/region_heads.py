"""What a region shows: its features at one size (RoIAlign), its class and box, and its mask (He et al. 2017)."""

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
MASK_WIDTH = 32  # channels of the map of which masks are made
SQUEEZED = 32  # channels that are laid flat for the last layers
SHARES = (0.1, 0.1, 0.2, 0.2)  # how an answer of 1 moves a region: regions are nearly right already


def aligned_features(
    maps: Sequence[Float[Tensor, "b c h w"]],
    strides: Sequence[int],
    regions: Float[Tensor, "r 4"],
    pictures: Int[Tensor, "r"],
    side: int,
) -> Float[Tensor, "r c side side"]:
    """The features under each region, ``side x side``, from the map that suits its size: RoIAlign, in float32.

    Each of the cells a region is divided into is read once, at its centre, bilinear between the centres of the map's
    cells (He et al. 2017, section 3, with one sample, since a region spans few more cells than it is divided into).
    ``pictures`` tells which picture of the batch a region belongs to. All maps are read as rows of one table, which on
    a CPU is several times as quick as region by region.
    """
    channels, device = maps[0].shape[1], regions.device
    table = torch.cat([each.permute(0, 2, 3, 1).reshape(-1, channels) for each in maps]).float()
    heights, widths = ([each.shape[axis] for each in maps] for axis in (2, 3))
    cells = [len(maps[0]) * rows * columns for rows, columns in zip(heights, widths, strict=True)]
    starts = [sum(cells[:index]) for index in range(len(cells))]
    # One by one: while a network is traced for export, sizes are tensors and must stay so.
    about = torch.stack([torch.as_tensor(each) for each in (*heights, *widths, *strides, *starts)])
    about = about.reshape(4, -1).to(device)
    height, width, stride, start = about[:, level_of(box_ops.area(regions), strides)]
    at = (torch.arange(side, device=device) + 0.5) / side
    y, y_share = _between(regions[:, 1], regions[:, 3], at, stride, height)
    x, x_share = _between(regions[:, 0], regions[:, 2], at, stride, width)
    row = (start + pictures * height * width)[:, None, None] + y * width[:, None, None]
    index = (row[:, :, None, :, None] + x[:, None, :, None, :]).reshape(-1, 4)
    share = (y_share[:, :, None, :, None] * x_share[:, None, :, None, :]).reshape(-1, 4)
    if torch.jit.is_tracing() or torch.compiler.is_exporting():  # what it amounts to, in words that other runtimes know
        found = (table[index] * share[..., None]).sum(1)
    else:
        found = F.embedding_bag(index, table, mode="sum", per_sample_weights=share)
    return found.reshape(-1, side, side, channels).permute(0, 3, 1, 2)


def _between(low: Tensor, high: Tensor, at: Tensor, stride: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """The two cells around each point of a side and their shares: ``r side 2`` each."""
    place = (low[:, None] + at * (high - low)[:, None]) / stride[:, None] - 0.5
    place = place.clamp(min=0).minimum(cells[:, None] - 1.0)
    first = place.long()
    second = (first + 1).minimum(cells[:, None] - 1)
    share = place - first
    return torch.stack([first, second], -1), torch.stack([1 - share, share], -1)


class BoxHead(nn.Module):
    """From the features of a region to the logit of each class, and how the region is to be moved."""

    def __init__(self, width: int, depth: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(*(Block(width) for _ in range(depth)), ConvNorm(width, SQUEEZED, 1))
        # A kernel as large as the map sees all of it: a fully connected layer that is optimised as a convolution.
        self.whole = nn.Conv2d(SQUEEZED, hidden, SIDE, bias=False)
        self.norm = nn.LayerNorm(hidden)
        self.to_class, self.to_box = nn.Linear(hidden, classes), nn.Linear(hidden, 4)
        nn.init.normal_(self.to_class.weight, std=0.01)
        nn.init.constant_(self.to_class.bias, -2.5)
        nn.init.normal_(self.to_box.weight, std=0.01)
        nn.init.zeros_(self.to_box.bias)

    def forward(self, features: Float[Tensor, "r c side side"]) -> tuple[Float[Tensor, "r n"], Float[Tensor, "r 4"]]:
        """Class logits, and offsets as ``region_matching.moved`` takes them; both float32."""
        features = features.to(self.to_box.weight.dtype)
        hidden = F.silu(self.norm(self.whole(self.shared(features)).flatten(1)))
        offsets = self.to_box(hidden).float()
        return self.to_class(hidden).float(), offsets * offsets.new_tensor(SHARES)


class MaskHead(nn.Module):
    """From the features of a region to a mask of it for each class, at twice their side.

    The paper's transposed convolution of kernel and stride 2 is done as a 1x1 convolution to four times the channels,
    which are then laid out as 2 x 2 cells: the same, and several times as quick on a CPU.
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
