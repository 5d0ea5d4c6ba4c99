"""The networks of the first GAN (Goodfellow et al. 2014): perceptrons with maxout and dropout, or convolutions."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.types import Size

PIECES = 5  # of a fully connected maxout unit
FILTER_PIECES = 2  # of a convolutional one
SEEN, KEPT = 0.8, 0.5  # what dropout leaves of the pictures, and of hidden units
STRIDE, KERNEL = 3, 5  # of the convolutional generator's one transposed convolution
FILTERS = ((32, 8, 4), (32, 8, 3), (192, 5, 3))  # channels, kernel, padding


class Maxout(nn.Module):
    """The largest of several linear functions (Goodfellow et al. 2013); units of a layer, or channels of a map."""

    def __init__(self, layer: nn.Linear | nn.Conv2d, pieces: int) -> None:
        super().__init__()
        self.layer, self.pieces = layer, pieces

    def forward(self, values: Tensor) -> Tensor:
        """As many units as the layer has outputs, divided by the pieces."""
        found = self.layer(values)
        return found.unflatten(1, (found.shape[1] // self.pieces, self.pieces)).amax(2)


def perceptron_generator(inputs: int, hidden: int, channels: int, size: Size) -> nn.Sequential:
    """Noise to pictures in [0, 1]: two hidden layers of ReLU, sigmoid."""
    height, width = size
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, channels * height * width), nn.Sigmoid(), nn.Unflatten(1, (channels, height, width)),
    )  # fmt: skip


class PerceptronDiscriminator(nn.Module):
    """Pictures and classes to a score: dropout, maxout, twice, and a linear function."""

    def __init__(self, pixels: int, classes: int, units: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(1 - SEEN), Maxout(nn.Linear(pixels + classes, units * PIECES), PIECES),
            nn.Dropout(1 - KEPT), Maxout(nn.Linear(units, units * PIECES), PIECES),
            nn.Dropout(1 - KEPT), nn.Linear(units, 1),
        )  # fmt: skip

    def forward(self, images: Float[Tensor, "b c h w"], classes: Float[Tensor, "b k"]) -> Float[Tensor, "b"]:
        """A score for each picture."""
        return self.layers(torch.cat([images.flatten(1), classes], 1))[:, 0]


class ConvolutionalGenerator(nn.Module):
    """Noise to pictures in [0, 1]: two fully connected layers, the second a grid, and one transposed convolution."""

    def __init__(self, inputs: int, hidden: int, channels: int, size: Size) -> None:
        super().__init__()
        self.size = size
        grid = [max(1, -(-(side - KERNEL) // STRIDE) + 1) for side in size]
        maps = max(1, round(hidden / (grid[0] * grid[1])))
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, maps * grid[0] * grid[1]), nn.ReLU(),
            nn.Unflatten(1, (maps, *grid)), nn.ConvTranspose2d(maps, channels, KERNEL, STRIDE), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, noise: Float[Tensor, "b z"]) -> Float[Tensor, "b c h w"]:
        """Pictures, cut to their size where the grid gives a little more."""
        return self.layers(noise)[:, :, : self.size[0], : self.size[1]]


class ConvolutionalDiscriminator(nn.Module):
    """Pictures and classes to a score: three maxout convolutions with pooling, a maxout layer, a linear function."""

    def __init__(self, channels: int, classes: int, size: Size, units: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Dropout(1 - SEEN)]
        before = channels
        for number, (wide, kernel, padding) in enumerate(FILTERS):
            layers += [nn.Dropout(1 - KEPT)] if number else []
            layers += [Maxout(nn.Conv2d(before, wide * FILTER_PIECES, kernel, padding=padding), FILTER_PIECES)]
            layers += [nn.MaxPool2d(2, 2, ceil_mode=True)]
            before = wide
        self.convolve = nn.Sequential(*layers, nn.Flatten())
        with torch.no_grad():
            features = self.convolve.eval()(torch.zeros(1, channels, *size)).shape[1]
        self.answer = nn.Sequential(
            nn.Dropout(1 - KEPT), Maxout(nn.Linear(features + classes, units * PIECES), PIECES),
            nn.Dropout(1 - KEPT), nn.Linear(units, 1),
        )  # fmt: skip
        self.train()

    def forward(self, images: Float[Tensor, "b c h w"], classes: Float[Tensor, "b k"]) -> Float[Tensor, "b"]:
        """A score for each picture."""
        return self.answer(torch.cat([self.convolve(images), classes], 1))[:, 0]


def uniform_(network: nn.Module, most: float) -> None:
    """Begin with weights that are uniform in [-most, most]; biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.uniform_(module.weight, -most, most)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
