"""Colour-adversarial: a trained colouring goes on against a critic, for colours that pass for real ones.

As the authors of DeOldify describe theirs ("NoGAN"): the network learns conventionally first, which is the run that
``start`` names; then a critic learns alone to tell its pictures from real ones; then both learn together for a short
time, in turns, the network by its conventional loss and by the critic's (hinge loss, Lim and Ye 2017). Left out are
their loss on the features of a pretrained network, since none is taken from elsewhere, and their eye for the moment to
stop: the budget decides.

The critic sees what the network says: the lightness of a picture, and its colours at half the resolution, where those
of real pictures are as smooth as made ones. So it cannot tell them apart by sharpness. Colours become more vivid, and
mostly further off the true ones: the report says by how much, beside the run that it started from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.optim import Optimizer

from clearsight.adversaries import DISCRIMINATOR, GENERATOR, TAKING_TURNS, PatchDiscriminator, adam
from clearsight.architectures.colour import SCALE, SHUFFLE, Colour, ColourConfig, halved, squares_of
from clearsight.ops.adversarial_losses import hinge
from clearsight.ops.lab import lab_of
from clearsight.types import Backbone, Batch, Losses, Picture, Training, Truth

FINAL_RATE = 0.1  # of the network at the end, as a share of its peak


@dataclass(frozen=True, kw_only=True)
class ColourAdversarialConfig(ColourConfig):
    """Settings of the fine-tuning of a model that colours pictures.

    ``start`` is the folder of the run of ``colour`` that it goes on from; ``answer``, ``uniform``, ``temperature``,
    ``widths``, ``depth`` and ``backbone`` are that run's, and cannot be changed. For the first ``critic_share`` of the
    training the critic learns alone. ``adversarial`` is the weight of the critic's loss beside the conventional one,
    and ``generator_rate`` the network's learning rate as a share of the critic's. ``patch_widths`` are the channels of
    the critic's layers, and ``scales`` how many sizes of a picture it judges, each half the one before. ``beta2`` is
    Adam's second beta.
    """

    start: str = ""
    critic_share: float = 0.3
    adversarial: float = 0.03
    generator_rate: float = 0.2
    patch_widths: tuple[int, ...] = (32, 64, 128)
    scales: int = 2
    beta2: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.critic_share < 1:
            raise ValueError(f"critic_share is {self.critic_share}. Expected a share from 0 on, below 1, such as 0.3.")
        if not self.adversarial >= 0:
            raise ValueError(f"adversarial is {self.adversarial}. Expected a weight of 0 or more, such as 0.03.")
        if not 0 < self.generator_rate <= 1:
            raise ValueError(f"generator_rate is {self.generator_rate}. Expected a share above 0, at most 1.")
        if not self.patch_widths or min(self.patch_widths) < 1:
            raise ValueError(f"patch_widths is {self.patch_widths}. Expected numbers from 1 on, such as 32,64,128.")
        if self.scales < 1:
            raise ValueError(f"scales is {self.scales}. Expected at least 1.")
        if not 0 <= self.beta2 < 1:
            raise ValueError(f"beta2 is {self.beta2}. Expected a number from 0 on, below 1.")


class ColourAdversarial(nn.Module):
    """A network that colours pictures, and a critic of the pairs of lightness and colours."""

    tasks: ClassVar[tuple[str, ...]] = ("reconstruction",)
    config_type: ClassVar[type] = ColourAdversarialConfig
    training_defaults: ClassVar[Training] = replace(
        Colour.training_defaults, optimizer="adamw", learning_rate=5e-4, weight_decay=0.0, warmup_share=0.0,
        ema_share=0.02,
    )  # fmt: skip
    strides: ClassVar[tuple[int, ...]] = Colour.strides
    turns: ClassVar[tuple[tuple[str, ...], ...]] = TAKING_TURNS
    starts_from: ClassVar[str] = "colour"

    def __init__(
        self, config: ColourAdversarialConfig, backbone: Backbone | None, class_names: tuple[str, ...]
    ) -> None:
        super().__init__()
        self.config = config
        self.generator = Colour(config, backbone, class_names)
        self.discriminator = PatchDiscriminator(SHUFFLE**2 + 2, config.patch_widths, config.scales)

    @property
    def backbone(self) -> Backbone | None:
        """The encoder of the network, where it is not its own."""
        return self.generator.backbone

    @classmethod
    def fitted(
        cls, config: ColourAdversarialConfig, truths: Iterable[Truth], class_names: tuple[str, ...]
    ) -> ColourAdversarialConfig:
        """The config as it is: all there is to take comes from the run that it starts from."""
        return config

    @staticmethod
    def check_pictures(images: Float[Tensor, "n 3 h w"]) -> None:
        """Raise ValueError where most of the training pictures have no colour to learn."""
        Colour.check_pictures(images)

    def go_on_from(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights of a run of ``colour``: the pictures are then what that run makes of them."""
        self.generator.load_state_dict(weights)

    def train(self, mode: bool = True) -> Self:
        """Train the critic and the weights; norms of the network keep the statistics of the run it started from.

        So the critic sees the pictures that ``predict`` makes, and not those of a batch's own statistics.
        """
        super().train(mode)
        self.generator.eval()
        return self

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h2 w2"]:
        """What the network says of each square of 2 x 2 px."""
        return self.generator(images)

    def losses(self, batch: Batch, player: str = GENERATOR) -> Losses:
        """The hinge loss of a player; for the network also its conventional loss."""
        lab = lab_of(batch.images)
        squares, ab = squares_of(lab[:, :1]), halved(lab[:, 1:])
        if player == DISCRIMINATOR:
            with torch.no_grad():
                made = self.generator.ab_of(self.generator(batch.images).float())
            pairs = torch.cat([torch.cat([squares, squares]), torch.cat([ab, made]) / SCALE], 1)
            scores = [maps[-1].float().chunk(2) for maps in self.discriminator(pairs.to(batch.images))]
            return {"hinge": torch.stack([hinge(true, True) + hinge(false, False) for true, false in scores]).mean()}
        said = self.generator(batch.images).float()
        pairs = torch.cat([squares, self.generator.ab_of(said) / SCALE], 1)
        found = self.discriminator(pairs.to(batch.images))
        deceit = -torch.stack([maps[-1].float().mean() for maps in found]).mean()
        return {**self.generator.losses_of(said, ab), "hinge": self.config.adversarial * deceit}

    def optimizer(self, player: str, training: Training) -> Optimizer:
        """Adam without momentum."""
        share = self.config.generator_rate if player == GENERATOR else 1.0
        return adam(
            self, player, replace(training, learning_rate=share * training.learning_rate), (0.0, self.config.beta2)
        )

    def schedule(self, optimizer: Optimizer, player: str, progress: float) -> None:
        """The critic's rate stays; the network rests at first, then begins at its peak, which falls linearly."""
        alone, share = self.config.critic_share, 1.0
        if player == GENERATOR:
            share = 0.0 if progress < alone else 1 - (1 - FINAL_RATE) * (min(progress, 1.0) - alone) / (1 - alone)
        for group in optimizer.param_groups:
            group["lr"] = group["highest"] * share

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Picture]:
        """The pictures with colours; what colour they had plays no part."""
        return self.generator.predict(images)

    def finished(self, found: Picture, image: UInt8[Tensor, "3 h w"]) -> Picture:
        """The colours of a picture that was seen smaller, under the lightness of what was given in its own pixels."""
        return self.generator.finished(found, image)
