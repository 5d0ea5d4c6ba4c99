"""What networks of two players share, whatever they make: names, an optimizer, a discriminator of patches."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.optim import Adam, Optimizer

from clearsight.types import Training

DISCRIMINATOR, CRITIC, GENERATOR = "discriminator", "critic", "generator"
TAKING_TURNS = ((DISCRIMINATOR,), (GENERATOR,))
SLOPE = 0.2  # of the leaky ReLU for negative inputs

Features = list[Tensor]


def activated(feature: Tensor) -> Tensor:
    """The leaky ReLU."""
    return F.leaky_relu(feature, SLOPE)


def adam(network: nn.Module, player: str, training: Training, betas: tuple[float, float]) -> Optimizer:
    """Adam for a player's weights, without weight decay; ``highest`` of its group is the peak learning rate."""
    weights = list(network.get_submodule(player).parameters())
    groups = [{"params": weights, "highest": training.learning_rate}]
    return Adam(groups, lr=training.learning_rate, betas=betas, fused=True)


class PatchDiscriminator(nn.Module):
    """Pictures, and beside them what they were made from, to a score for each patch, at several scales.

    After Wang et al. 2018 (section 3.2) and Park et al. 2019, with spectral normalisation (Miyato et al. 2018) of all
    layers. Its maps are not normalised: how bright they are is part of what is judged. ``inputs`` are the planes of a
    pair.
    """

    def __init__(self, inputs: int, widths: tuple[int, ...], scales: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(_patches(inputs, widths) for _ in range(scales))

    def forward(self, pairs: Float[Tensor, "b k h w"]) -> list[Features]:
        """By scale, the full size first: the maps of each layer, the scores ``b 1 h w`` last."""
        found = []
        for number, layers in enumerate(self.scales):
            if number:
                pairs = F.avg_pool2d(pairs, 2, ceil_mode=True)
            assert isinstance(layers, nn.ModuleList)
            feature, maps = pairs, []
            for layer in layers[:-1]:
                feature = activated(layer(feature))
                maps.append(feature)
            maps.append(layers[-1](feature))
            found.append(maps)
        return found


def _patches(inputs: int, widths: tuple[int, ...]) -> nn.ModuleList:
    pairs = zip([inputs, *widths[:-1]], widths, strict=True)
    layers = [nn.Conv2d(before, after, 4, stride=2, padding=2) for before, after in pairs]
    return nn.ModuleList(spectral_norm(layer) for layer in [*layers, nn.Conv2d(widths[-1], 1, 3, padding=1)])
