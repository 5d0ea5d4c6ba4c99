"""Small networks that see pictures: a trained encoder with a head, and an ensemble that is never trained."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.types import Size

FEATURES = 64
RANDOM_KERNELS = (3, 3, 5, 7)
RANDOM_WIDTHS = (32, 64, 64)


class Encoder(nn.Module):
    """Four convolutions, three of which halve the picture; a 2 x 2 grid of their means; a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(_layer(3, 32, 2), _layer(32, 64, 2), _layer(64, 64, 1), _layer(64, 128, 2))
        self.linear = nn.Linear(4 * 128, FEATURES)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """64 features of each picture in [0, 1]."""
        feature = self.convolutions(2 * images - 1)
        return self.linear(F.adaptive_avg_pool2d(feature, 2).flatten(1))


class ClassHead(nn.Module):
    """From features to the logits of classes."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.linear = nn.Linear(FEATURES, classes)

    def forward(self, features: Float[Tensor, "b d"]) -> Float[Tensor, "b c"]:
        """One logit for each class."""
        return self.linear(F.gelu(features))


class Decoder(nn.Module):
    """From features back to a picture: a linear layer, then twice enlarged and convolved."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        self.grid = (-(-size[0] // 4), -(-size[1] // 4))
        self.linear = nn.Linear(FEATURES, 32 * self.grid[0] * self.grid[1])
        self.first, self.last = _layer(32, 32, 1), nn.Conv2d(32, 3, 3, padding=1)

    def forward(self, features: Float[Tensor, "b d"]) -> Float[Tensor, "b 3 h w"]:
        """A picture of the size given."""
        feature = F.gelu(self.linear(features)).unflatten(1, (32, *self.grid))
        feature = self.first(F.interpolate(feature, scale_factor=2.0, mode="nearest"))
        picture = self.last(F.interpolate(feature, scale_factor=2.0, mode="nearest"))
        return picture[:, :, : self.size[0], : self.size[1]]


class RandomEnsemble(nn.Module):
    """Four networks of three random convolutions each, and what their maps are on average.

    Of each map: the means of a 2 x 2 grid, and the standard deviation. No weight was ever trained, so what it sees
    owes nothing to the classes of the data.
    """

    def __init__(self) -> None:
        super().__init__()
        self.members = nn.ModuleList(
            nn.ModuleList(
                nn.Conv2d(before, after, kernel, stride=2, padding=kernel // 2)
                for before, after in zip((3, *RANDOM_WIDTHS), RANDOM_WIDTHS, strict=False)
            )
            for kernel in RANDOM_KERNELS
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                assert layer.bias is not None
                nn.init.normal_(layer.bias, std=0.1)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b k"]:
        """Five numbers for each map of each layer of each network."""
        found = []
        for member in self.members:
            feature = 2 * images - 1
            assert isinstance(member, nn.ModuleList)
            for layer in member:
                feature = F.relu(layer(feature))
                found += [F.adaptive_avg_pool2d(feature, 2).flatten(1), feature.std((2, 3), correction=0)]
        return torch.cat(found, dim=1)


def _layer(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.GELU()
    )
