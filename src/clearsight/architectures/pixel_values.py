"""What a pixel's colour may be, given what was conditioned on and the pixels before it: two families of distributions.

The maps of the conditioning network and those of the autoregressive network are added (Dahl et al. 2017, equation 4).
The channels of a pixel come one after the other: green knows red, and blue knows both. Both families start from a
distribution round the enlarged input, whose width is learnt.

- ``Softmax``: a probability for each of the 256 levels, as in the paper.
- ``Logistics``: a mixture of logistic distributions cut into the levels (Salimans et al. 2017), which knows from the
  start that levels next to each other are alike, and learns from fewer pictures.
"""

import math
from typing import Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from clearsight.ops.discretised_logistic import LEVELS, LOG_SCALES, log_mass

LOG_SCALE = math.log(0.1)  # of the start, for pixels in [-1, 1]: about 13 levels
Maps = Float[Tensor, "b k h w"]


def scaled(levels: Tensor) -> Tensor:
    """Levels from 0 to 255 as numbers in [-1, 1]."""
    return 2 * levels.float() / (LEVELS - 1) - 1


class PixelValues(Protocol):
    """One of the families: how many maps each network makes, the probability of pictures, and draws of one pixel."""

    conditioning_maps: int
    prior_maps: int

    def log_likelihoods(
        self, conditioning: Maps, prior: Maps | None, centre: Float[Tensor, "b c h w"], levels: Int[Tensor, "b c h w"]
    ) -> Float[Tensor, "b"]:
        """In nats per picture; without a ``prior`` by the conditioning alone. ``centre`` is the enlarged input."""
        ...

    def draw(
        self,
        conditioning: Float[Tensor, "n k"],
        prior: Float[Tensor, "n m"],
        centre: Float[Tensor, "n c"],
        shares: Float[Tensor, "n d"],
        temperature: float,
    ) -> Float[Tensor, "n c"]:
        """The levels of one pixel; ``shares`` are uniform in (0, 1), one for each channel and one more."""
        ...


class Softmax(nn.Module):
    """256 logits for each channel."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.channels, self.width = channels, width
        self.conditioning_maps, self.prior_maps = channels * LEVELS, channels * width
        self.outs = nn.ModuleList(nn.Linear(width, LEVELS) for _ in range(channels))
        # What the channels before say to the hidden units of the next.
        self.before = nn.ModuleList(nn.Linear(2 * channel, width, bias=False) for channel in range(1, channels))
        self.log_scale = nn.Parameter(torch.full((channels,), LOG_SCALE))
        self.register_buffer("steps", scaled(torch.arange(LEVELS)), persistent=False)

    steps: Tensor

    def log_likelihoods(
        self, conditioning: Maps, prior: Maps | None, centre: Float[Tensor, "b c h w"], levels: Int[Tensor, "b c h w"]
    ) -> Float[Tensor, "b"]:
        """See ``PixelValues``."""
        given, found = _last(conditioning), levels.new_zeros(len(levels)).float()
        hidden = None if prior is None else _last(prior)
        values, middle = _last(scaled(levels)), _last(centre)
        for channel in range(self.channels):
            logits = self._logits(channel, given, hidden, middle, values)
            truth = levels[:, channel].flatten()
            found = found - F.cross_entropy(logits.flatten(0, -2), truth, reduction="none").view(len(levels), -1).sum(1)
        return found

    def draw(
        self,
        conditioning: Float[Tensor, "n k"],
        prior: Float[Tensor, "n m"],
        centre: Float[Tensor, "n c"],
        shares: Float[Tensor, "n d"],
        temperature: float,
    ) -> Float[Tensor, "n c"]:
        """See ``PixelValues``: by the inverse of the cumulative probabilities."""
        levels = torch.zeros_like(centre)
        for channel in range(self.channels):
            logits = self._logits(channel, conditioning, prior, centre, scaled(levels))
            levels[:, channel] = _inverse((logits / temperature).softmax(-1), shares[:, channel]).float()
        return levels

    def _logits(
        self, channel: int, given: Tensor, hidden: Tensor | None, centre: Tensor, values: Tensor
    ) -> Float[Tensor, "... 256"]:
        """Of one channel; of ``values`` those of the channels before it are used."""
        scale = self.log_scale[channel].clamp(min=-6).exp()
        start = -0.5 * ((self.steps - centre[..., channel, None]) / scale).square()
        logits = start + given[..., channel * LEVELS : (channel + 1) * LEVELS]
        if hidden is None:
            return logits
        own = hidden[..., channel * self.width : (channel + 1) * self.width]
        if channel:
            apart = torch.cat([values[..., :channel], (values - centre)[..., :channel]], -1)
            own = own + self.before[channel - 1](apart)
        out: Tensor = self.outs[channel](F.relu(own))
        return logits + out


class Logistics(nn.Module):
    """A mixture of ``components`` logistic distributions, of all channels together."""

    def __init__(self, channels: int, components: int) -> None:
        super().__init__()
        self.channels, self.components = channels, components
        pairs = channels * (channels - 1) // 2
        self.parts = (1, channels, channels, pairs)  # weight, means, log scales, and what channels take from others
        self.conditioning_maps = self.prior_maps = components * sum(self.parts)
        spread = torch.linspace(-0.5, 0.5, components) if components > 1 else torch.zeros(1)
        start = [torch.zeros(1), torch.zeros(channels), torch.full((channels,), LOG_SCALE), torch.full((pairs,), 0.5)]
        each = torch.cat(start).repeat(components, 1)
        each[:, 1 + channels : 1 + 2 * channels] += 2 * spread[:, None]  # components of several widths
        self.start = nn.Parameter(each.flatten())

    def log_likelihoods(
        self, conditioning: Maps, prior: Maps | None, centre: Float[Tensor, "b c h w"], levels: Int[Tensor, "b c h w"]
    ) -> Float[Tensor, "b"]:
        """See ``PixelValues``."""
        weights, means, log_scales, shares = self._parts(_last(conditioning if prior is None else conditioning + prior))
        middle, true = _last(centre)[..., None, :], _last(levels.float())[..., None, :]
        apart = scaled(true) - middle
        found = weights.log_softmax(-1)
        for channel in range(self.channels):
            mean = middle[..., channel] + self._mean(channel, means, shares, apart)
            found = found + log_mass(true[..., channel], mean, log_scales[..., channel])
        return found.logsumexp(-1).flatten(1).sum(1)

    def draw(
        self,
        conditioning: Float[Tensor, "n k"],
        prior: Float[Tensor, "n m"],
        centre: Float[Tensor, "n c"],
        shares: Float[Tensor, "n d"],
        temperature: float,
    ) -> Float[Tensor, "n c"]:
        """See ``PixelValues``: a component, then each channel by the inverse of its distribution."""
        weights, means, log_scales, follows = self._parts(conditioning + prior)
        chosen = _inverse((weights / temperature).softmax(-1), shares[:, -1])
        row = torch.arange(len(chosen), device=chosen.device)
        means, follows = means[row, chosen] + centre, follows[row, chosen]
        scales = temperature * log_scales[row, chosen].clamp(*LOG_SCALES).exp()
        drawn = scales * torch.logit(shares[:, :-1]).to(scales)
        levels, apart = torch.zeros_like(centre), torch.zeros_like(centre)
        for channel in range(self.channels):
            value = self._mean(channel, means, follows, apart) + drawn[:, channel]
            levels[:, channel] = ((value + 1) * (LEVELS - 1) / 2).round().clamp(0, LEVELS - 1)
            apart[:, channel] = scaled(levels[:, channel]) - centre[:, channel]
        return levels

    def _parts(self, maps: Float[Tensor, "... k"]) -> list[Tensor]:
        """Of every component the weight, the means, the log scales, and how it follows other channels."""
        parts = (maps + self.start).float().unflatten(-1, (self.components, -1)).split(self.parts, -1)
        return [parts[0][..., 0], *parts[1:]]

    def _mean(self, channel: int, means: Tensor, shares: Tensor, apart: Tensor) -> Tensor:
        """The mean of a channel beside the enlarged input, which follows how far the channels before are from it."""
        mean = means[..., channel]
        for before in range(channel):
            mean = mean + shares[..., channel * (channel - 1) // 2 + before] * apart[..., before]
        return mean


def _last(maps: Float[Tensor, "b k h w"]) -> Float[Tensor, "b h w k"]:
    return maps.permute(0, 2, 3, 1)


def quantiles(noise: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Standard normal noise as uniform numbers in (0, 1), in double precision."""
    return torch.special.ndtr(noise.double()).clamp(1e-9, 1 - 1e-9)


def _inverse(probabilities: Float[Tensor, "n k"], shares: Float[Tensor, "n"]) -> Int[Tensor, "n"]:
    """The place at which the cumulative probability passes a share."""
    passed = probabilities.double().cumsum(1) < shares[:, None]
    return passed.sum(1).clamp(max=probabilities.shape[1] - 1)
