"""Networks of spatially-adaptive normalisation (SPADE): label maps to pictures.

After the equations and figures of Park et al. 2019. A map is normalised to mean 0 and variance 1 in each channel, which
washes out what a uniform area of the label map said; scale and shift are therefore read from the label map anew at
every layer and at every pixel.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.adversaries import activated
from clearsight.generators.asked_maps import resized
from clearsight.generators.residual import Bounded
from clearsight.types import Size


class SpatiallyAdaptiveNorm(nn.Module):
    """A map normalised by channel over the batch, then scaled and shifted at each pixel by its label (equation 1)."""

    def __init__(self, width: int, planes: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.look = nn.Conv2d(planes, hidden, 3, padding=1)
        self.scale_and_shift = nn.Conv2d(hidden, 2 * width, 3, padding=1)
        assert self.scale_and_shift.bias is not None
        nn.init.ones_(self.scale_and_shift.bias[:width])  # it begins as a plain normalisation

    def forward(self, feature: Float[Tensor, "b c h w"], labels: Float[Tensor, "b k h w"]) -> Float[Tensor, "b c h w"]:
        """The map, normalised for its labels."""
        scale, shift = self.scale_and_shift(F.relu(self.look(labels))).chunk(2, 1)
        return self.norm(feature) * scale + shift


class SpadeBlock(nn.Module):
    """A residual block of two such normalisations (figure 4); its shortcut has one where the width changes."""

    def __init__(self, before: int, after: int, planes: int, hidden: int) -> None:
        super().__init__()
        middle = min(before, after)
        self.norms = nn.ModuleList(SpatiallyAdaptiveNorm(width, planes, hidden) for width in (before, middle))
        self.first = nn.Conv2d(before, middle, 3, padding=1)
        self.second = nn.Conv2d(middle, after, 3, padding=1)
        self.shortcut: nn.Module | None = None
        if before != after:
            self.norms.append(SpatiallyAdaptiveNorm(before, planes, hidden))
            self.shortcut = nn.Conv2d(before, after, 1, bias=False)

    def forward(self, feature: Float[Tensor, "b c h w"], labels: Float[Tensor, "b k h w"]) -> Float[Tensor, "b d h w"]:
        """Normalise, activate, convolve, twice; add."""
        inside = self.first(activated(self.norms[0](feature, labels)))
        inside = self.second(activated(self.norms[1](inside, labels)))
        return inside + (feature if self.shortcut is None else self.shortcut(self.norms[2](feature, labels)))


class SpadeGenerator(nn.Module):
    """Label maps, and noise for the style, to pictures: a block at each size, doubled until full size.

    ``sizes`` and ``widths`` are those of the maps, the finest first. Where there are ``latents``, ``encoder`` finds
    those of a real picture, as the paper does for pictures of a wanted style.
    """

    def __init__(
        self, planes: int, channels: int, sizes: list[Size], widths: list[int], hidden: int, latents: int
    ) -> None:
        super().__init__()
        self.sizes, self.latents = sizes[::-1], latents
        coarse = widths[::-1]
        self.first = nn.Conv2d(planes, coarse[0], 3, padding=1)
        if latents:
            self.style = nn.Linear(latents, coarse[0] * self.sizes[0][0] * self.sizes[0][1])
            self.encoder = StyleEncoder(channels, widths, latents)
        self.blocks = nn.ModuleList(
            SpadeBlock(before, after, planes, hidden)
            for before, after in zip(coarse, [*coarse[1:], coarse[-1]], strict=True)
        )
        self.last = nn.Conv2d(coarse[-1], channels, 3, padding=1)

    def forward(self, noise: Float[Tensor, "b z"], labels: Float[Tensor, "b k h w"]) -> Float[Tensor, "b c h w"]:
        """Pictures in [-1, 1]."""
        feature = self.first(resized(labels, self.sizes[0]))
        if self.latents:
            feature = feature + self.style(noise).unflatten(1, (-1, *self.sizes[0]))
        for block, size in zip(self.blocks, self.sizes, strict=True):
            if tuple(feature.shape[2:]) != size:
                feature = F.interpolate(feature, size=size, mode="nearest")
            feature = block(feature, resized(labels, size))
        return Bounded.apply(self.last(activated(feature)))


class StyleEncoder(nn.Module):
    """A picture to the mean and the logarithm of the variance of its latents."""

    def __init__(self, channels: int, widths: list[int], latents: int) -> None:
        super().__init__()
        pairs = zip([channels, *widths[:-1]], widths, strict=True)
        self.layers = nn.ModuleList(nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in pairs)
        self.linear = nn.Linear(4 * widths[-1], 2 * latents)

    def forward(self, images: Float[Tensor, "b c h w"]) -> tuple[Float[Tensor, "b z"], Float[Tensor, "b z"]]:
        """Both, in float32: an exponential follows."""
        feature = images
        for layer in self.layers:
            feature = activated(layer(feature))
        with torch.autocast(images.device.type, enabled=False):
            found = self.linear(F.adaptive_avg_pool2d(feature.float(), 2).flatten(1))
        mean, log_variance = found.chunk(2, 1)
        return mean, log_variance.clamp(-10, 10)
