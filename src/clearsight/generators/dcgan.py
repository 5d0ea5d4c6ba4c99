"""DCGAN of 2015: convolutional generative adversarial network with batch norms.

After Radford et al. 2015: no pooling and no hidden layer that is fully connected, batch norm in both networks (but at
the generator's end and the discriminator's beginning), ReLU and tanh in the generator, leaky ReLU in the discriminator,
uniform noise, Adam with a first beta of 0.5. The paper made pictures of 64 px with five layers a network; other sizes
have as many as they can be halved. A class is asked for by one more input and seen as one more plane (Mirza and
Osindero 2014). Kept for comparison: it is quick and good at first, and may lose kinds of pictures; ``gan`` is steadier.
"""

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
from clearsight.generators.players import TRAINING, number_of_classes, settled, uniform_noise, with_planes
from clearsight.generators.strided import StridedDiscriminator, StridedGenerator
from clearsight.ops.adversarial_losses import logistic
from clearsight.types import Batch, Losses, Training, Truth


@dataclass(frozen=True, kw_only=True)
class DcganConfig(Canvas):
    """What can be chosen of a Dcgan: the numbers of noise, and the channels at half of the full size.

    With every further halving the channels double.
    """

    latents: int = 100
    width: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.latents, self.width) < 1:
            raise ValueError(f"latents is {self.latents} and width {self.width}. Expected at least 1.")


class Dcgan(nn.Module):
    """A generator and a discriminator of strided convolutions."""

    config_type: ClassVar[type] = DcganConfig
    training_defaults: ClassVar[Training] = replace(TRAINING, batch_size=128, learning_rate=2e-4, precision="auto")
    strides: ClassVar[tuple[int, ...]] = ()
    turns: ClassVar[tuple[tuple[str, ...], ...]] = TAKING_TURNS
    latent_prior: ClassVar[str] = "uniform"

    def __init__(self, config: DcganConfig, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.classes = number_of_classes(config, class_names)
        grid, doublings = starting_grid(check_built(config))
        self.generator = StridedGenerator(config.latents + self.classes, config.channels, grid, config.width, doublings)
        self.discriminator = StridedDiscriminator(
            config.channels + self.classes, grid, config.width, doublings, normalised=True
        )

    @classmethod
    def fitted(cls, config: DcganConfig, truths: Iterable[Truth], class_names: tuple[str, ...]) -> DcganConfig:
        """The config, checked against the truths and for its size."""
        starting_grid(check_built(config))
        return settled(config, truths)

    def losses(self, batch: Batch, player: str = GENERATOR) -> Losses:
        """Cross-entropy: of real and generated pictures for the discriminator, of these as real for the generator."""
        classes = rows_of_batch(self.config, batch, self.classes)
        noise = uniform_noise(len(batch.images), self.config.latents).to(batch.images)
        made = self.generator(torch.cat([noise, classes], 1))
        scores = self.discriminator(with_planes(made, classes)).float()
        if player == GENERATOR:
            return {"made": logistic(scores, real=True)}
        real = 2 * in_channels(batch.images, self.config.channels) - 1
        # Apart from the made ones: batch norms of both at once would tell the discriminator the share of real ones.
        return {
            "real": logistic(self.discriminator(with_planes(real, classes)).float(), real=True),
            "made": logistic(scores, real=False),
        }

    def optimizer(self, player: str, training: Training) -> Optimizer:
        """Adam with the paper's betas."""
        return adam(self, player, training, (0.5, 0.999))

    def schedule(self, optimizer: Optimizer, player: str, progress: float) -> None:
        """The learning rate stays, as in the paper."""

    def latents(self, count: int, random: torch.Generator) -> Float[Tensor, "n z"]:
        """Uniform noise of variance 1."""
        return uniform_noise(count, self.config.latents, random)

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
        noise = latents.to(self.generator.project.weight)
        wanted = rows_asked(self.config, classes, self.classes, noise)
        made = self.generator(torch.cat([noise, wanted], 1))
        return in_colour(made / 2 + 0.5)
