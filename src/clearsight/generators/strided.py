"""The networks of DCGAN (Radford et al. 2015): strided convolutions down, transposed ones up, nothing fully connected
but the ends."""

from jaxtyping import Float
from torch import Tensor, nn

from clearsight.types import Size

KERNEL = 4  # twice the stride, so that every cell is made of equally many others


class StridedGenerator(nn.Module):
    """Noise to pictures in [-1, 1]: a grid, doubled by transposed convolutions with batch norm and ReLU, tanh."""

    def __init__(self, inputs: int, channels: int, grid: Size, width: int, doublings: int) -> None:
        super().__init__()
        widths = [width * 2**level for level in reversed(range(doublings))]
        self.grid, self.width = grid, widths[0]
        self.project = nn.Linear(inputs, widths[0] * grid[0] * grid[1], bias=False)
        layers: list[nn.Module] = [nn.BatchNorm2d(widths[0]), nn.ReLU()]
        for wide, narrow in zip(widths[:-1], widths[1:], strict=True):
            layers += [
                nn.ConvTranspose2d(wide, narrow, KERNEL, 2, padding=1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU(),
            ]  # fmt: skip
        self.grow = nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], channels, KERNEL, 2, padding=1), nn.Tanh())
        small_normal_(self)

    def forward(self, noise: Float[Tensor, "b z"]) -> Float[Tensor, "b c h w"]:
        """Pictures in [-1, 1]."""
        return self.grow(self.project(noise).unflatten(1, (self.width, *self.grid)))


class StridedDiscriminator(nn.Module):
    """Pictures to a score: strided convolutions, leaky ReLU, with batch norm (but behind the first) or without."""

    def __init__(self, inputs: int, grid: Size, width: int, doublings: int, *, normalised: bool) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(doublings)]
        layers: list[nn.Module] = [nn.Conv2d(inputs, width, KERNEL, 2, padding=1), nn.LeakyReLU(0.2)]
        for narrow, wide in zip(widths[:-1], widths[1:], strict=True):
            layers += [nn.Conv2d(narrow, wide, KERNEL, 2, padding=1, bias=not normalised)]
            layers += [nn.BatchNorm2d(wide)] if normalised else []
            layers += [nn.LeakyReLU(0.2)]
        self.shrink = nn.Sequential(*layers)
        # A critic, which is the one without norms, is asked for differences only: a bias would never move.
        self.linear = nn.Linear(widths[-1] * grid[0] * grid[1], 1, bias=normalised)
        small_normal_(self)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b"]:
        """A score for each picture."""
        return self.linear(self.shrink(images).flatten(1))[:, 0]


def small_normal_(network: nn.Module) -> None:
    """Begin as the paper does: weights normal with a standard deviation of 0.02, norms as they are, biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
