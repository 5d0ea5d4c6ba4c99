"""The first GAN, of 2014: generative adversarial network of perceptrons with maxout and dropout.

After Goodfellow et al. 2014, in the sizes of the authors' published settings: for MNIST 100 uniform variates, two
layers of 1200 ReLU and sigmoid pixels against two layers of 240 maxout units of five pieces, with dropout, by
stochastic gradient descent whose momentum rises from 0.5 to 0.7. Their rate falls by a factor a step; here both follow
the progress of the run instead. As in theirs, both are updated at once, the discriminator minimises half the sum of its
two cross-entropies, and the generator of perceptrons begins at the mean of the pictures. Without any of the three, as
where they take turns (algorithm 1 of the paper), the discriminator soon knows all real pictures, and the generator
often makes one picture of all noise. ``nets=convolutional`` are in the manner of their networks for CIFAR-10. The
generator's loss is the one that does not saturate. A class is asked for by one more input (Mirza and Osindero 2014).
Kept for history; its report has the paper's Parzen-window figure.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from clearsight.adversaries import DISCRIMINATOR, GENERATOR
from clearsight.generators.asked_classes import rows_asked, rows_of_batch
from clearsight.generators.canvas import Canvas, check_built, in_channels, in_colour
from clearsight.generators.maxout import (
    ConvolutionalDiscriminator,
    ConvolutionalGenerator,
    PerceptronDiscriminator,
    perceptron_generator,
    uniform_,
)
from clearsight.generators.players import TRAINING, number_of_classes, settled, uniform_noise
from clearsight.ops.adversarial_losses import logistic
from clearsight.types import Batch, Losses, Training, Truth

NETS = ("mlp", "convolutional")
HIDDEN, UNITS = {"mlp": 1200, "convolutional": 8000}, {"mlp": 240, "convolutional": 500}
FINAL_RATE = 1.000004**-125_000  # of the peak: what 250 epochs of 500 steps leave by the authors' factor a step
FINAL_MOMENTUM = 0.7
DARKEST = 1e-4  # a pixel that is black in all of some pictures begins no darker, and can still be learnt


@dataclass(frozen=True, kw_only=True)
class Gan2014Config(Canvas):
    """What can be chosen of a Gan2014.

    ``nets`` are "mlp" or "convolutional"; ``latents`` is the number of uniform variates a picture is made of.
    ``hidden_units`` are those of each of the generator's layers and ``maxout_units`` those of the discriminator's, 0
    for the authors': 1200 and 240 of "mlp", 8000 and 500 of "convolutional".
    """

    nets: str = "mlp"
    latents: int = 100
    hidden_units: int = 0
    maxout_units: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nets not in NETS:
            raise ValueError(f"nets is {self.nets!r}. Expected one of {', '.join(NETS)}.")
        if self.latents < 1 or min(self.hidden_units, self.maxout_units) < 0:
            raise ValueError(
                f"latents is {self.latents}, hidden_units {self.hidden_units}, maxout_units {self.maxout_units}. "
                "Expected at least 1 of each, or 0 units for the authors'."
            )


class Gan2014(nn.Module):
    """A generator and a discriminator that are perceptrons, or nearly so."""

    config_type: ClassVar[type] = Gan2014Config
    training_defaults: ClassVar[Training] = replace(TRAINING, batch_size=100, learning_rate=0.1, momentum=0.5)
    strides: ClassVar[tuple[int, ...]] = ()
    turns: ClassVar[tuple[tuple[str, ...], ...]] = ((DISCRIMINATOR, GENERATOR),)  # at once
    latent_prior: ClassVar[str] = "uniform"
    reports_parzen_window: ClassVar[bool] = True

    def __init__(self, config: Gan2014Config, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.classes = number_of_classes(config, class_names)
        size = check_built(config)
        inputs, pixels = config.latents + self.classes, config.channels * size[0] * size[1]
        hidden, units = config.hidden_units or HIDDEN[config.nets], config.maxout_units or UNITS[config.nets]
        self.generator: nn.Module
        self.discriminator: nn.Module
        if config.nets == "mlp":
            self.generator = perceptron_generator(inputs, hidden, config.channels, size)
            self.discriminator = PerceptronDiscriminator(pixels, self.classes, units)
        else:
            self.generator = ConvolutionalGenerator(inputs, hidden, config.channels, size)
            self.discriminator = ConvolutionalDiscriminator(config.channels, self.classes, size, units)
        uniform_(self.generator, 0.05)
        uniform_(self.discriminator, 0.005)

    @classmethod
    def fitted(cls, config: Gan2014Config, truths: Iterable[Truth], class_names: tuple[str, ...]) -> Gan2014Config:
        """The config, checked against the truths."""
        return settled(config, truths)

    def losses(self, batch: Batch, player: str = GENERATOR) -> Losses:
        """Cross-entropy: of real and generated pictures for the discriminator, of these as real for the generator."""
        classes = rows_of_batch(self.config, batch, self.classes)
        images = in_channels(batch.images, self.config.channels)
        noise = uniform_noise(len(images), self.config.latents).to(images)
        scores = self.discriminator(self.generator(torch.cat([noise, classes], 1)), classes).float()
        if player == GENERATOR:
            return {"made": logistic(scores, real=True)}
        real = self.discriminator(images, classes).float()
        return {"real": logistic(real, real=True) / 2, "made": logistic(scores, real=False) / 2}

    @torch.no_grad()
    def prepare(self, images: Float[Tensor, "n 3 h w"]) -> None:
        """Let perceptrons begin at the mean of these pictures: what they make without any noise.

        Where only the middle of larger pictures is given, its border goes on to theirs.
        """
        if self.config.nets == "mlp":
            mean = in_channels(images, self.config.channels).float().mean(0, keepdim=True)
            rest = [whole - part for whole, part in zip(check_built(self.config), mean.shape[2:], strict=True)]
            sides = (rest[1] // 2, -(-rest[1] // 2), rest[0] // 2, -(-rest[0] // 2))
            (*_, last) = (module for module in self.generator.modules() if isinstance(module, nn.Linear))
            last.bias.copy_(F.pad(mean, sides, mode="replicate").flatten().logit(DARKEST))

    def optimizer(self, player: str, training: Training) -> Optimizer:
        """Stochastic gradient descent with momentum."""
        groups = [{"params": list(self.get_submodule(player).parameters()), "highest": training.learning_rate}]
        optimizer = SGD(groups, lr=training.learning_rate, momentum=training.momentum, fused=True)
        optimizer.param_groups[0]["lowest_momentum"] = training.momentum
        return optimizer

    def schedule(self, optimizer: Optimizer, player: str, progress: float) -> None:
        """The learning rate falls by the same factor in equal parts of the run; the momentum rises to 0.7."""
        for group in optimizer.param_groups:
            first = group["lowest_momentum"]
            group["lr"] = group["highest"] * math.pow(FINAL_RATE, progress)
            group["momentum"] = first + max(FINAL_MOMENTUM - first, 0.0) * progress

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
        noise = latents.to(next(self.generator.parameters()))
        wanted = rows_asked(self.config, classes, self.classes, noise)
        return in_colour(self.generator(torch.cat([noise, wanted], 1)))
