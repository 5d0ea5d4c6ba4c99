"""Generative adversarial network as trained today: relativistic pairs, penalties on gradients, no normalisation.

Two residual networks (Goodfellow et al. 2014; the loss and its two penalties after Huang et al. 2024, "The GAN is dead;
long live the GAN!"). The discriminator says by how much a real picture is more real than a made one, the generator
wants the opposite, and the squared gradients of the discriminator at real (R1) and at generated pictures (R2, Mescheder
et al. 2018) are held small, which keeps the game convergent and the generator on all kinds of pictures. The weights
kept are a moving average. Where pictures are few, both kinds may be augmented by operations that gradients pass through
(Zhao et al. 2020). Classes can be asked for where the training pictures have them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim import Optimizer

from clearsight.adversaries import GENERATOR, TAKING_TURNS, adam
from clearsight.generators.asked_classes import rows_asked, rows_of_batch
from clearsight.generators.canvas import Canvas, check_built, in_channels, in_colour
from clearsight.generators.grids import starting_grid
from clearsight.generators.players import TRAINING, number_of_classes, settled, with_planes
from clearsight.generators.residual import ResidualDiscriminator, ResidualGenerator, by_level
from clearsight.ops.adversarial_losses import relativistic, zero_centred_penalty
from clearsight.ops.differentiable_augmentation import DifferentiableAugmentation
from clearsight.types import Batch, Losses, Training, Truth

CONDITIONINGS = ("projection", "concatenation")


@dataclass(frozen=True, kw_only=True)
class GanConfig(Canvas):
    """What can be chosen of a Gan.

    ``latents`` is the number of normal variates a picture is made of. ``widths`` are the channels at full size, at half
    of it and so on, the last number for all smaller sizes; ``blocks`` likewise the residual blocks of each network. The
    penalties weigh ``gradient_penalty`` at the beginning and ``final_gradient_penalty`` at the end (more is safer and
    slower); they are taken of a ``penalised_share`` of each batch, which has the same mean and costs less. The learning
    rate ends at ``final_rate`` of its peak, and Adam's second beta goes from ``beta2`` to ``final_beta2``.
    ``conditioning`` is how the discriminator of a conditional one learns of the class: by "projection" (Miyato and
    Koyama 2018) or "concatenation". ``augment_colour``, ``augment_translation`` and ``augment_cutout`` change what the
    discriminator sees; leave colour and cutout out where colour, or a part of the picture, is what tells.
    """

    latents: int = 64
    widths: tuple[int, ...] = (32, 64, 128)
    blocks: tuple[int, ...] = (0, 1, 1)
    gradient_penalty: float = 1.0
    final_gradient_penalty: float = 0.1
    penalised_share: float = 0.25
    final_rate: float = 0.05
    beta2: float = 0.9
    final_beta2: float = 0.99
    conditioning: str = "projection"
    augment_colour: bool = False
    augment_translation: bool = False
    augment_cutout: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.latents < 1:
            raise ValueError(f"latents is {self.latents}. Expected at least 1.")
        for name, least in (("widths", 1), ("blocks", 0)):
            numbers = getattr(self, name)
            if not numbers or min(numbers) < least:
                raise ValueError(f"{name} is {numbers}. Expected numbers from {least} on, from the full size down.")
        if min(self.gradient_penalty, self.final_gradient_penalty) < 0:
            raise ValueError(
                f"gradient_penalty is {self.gradient_penalty} and final_gradient_penalty "
                f"{self.final_gradient_penalty}. Expected 0 or more."
            )
        for name in ("penalised_share", "final_rate"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected a number above 0, up to 1.")
        for name in ("beta2", "final_beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected a number from 0 on, below 1.")
        if self.conditioning not in CONDITIONINGS:
            raise ValueError(f"conditioning is {self.conditioning!r}. Expected one of {', '.join(CONDITIONINGS)}.")


class Gan(nn.Module):
    """A generator and a discriminator that compares pairs."""

    config_type: ClassVar[type] = GanConfig
    training_defaults: ClassVar[Training] = replace(TRAINING, batch_size=64, learning_rate=1e-3, precision="auto")
    strides: ClassVar[tuple[int, ...]] = ()
    turns: ClassVar[tuple[tuple[str, ...], ...]] = TAKING_TURNS
    latent_prior: ClassVar[str] = "normal"

    def __init__(self, config: GanConfig, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.classes = number_of_classes(config, class_names)
        grid, doublings = starting_grid(check_built(config))
        widths, blocks = by_level(config.widths, doublings), by_level(config.blocks, doublings)
        self.projects = config.conditioning == "projection"
        planes, outputs = (0, 1 + self.classes) if self.projects else (self.classes, 1)
        self.generator = ResidualGenerator(config.latents + self.classes, config.channels, grid, widths, blocks)
        self.discriminator = ResidualDiscriminator(config.channels + planes, outputs, grid, widths, blocks)
        self.augment = DifferentiableAugmentation(
            colour=config.augment_colour, translation=config.augment_translation, cutout=config.augment_cutout
        )

    @classmethod
    def fitted(cls, config: GanConfig, truths: Iterable[Truth], class_names: tuple[str, ...]) -> GanConfig:
        """The config, checked against the truths and for its size."""
        starting_grid(check_built(config))
        return settled(config, truths)

    def losses(self, batch: Batch, player: str = GENERATOR) -> Losses:
        """The pairing loss of a player, and the discriminator's two penalties.

        The penalties are derivatives of derivatives: they are taken in float32 whatever the rest is in.
        """
        real = 2 * in_channels(batch.images, self.config.channels) - 1
        classes = rows_of_batch(self.config, batch, self.classes)
        noise = torch.randn(len(real), self.config.latents).to(real)
        made = self.generator(torch.cat([noise, classes], 1)).to(real)
        real, made = self.augment(torch.cat([real, made if player == GENERATOR else made.detach()])).chunk(2)
        if player == GENERATOR:
            with torch.no_grad():
                other = self._scores(real, classes)
            return {"pairing": relativistic(self._scores(made, classes), other)}
        weight = _between(self.config.gradient_penalty, self.config.final_gradient_penalty, batch.progress)
        return self._discriminator_losses(real, made, classes, weight)

    def _discriminator_losses(self, real: Tensor, made: Tensor, classes: Tensor, weight: float) -> Losses:
        """The pairing loss of all pairs, and the penalties of the first so many, seen apart for the others' sake."""
        count = math.ceil(self.config.penalised_share * len(real))
        with torch.autocast(real.device.type, enabled=False):
            images = torch.cat([real[:count], made[:count]]).float().requires_grad_()
            scores = self._scores(images, torch.cat([classes[:count], classes[:count]]).float())
            penalty = 2 * zero_centred_penalty(scores, images)
        preferred, other = scores.chunk(2)
        if count < len(real):
            rest = torch.cat([classes[count:], classes[count:]])
            more = self._scores(torch.cat([real[count:], made[count:]]), rest).chunk(2)
            preferred, other = torch.cat([preferred, more[0]]), torch.cat([other, more[1]])
        return {"pairing": relativistic(preferred, other), "R1 + R2": weight * penalty}

    def _scores(self, images: Tensor, classes: Tensor) -> Float[Tensor, "b"]:
        """How real each picture is, as one of its class."""
        if not self.projects:
            return self.discriminator(with_planes(images, classes))[:, 0]
        outputs = self.discriminator(images)
        return outputs[:, 0] + (outputs[:, 1:] * classes).sum(1)

    def optimizer(self, player: str, training: Training) -> Optimizer:
        """Adam without momentum."""
        return adam(self, player, training, (0.0, self.config.beta2))

    def schedule(self, optimizer: Optimizer, player: str, progress: float) -> None:
        """The learning rate falls along a cosine while the second beta rises."""
        for group in optimizer.param_groups:
            group["lr"] = group["highest"] * _between(1.0, self.config.final_rate, progress)
            group["betas"] = (0.0, _between(self.config.beta2, self.config.final_beta2, progress))

    def latents(self, count: int, random: torch.Generator) -> Float[Tensor, "n z"]:
        """Normal variates."""
        return torch.randn(count, self.config.latents, generator=random)

    @torch.no_grad()
    def sample(
        self, latents: Float[Tensor, "n z"], classes: Int[Tensor, "n"] | None = None
    ) -> Float[Tensor, "n 3 h w"]:
        """Pictures in [0, 1]; the network must be in evaluation mode."""
        return self.rendered(latents, classes)

    def rendered(
        self, latents: Float[Tensor, "n z"], classes: Int[Tensor, "n"] | None = None
    ) -> Float[Tensor, "n 3 h w"]:
        """The same with gradients, to search for latents."""
        noise = latents.to(self.generator.grid)
        wanted = rows_asked(self.config, classes, self.classes, noise)
        made = self.generator(torch.cat([noise, wanted], 1))
        return in_colour((made / 2 + 0.5).clamp(0, 1))


def _between(first: float, last: float, progress: float) -> float:
    """From ``first`` to ``last`` along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * min(max(progress, 0.0), 1.0))) / 2
