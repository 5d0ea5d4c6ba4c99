"""Residual networks without normalisation, for two players that are held in place by penalties instead.

Norms share information among the pictures of a batch and disturb penalties on gradients, so there are none: residual
branches begin as zero and their first filters smaller the more branches there are (Fixup, Zhang et al. 2019). Maps are
resized by bilinear interpolation, whose gradients leave no checkerboard.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.adversaries import SLOPE, activated
from clearsight.types import Size


def he_(layer: nn.Conv2d | nn.Linear, scale: float = 1.0) -> None:
    """Begin with weights that keep the variance behind a leaky ReLU (He et al. 2015), times ``scale``; biases at 0."""
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    with torch.no_grad():
        layer.weight.mul_(scale)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class ResidualBlock(nn.Module):
    """A map plus what two 3x3 convolutions make of it; ``blocks`` is how many of these the whole network has."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Conv2d(width, width, 3, padding=1)
        he_(self.first, blocks**-0.5)  # Fixup's L^(-1/(2m-2)) for branches of m = 2 layers
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, feature: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Activate, convolve, activate, convolve, add."""
        return feature + self.last(activated(self.first(activated(feature))))


def by_level(numbers: tuple[int, ...], doublings: int) -> list[int]:
    """One of the numbers for each size from the full one to the smallest grid; the last of them for all the rest."""
    return [numbers[min(level, len(numbers) - 1)] for level in range(doublings + 1)]


class Bounded(torch.autograd.Function):
    """Values cut to [-1, 1], with a gradient of 1 but for where it would push a value further out.

    Black and white are the ends of the range, and pictures have much of both. A tanh reaches neither and learns slowly
    near them; a plain cut passes no gradient outside, so what is once outside stays there.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        """The values, cut."""
        ctx.save_for_backward(values)
        return values.clamp(-1, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """A step goes against the gradient: outside, only one that leads back inside is passed."""
        (values,) = ctx.saved_tensors
        return gradient * (((values > -1) | (gradient < 0)) & ((values < 1) | (gradient > 0)))


class ResidualGenerator(nn.Module):
    """Noise to pictures: a learned grid whose channels the noise weighs, residual blocks, doubled until full size."""

    def __init__(self, inputs: int, channels: int, grid: Size, widths: list[int], blocks: list[int]) -> None:
        super().__init__()
        self.weigh = nn.Linear(inputs, widths[-1])
        he_(self.weigh)
        self.grid = nn.Parameter(torch.randn(widths[-1], *grid))
        total = sum(blocks)
        self.levels = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(width, total) for _ in range(count)))
            for width, count in zip(reversed(widths), reversed(blocks), strict=True)
        )
        self.narrow = nn.ModuleList(
            nn.Conv2d(wide, narrow, 1, bias=False) for wide, narrow in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        for layer in self.narrow:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")  # type: ignore[arg-type]
        self.last = nn.Conv2d(widths[0], channels, 3, padding=1)
        nn.init.kaiming_normal_(self.last.weight, a=SLOPE)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, noise: Float[Tensor, "b z"]) -> Float[Tensor, "b c h w"]:
        """Pictures in [-1, 1]."""
        feature = self.levels[0](self.grid * self.weigh(noise)[:, :, None, None])
        for narrow, level in zip(self.narrow, self.levels[1:], strict=True):
            # Narrowed before it grows: the same result as after, for a quarter of the multiplications.
            feature = level(F.interpolate(narrow(feature), scale_factor=2.0, mode="bilinear"))
        return Bounded.apply(self.last(activated(feature)))


class ResidualDiscriminator(nn.Module):
    """Pictures to ``outputs`` numbers each: residual blocks, halved until the grid, weighed by a learned grid."""

    def __init__(self, inputs: int, outputs: int, grid: Size, widths: list[int], blocks: list[int]) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, widths[0], 3, padding=1)
        he_(self.first)
        total = sum(blocks)
        self.levels = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(width, total) for _ in range(count)))
            for width, count in zip(widths, blocks, strict=True)
        )
        self.widen = nn.ModuleList(
            nn.Conv2d(narrow, wide, 1, bias=False) for narrow, wide in zip(widths[:-1], widths[1:], strict=True)
        )
        for layer in self.widen:
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)  # type: ignore[arg-type]
        self.grid = nn.Parameter(torch.randn(widths[-1], *grid) / (grid[0] * grid[1]) ** 0.5)
        self.linear = nn.Linear(widths[-1], outputs, bias=False)  # only differences of scores count
        nn.init.kaiming_normal_(self.linear.weight, nonlinearity="linear")

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:
        """As many numbers a picture as were asked for."""
        feature = self.levels[0](self.first(images))
        for widen, level in zip(self.widen, self.levels[1:], strict=True):
            feature = level(widen(halved(activated(feature))))
        with torch.autocast(images.device.type, enabled=False):  # scores are compared: rounded, they tell little
            return self.linear((activated(feature).float() * self.grid).sum((2, 3)))


def halved(feature: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
    """Half as many rows and columns, smoothed by [1, 2, 1] / 4 both ways before every second is kept; 0 beyond."""
    channels = feature.shape[1]
    with torch.autocast(feature.device.type, enabled=False):  # in bfloat16 its gradient takes ten times as long
        feature = feature.to(torch.promote_types(feature.dtype, torch.float32))
        line = feature.new_tensor([0.25, 0.5, 0.25])
        return F.conv2d(feature, (line[:, None] * line).repeat(channels, 1, 1, 1), stride=2, padding=1, groups=channels)
