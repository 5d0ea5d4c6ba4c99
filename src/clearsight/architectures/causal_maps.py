"""Maps of numbers of which each place knows only the pixels before it: the body of a gated PixelCNN.

After van den Oord et al. 2016 (Conditional Image Generation with PixelCNN Decoders): one stack of convolutions sees the
rows above, one sees the pixels to the left in its own row and is told what the other saw, and both are gated. Pictures
are drawn pixel by pixel, and ``Scan`` keeps what was computed for earlier pixels, so that each is computed once
(Ramachandran et al. 2017): a whole picture costs about as much as looking at it once.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

REACH = 2  # columns at either side, and rows above, that the first convolutions see


def gated(maps: Float[Tensor, "b c2 *places"]) -> Float[Tensor, "b c *places"]:
    """The first half of the channels, let through as far as the second half says."""
    value, gate = maps.chunk(2, 1)
    return value.tanh() * gate.sigmoid()


class CausalMaps(nn.Module):
    """From numbers of each pixel to ``width`` features that depend on those of earlier pixels alone, row by row."""

    def __init__(self, channels: int, width: int, depth: int) -> None:
        super().__init__()
        self.width = width
        self.from_above = nn.Conv2d(channels, width, (REACH, 2 * REACH + 1))
        self.from_left = nn.Conv2d(channels, width, (1, REACH))
        self.blocks = nn.ModuleList(CausalBlock(width) for _ in range(depth))

    def layers(self) -> list["CausalBlock"]:
        """The gated layers in order."""
        return [block for block in self.blocks if isinstance(block, CausalBlock)]

    def forward(self, values: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        """Features of every pixel, from all of the picture at once."""
        height, width = values.shape[2:]
        # Shifted by a row, or by a pixel, so that none sees itself.
        above = self.from_above(F.pad(values, (REACH, REACH, REACH, 0))[:, :, : height + REACH - 1])
        left = self.from_left(F.pad(values, (REACH, 0))[:, :, :, : width + REACH - 1])
        for block in self.blocks:
            above, left = block(above, left)
        return left


class CausalBlock(nn.Module):
    """One gated layer of both stacks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(width, 2 * width, (2, 3))
        self.across = nn.Conv2d(width, 2 * width, (1, 2))
        self.join = nn.Conv2d(2 * width, 2 * width, 1)
        self.out = nn.Conv2d(width, width, 1)

    def forward(
        self, above: Float[Tensor, "b c h w"], left: Float[Tensor, "b c h w"]
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c h w"]]:
        """What is known from the rows above, and from them and the own row."""
        seen = self.down(F.pad(above, (1, 1, 1, 0)))
        told = self.across(F.pad(left, (1, 0))) + self.join(seen)
        return above + gated(seen), left + self.out(gated(told))


class Scan:
    """The features of a picture that is being drawn, for one pixel after the other.

    ``features(row, column)`` may be asked for in the order of the rows, once each; the numbers of the earlier pixels
    must have been told with ``tell`` by then. They are those of ``CausalMaps.forward`` up to rounding.
    """

    def __init__(self, maps: CausalMaps, count: int, height: int, width: int) -> None:
        self.maps, self.width = maps, width
        weight = maps.from_above.weight
        self.values = weight.new_zeros(count, weight.shape[1], height + REACH, width + 2 * REACH)
        nothing = weight.new_zeros(count, maps.width, 1, width)
        self.blocks = maps.layers()
        self.rows = [nothing for _ in self.blocks]  # of the row above, what each block was given
        self.joined: list[Tensor] = []
        self.before: list[Tensor] = []  # of the pixel before, what each block was given
        self.first = maps.from_left.weight.flatten(1).T, _bias(maps.from_left)
        self.kernels = [block.across.weight[:, :, 0].permute(2, 1, 0).flatten(0, 1) for block in self.blocks]
        self.outs = [(block.out.weight[:, :, 0, 0].T, _bias(block.out)) for block in self.blocks]

    def tell(self, row: int, column: int, values: Float[Tensor, "n c"]) -> None:
        """The numbers of a pixel that has been drawn."""
        self.values[:, :, row + REACH, column + REACH] = values

    def features(self, row: int, column: int) -> Float[Tensor, "n k"]:
        """The features of a pixel, from those before it."""
        if column == 0:
            self._begin(row)
        pixels = self.values[:, :, row + REACH, column : column + REACH].flatten(1)
        left = torch.addmm(self.first[1], pixels, self.first[0])
        for place, joined in enumerate(self.joined):
            told = torch.addmm(joined[column], torch.cat([self.before[place], left], 1), self.kernels[place])
            self.before[place] = left
            weight, bias = self.outs[place]
            left = left + torch.addmm(bias, gated(told), weight)
        return left

    def _begin(self, row: int) -> None:
        """What the rows above say of every pixel of a row."""
        above = self.maps.from_above(self.values[:, :, row : row + REACH])
        self.joined, self.before = [], []
        for place, block in enumerate(self.blocks):
            seen = block.down(F.pad(torch.cat([self.rows[place], above], 2), (1, 1)))
            self.rows[place] = above
            told = block.join(seen) + _bias(block.across)[:, None, None]
            self.joined.append(told[:, :, 0].permute(2, 0, 1).contiguous())
            self.before.append(above.new_zeros(len(above), self.maps.width))
            above = above + gated(seen)


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
