"""WGAN-GP of 2017: Wasserstein generative adversarial network with a gradient penalty.

After Gulrajani et al. 2017: a critic without norms estimates how far generated pictures are from real ones, held to
gradients of norm 1 at random points between pairs of them, and is updated several times for each update of the
generator. Networks as those of ``dcgan``. A class is asked for by one more input and seen as one more plane (Mirza and
Osindero 2014). Kept for comparison: steadier than ``dcgan`` and slower, since most of its time goes into the critic.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim import Optimizer

from clearsight.adversaries import CRITIC, GENERATOR, adam
from clearsight.generators.asked_classes import rows_asked, rows_of_batch
from clearsight.generators.canvas import Canvas, check_built, in_channels, in_colour
from clearsight.generators.grids import starting_grid
from clearsight.generators.players import TRAINING, number_of_classes, settled, with_planes
from clearsight.generators.strided import StridedDiscriminator, StridedGenerator
from clearsight.ops.adversarial_losses import one_centred_penalty
from clearsight.types import Batch, Losses, Training, Truth


@dataclass(frozen=True, kw_only=True)
class WganGpConfig(Canvas):
    """What can be chosen of a WganGp.

    ``latents`` is the number of normal variates a picture is made of, ``width`` the channels at half of the full size;
    with every further halving the channels double. ``gradient_penalty`` is the weight of the gradient penalty and
    ``critic_updates`` how often the critic is updated in a step.
    """

    latents: int = 128
    width: int = 64
    gradient_penalty: float = 10.0
    critic_updates: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("latents", "width", "critic_updates"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        if self.gradient_penalty < 0:
            raise ValueError(f"gradient_penalty is {self.gradient_penalty}. Expected 0 or more.")


class WganGp(nn.Module):
    """A generator and a critic of strided convolutions."""

    config_type: ClassVar[type] = WganGpConfig
    training_defaults: ClassVar[Training] = replace(TRAINING, batch_size=64, learning_rate=1e-4)
    strides: ClassVar[tuple[int, ...]] = ()
    latent_prior: ClassVar[str] = "normal"

    def __init__(self, config: WganGpConfig, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.classes = number_of_classes(config, class_names)
        grid, doublings = starting_grid(check_built(config))
        self.generator = StridedGenerator(config.latents + self.classes, config.channels, grid, config.width, doublings)
        self.critic = StridedDiscriminator(
            config.channels + self.classes, grid, config.width, doublings, normalised=False
        )

    @classmethod
    def fitted(cls, config: WganGpConfig, truths: Iterable[Truth], class_names: tuple[str, ...]) -> WganGpConfig:
        """The config, checked against the truths and for its size."""
        starting_grid(check_built(config))
        return settled(config, truths)

    @property
    def turns(self) -> tuple[tuple[str, ...], ...]:
        """The critic several times, then the generator once."""
        return *((CRITIC,),) * self.config.critic_updates, (GENERATOR,)

    def losses(self, batch: Batch, player: str = GENERATOR) -> Losses:
        """Scores of made less those of real pictures, and the penalty, for the critic; for the generator its scores.

        In float32 whatever the rest is in: the penalty is a derivative of a derivative.
        """
        with torch.autocast(batch.images.device.type, enabled=False):
            real = 2 * in_channels(batch.images.float(), self.config.channels) - 1
            classes = rows_of_batch(self.config, batch, self.classes)
            noise = torch.randn(len(real), self.config.latents).to(real)
            made = self.generator(torch.cat([noise, classes], 1))
            if player == GENERATOR:
                return {"made": -self.critic(with_planes(made, classes)).mean()}
            both = self.critic(with_planes(torch.cat([real, made]), torch.cat([classes, classes])))
            scores_real, scores_made = both.chunk(2)
            share = torch.rand(len(real), 1, 1, 1).to(real)
            between = (share * real + (1 - share) * made.detach()).requires_grad_()
            penalty = one_centred_penalty(self.critic(with_planes(between, classes)), between)
            return {
                "distance": scores_made.mean() - scores_real.mean(),
                "penalty": self.config.gradient_penalty * penalty,
            }

    def optimizer(self, player: str, training: Training) -> Optimizer:
        """Adam with the paper's betas."""
        return adam(self, player, training, (0.0, 0.9))

    def schedule(self, optimizer: Optimizer, player: str, progress: float) -> None:
        """The learning rate stays, as in the paper."""

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
        noise = latents.to(self.generator.project.weight)
        wanted = rows_asked(self.config, classes, self.classes, noise)
        made = self.generator(torch.cat([noise, wanted], 1))
        return in_colour(made / 2 + 0.5)
