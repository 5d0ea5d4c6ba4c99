"""Pictures to a vector and back by residual convolutions, maps halved on the way down and resized on the way up."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.types import Size

COARSEST_PX = 7  # maps are halved as long as both sides keep that many rows and columns
WIDEST = 4  # times the first width


def map_sizes(size: Size) -> list[Size]:
    """The sizes of the maps, finest first: pictures of 28 px give 28, 14 and 7; at least one halving."""
    sizes = [size]
    while len(sizes) < 2 or min(sizes[-1]) >= 2 * COARSEST_PX:
        height, width = sizes[-1]
        sizes.append((-(-height // 2), -(-width // 2)))
    return sizes


def map_widths(width: int, maps: int) -> list[int]:
    """The channels of the maps after the picture, finest first: doubled with each halving, up to four times."""
    return [width * min(2**index, WIDEST) for index in range(maps - 1)]


class Residual(nn.Module):
    """What two 3x3 convolutions add to their input; at first nothing, so no norm is needed (Zhang et al. 2019)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, feature: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The map, refined."""
        return feature + self.second(F.silu(self.first(F.silu(feature))))


class MapsDown(nn.Module):
    """A picture to its coarsest map: at each size a convolution of stride 2 and ``depth`` residual blocks."""

    def __init__(self, channels: int, size: Size, width: int, depth: int) -> None:
        super().__init__()
        sizes = map_sizes(size)
        widths = [channels, *map_widths(width, len(sizes))]
        stages: list[nn.Module] = []
        for before, after in zip(widths[:-1], widths[1:], strict=True):
            stages += [nn.Conv2d(before, after, 3, 2, padding=1), *(Residual(after) for _ in range(depth))]
            stages.append(nn.SiLU())
        self.stages = nn.Sequential(*stages)
        self.size, self.width = sizes[-1], widths[-1]

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h2 w2"]:
        """The map."""
        return self.stages(images)


class MapsUp(nn.Module):
    """The coarsest map to maps of a picture's size: residual blocks, then resizing and a convolution, at each size.

    Resizing before the convolution leaves no checkerboard (Odena et al. 2016).
    """

    def __init__(self, outputs: int, size: Size, width: int, depth: int) -> None:
        super().__init__()
        self.sizes = map_sizes(size)[::-1]
        widths = [*reversed(map_widths(width, len(self.sizes))), max(width // 2, 1)]
        self.size, self.width = self.sizes[0], widths[0]
        self.stages, self.doublings = nn.ModuleList(), nn.ModuleList()
        for before, after in zip(widths[:-1], widths[1:], strict=True):
            self.stages.append(nn.Sequential(*(Residual(before) for _ in range(depth)), nn.SiLU()))
            self.doublings.append(nn.Conv2d(before, after, 3, padding=1))
        self.last = nn.Conv2d(widths[-1], outputs, 3, padding=1)

    def forward(self, feature: Float[Tensor, "b k h2 w2"]) -> Float[Tensor, "b c h w"]:
        """Maps of the picture's size."""
        for stage, double, size in zip(self.stages, self.doublings, self.sizes[1:], strict=True):
            feature = double(F.interpolate(stage(feature), size=size, mode="nearest"))
        return self.last(F.silu(feature))


class Down(nn.Module):
    """A picture to one vector: its coarsest map, then linear."""

    def __init__(self, channels: int, size: Size, width: int, depth: int, outputs: int) -> None:
        super().__init__()
        self.maps = MapsDown(channels, size, width, depth)
        height, across = self.maps.size
        self.linear = nn.Linear(self.maps.width * height * across, outputs)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:
        """The vector of each picture."""
        return self.linear(self.maps(images).flatten(1))


class Up(nn.Module):
    """A vector to maps of a picture's size: linear, then up from the coarsest map."""

    def __init__(self, inputs: int, outputs: int, size: Size, width: int, depth: int) -> None:
        super().__init__()
        self.maps = MapsUp(outputs, size, width, depth)
        height, across = self.maps.size
        self.linear = nn.Linear(inputs, self.maps.width * height * across)

    def forward(self, vectors: Float[Tensor, "b k"]) -> Float[Tensor, "b c h w"]:
        """Maps of each vector."""
        return self.maps(self.linear(vectors).unflatten(1, (-1, *self.maps.size)))
