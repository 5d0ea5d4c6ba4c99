"""Pictures from label maps: a generator of spatially-adaptive normalisation and a discriminator of patches.

Semantic image synthesis after Park et al. 2019 (SPADE), from the paper's equations: hinge loss (Lim and Ye 2017),
feature matching on the discriminator's own maps (Wang et al. 2018), and latents of an image encoder, so that one map
gives several pictures. Its loss on the features of a pretrained network is left out: no network is taken from
elsewhere. The weights kept are a moving average.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.optim import Optimizer

from clearsight.adversaries import DISCRIMINATOR, GENERATOR, TAKING_TURNS, Features, PatchDiscriminator, adam
from clearsight.generators import asked_maps
from clearsight.generators.asked_classes import checked
from clearsight.generators.canvas import Canvas, check_built, in_channels, in_colour
from clearsight.generators.players import TRAINING
from clearsight.generators.residual import by_level
from clearsight.generators.residual_maps import map_sizes
from clearsight.generators.spade import SpadeGenerator
from clearsight.generators.variational import divergences
from clearsight.ops.adversarial_losses import hinge
from clearsight.types import Batch, ClassMap, Losses, Training, Truth

PIXELS_AT_ONCE = 2**20  # of pictures made together: some hundred megabytes of maps at the usual widths
FINAL_RATE = 0.02  # the learning rate at the end, as a share of the peak


@dataclass(frozen=True, kw_only=True)
class SynthesisConfig(Canvas):
    """What can be chosen of a Synthesis.

    ``widths`` are the generator's channels at full size, at half of it and so on, the last number for all smaller
    sizes; ``map_width`` those that each normalisation sees a label map through. ``latents`` is the number of normal
    variates that give a picture its style; 0 for one picture for each map. ``patch_widths`` are the channels of the
    discriminator's layers, and ``scales`` how many sizes of a picture it judges, each half the one before.
    ``feature_matching`` and ``divergence`` are the weights of these losses beside the hinge loss, the paper's where
    nothing is said. ``beta2`` is Adam's second beta.
    """

    widths: tuple[int, ...] = (16, 32, 64, 128)
    map_width: int = 16
    latents: int = 32
    patch_widths: tuple[int, ...] = (32, 64, 128)
    scales: int = 2
    feature_matching: float = 10.0
    divergence: float = 0.05
    beta2: float = 0.99

    @property
    def made_from(self) -> type | None:
        """A label map."""
        return ClassMap

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.conditional:
            raise ValueError(
                "conditional is set, and these pictures are made from label maps, which say what is where. Leave "
                "conditional out."
            )
        for name in ("widths", "patch_widths"):
            numbers = getattr(self, name)
            if not numbers or min(numbers) < 1:
                raise ValueError(f"{name} is {numbers}. Expected numbers from 1 on, from the full size down.")
        for name, least in (("map_width", 1), ("scales", 1), ("latents", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least {least}.")
        for name in ("feature_matching", "divergence"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected a weight of 0 or more.")
        if not 0 <= self.beta2 < 1:
            raise ValueError(f"beta2 is {self.beta2}. Expected a number from 0 on, below 1.")


class Synthesis(nn.Module):
    """A generator of label maps, and a discriminator of pairs of a map and a picture."""

    config_type: ClassVar[type] = SynthesisConfig
    # A map is mirrored with its picture, so flips teach nothing wrong.
    training_defaults: ClassVar[Training] = replace(
        TRAINING, batch_size=8, learning_rate=5e-4, size_px=128, flips="data", precision="auto"
    )
    strides: ClassVar[tuple[int, ...]] = ()
    turns: ClassVar[tuple[tuple[str, ...], ...]] = TAKING_TURNS

    def __init__(self, config: SynthesisConfig, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config, self.names, self.size = config, len(class_names), check_built(config)
        sizes, planes = map_sizes(self.size), self.names + 1
        widths = by_level(config.widths, len(sizes) - 1)
        self.generator = SpadeGenerator(planes, config.channels, sizes, widths, config.map_width, config.latents)
        self.discriminator = PatchDiscriminator(config.channels + planes, config.patch_widths, config.scales)

    @classmethod
    def fitted(cls, config: SynthesisConfig, truths: Iterable[Truth], class_names: tuple[str, ...]) -> SynthesisConfig:
        """The config as it is.

        Raises ValueError where a training picture has no label map, or all maps show the same one class.
        """
        seen = torch.zeros(256, dtype=torch.bool)
        for truth in truths:
            seen[asked_maps.maps_of([truth]).flatten().long()] = True
        shown = [name for name, yes in zip(class_names, seen.tolist(), strict=False) if yes]
        if len(shown) < 2:
            raise ValueError(
                f"the label maps show {'only ' + shown[0] if shown else 'no class at all'}. Expected two classes or "
                "more: look at the values in the masks and at the class list."
            )
        check_built(config)
        return config

    def losses(self, batch: Batch, player: str = GENERATOR) -> Losses:
        """The hinge loss of a player; for the generator also feature matching and the divergence of its latents."""
        real = 2 * in_channels(batch.images, self.config.channels) - 1
        labels = asked_maps.planes(asked_maps.of_batch(batch), self.names)
        if player == DISCRIMINATOR:
            with torch.no_grad():
                made = self._made(real, labels)[0]
            found = self.discriminator(torch.cat([torch.cat([real, made]), torch.cat([labels, labels])], 1))
            scores = [maps[-1].float().chunk(2) for maps in found]
            return {"hinge": torch.stack([hinge(true, True) + hinge(false, False) for true, false in scores]).mean()}
        made, divergence = self._made(real, labels)
        found = self.discriminator(torch.cat([made, labels], 1))
        with torch.no_grad():
            wanted = self.discriminator(torch.cat([real, labels], 1))
        losses = {"hinge": -torch.stack([maps[-1].float().mean() for maps in found]).mean()}
        if self.config.feature_matching:
            losses["feature matching"] = self.config.feature_matching * _apart(found, wanted)
        if self.config.latents and self.config.divergence:
            losses["divergence"] = self.config.divergence * divergence
        return losses

    def _made(self, real: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures of these maps in the style of the real ones, and the divergence of their latents from the normal."""
        if not self.config.latents:
            return self.generator(real.new_zeros(len(real), 0), labels).to(real), real.new_zeros(())
        mean, log_variance = self.generator.encoder(real)
        drawn = mean + (log_variance / 2).exp() * torch.randn(mean.shape).to(mean)
        return self.generator(drawn, labels).to(real), divergences(mean, log_variance).sum(1).mean()

    def optimizer(self, player: str, training: Training) -> Optimizer:
        """Adam without momentum."""
        return adam(self, player, training, (0.0, self.config.beta2))

    def schedule(self, optimizer: Optimizer, player: str, progress: float) -> None:
        """The learning rate stays for half of the run and then falls linearly, as in the paper."""
        share = 1 - (1 - FINAL_RATE) * max(0.0, 2 * min(progress, 1.0) - 1)
        for group in optimizer.param_groups:
            group["lr"] = group["highest"] * share

    def latents(self, count: int, random: torch.Generator) -> Float[Tensor, "n z"]:
        """Normal variates."""
        return torch.randn(count, self.config.latents, generator=random)

    @torch.no_grad()
    def sample(
        self,
        latents: Float[Tensor, "n z"],
        classes: Int[Tensor, "n"] | None = None,
        condition: UInt8[Tensor, "n h w"] | None = None,
    ) -> Float[Tensor, "n 3 h w"]:
        """A picture in [0, 1] of each label map; the network must be in evaluation mode.

        Raises ValueError where there is no map for each of the latents, or one does not fit the network.
        """
        checked(self.config, classes, len(latents), self.names)
        maps = asked_maps.checked(condition, len(latents), self.size, self.names)
        weight = self.generator.first.weight
        at_once = max(1, PIXELS_AT_ONCE // (self.size[0] * self.size[1]))
        parts = []
        for noise, some in zip(latents.split(at_once), maps.split(at_once), strict=True):
            labels = asked_maps.planes(some.to(weight.device), self.names)
            parts.append(self.generator(noise.to(weight), labels).float() / 2 + 0.5)
        made = torch.cat([weight.new_zeros(0, self.config.channels, *self.size), *parts])
        return in_colour(made.clamp(0, 1))


def _apart(found: list[Features], wanted: list[Features]) -> Float[Tensor, ""]:
    """The mean absolute difference of the maps of each layer but the scores', averaged over layers and scales."""
    return torch.stack(
        [
            (mine.float() - true.float()).abs().mean()
            for some, others in zip(found, wanted, strict=True)
            for mine, true in zip(some[:-1], others[:-1], strict=True)
        ]
    ).mean()
