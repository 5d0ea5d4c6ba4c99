"""Flow matching: a network that learns the velocity from noise to pictures, and sampling that follows it.

Conditional flow matching (Lipman et al. 2023, Liu et al. 2023): a picture and noise are joined by a straight line, and
a small U-Net learns the mean velocity of all lines that pass a point at a time. One network, one squared error, no
second player. Pictures may be of a class (Ho and Salimans 2022, classifier-free guidance), or completed from another
picture: from a grey one to colours, from a coarse one to details.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from clearsight.generators import asked_classes, flow_paths
from clearsight.generators.canvas import Canvas, check_built, check_labels, in_channels, in_colour
from clearsight.generators.unet import GROUP, UNet
from clearsight.types import Batch, Losses, Picture, Training, Truth

COUPLINGS = ("independent", "optimal-transport")
CONDITIONS = ("none", "grey", "coarse")


@dataclass(frozen=True, kw_only=True)
class FlowConfig(Canvas):
    """What can be chosen of a Flow.

    ``widths`` are the channels of the U-Net at each size, finest first, multiples of 8; every size has ``depth`` blocks
    down and up. Pictures are cut into patches of ``patch`` px first: 1 is finest, 2 four times as quick. ``sampler`` is
    "euler" or "heun", which asks the network twice in each of its ``steps``. ``coupling`` pairs noise and pictures in
    training: "independent", or by "optimal-transport" within the batch (Tong et al. 2024).

    Where pictures are made of a class, ``label_dropout`` of them learn without theirs, and ``guidance`` above 1
    exaggerates what the class changes (Ho and Salimans 2022). ``condition`` is what a picture is made from beside
    noise: "none"; its "grey" version, to colour; or a "coarse" one of ``coarse_factor`` times fewer rows and columns.
    """

    widths: tuple[int, ...] = (32, 64)
    depth: int = 1
    patch: int = 2
    sampler: str = "heun"
    steps: int = 20
    coupling: str = "independent"
    label_dropout: float = 0.1
    guidance: float = 1.0
    condition: str = "none"
    coarse_factor: int = 4

    @property
    def made_from(self) -> type | None:
        """Another picture, where there is a ``condition``."""
        return None if self.condition == "none" else Picture

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.widths or min(self.widths) < GROUP or any(width % GROUP for width in self.widths):
            raise ValueError(f"widths is {self.widths}. Expected multiples of {GROUP}, such as 64,128.")
        for name in ("depth", "patch", "steps", "coarse_factor"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        if not 0 <= self.label_dropout < 1:
            raise ValueError(f"label_dropout is {self.label_dropout}. Expected a share from 0 to below 1.")
        choices = {"sampler": flow_paths.SAMPLERS, "coupling": COUPLINGS, "condition": CONDITIONS}
        for name, words in choices.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name} is {getattr(self, name)!r}. Expected {', '.join(words)}.")
        self._check_fit()

    def _check_fit(self) -> None:
        """Raise ValueError where settings that are right alone do not fit each other."""
        if self.guidance != 1 and not (self.conditional and self.label_dropout):
            raise ValueError(
                f"guidance is {self.guidance}, and the network does not learn with and without classes. Expected 1, or "
                "conditional=yes and a label_dropout above 0."
            )
        if self.condition == "grey" and self.channels == 1:
            raise ValueError("condition is grey, and the pictures are grey. Expected pictures in colour, or none.")
        if self.condition == "coarse" and any(side % self.coarse_factor for side in self.size):
            raise ValueError(
                f"size is {self.size}, no multiple of coarse_factor {self.coarse_factor}. Expected one, such as 32,32."
            )
        if self.coupling == "optimal-transport" and self.condition != "none":
            raise ValueError(
                f"coupling is optimal-transport, and pictures are made from others ({self.condition}). Expected "
                "independent: exchanged noise would depend on the picture it is given with."
            )


class Flow(nn.Module):
    """A U-Net that says where a mixture of noise and picture is moving."""

    config_type: ClassVar[type] = FlowConfig
    training_defaults: ClassVar[Training] = Training(
        batch_size=128, learning_rate=1e-3, weight_decay=0.0, warmup_share=0.05, ema_share=0.1, clip_norm=1.0,
        size_px=64, zoom=(1.0, 1.0), brightness=0.0, flips="none", enlarge=False,
    )  # fmt: skip
    strides: ClassVar[tuple[int, ...]] = ()

    def __init__(self, config: FlowConfig, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config, self.names = config, len(class_names)
        self.size = check_built(config)
        beside = {"none": 0, "grey": 1, "coarse": config.channels}[config.condition]
        self.network = UNet(
            config.channels + beside, config.channels, config.widths, config.depth, config.patch,
            self.names if config.conditional else 0,
        )  # fmt: skip

    @classmethod
    def fitted(cls, config: FlowConfig, truths: Iterable[Truth], class_names: tuple[str, ...]) -> FlowConfig:
        """The config as it is; raises ValueError where it asks for classes and the data have none."""
        check_labels(config, truths)
        return config

    def losses(self, batch: Batch) -> Losses:
        """The squared error of the velocity, the mean over all numbers of a picture."""
        config = self.config
        self._check_size(batch.images)
        images = 2 * in_channels(batch.images, config.channels).float() - 1
        classes = asked_classes.of_batch(config, batch)
        noise = torch.randn_like(images)
        if config.coupling == "optimal-transport":
            noise = flow_paths.optimally_paired(noise, images, classes)
        time = torch.rand(len(images), device=images.device)
        share = time[:, None, None, None]
        if classes is not None:
            dropped = torch.rand(len(images), device=images.device) < config.label_dropout
            classes = torch.where(dropped, self.names, classes)
        found = self._velocity((1 - share) * noise + share * images, time, classes, self.given(batch.images))
        return {"velocity": (found - (images - noise)).square().mean()}

    def given(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h w"] | None:
        """What is known of pictures beforehand, in [-1, 1]: their grey or coarse version; one that is so stays so."""
        if self.config.condition == "none":
            return None
        if self.config.condition == "grey":
            return 2 * images.float().mean(1, keepdim=True) - 1
        coarse = F.avg_pool2d(in_channels(images, self.config.channels).float(), self.config.coarse_factor)
        return 2 * F.interpolate(coarse, size=self.size, mode="nearest") - 1

    def latents(self, count: int, random: torch.Generator) -> Float[Tensor, "n c h w"]:
        """Standard normal noise of the pictures' size, on the generator's device."""
        return torch.randn(count, self.config.channels, *self.size, generator=random, device=random.device)

    @torch.no_grad()
    def sample(
        self,
        latents: Float[Tensor, "n c h w"],
        classes: Int[Tensor, "n"] | None = None,
        condition: Float[Tensor, "n 3 h w"] | None = None,
    ) -> Float[Tensor, "n 3 h w"]:
        """The picture that each noise flows to, in [0, 1], computed in float32.

        ``condition`` are the pictures to be completed, where the network learnt that; those in colour or in detail are
        made grey or coarse first. Raises ValueError where it or the classes do not fit the network.
        """
        device = self.network.first.weight.device
        start = latents.to(device).float()
        classes = asked_classes.checked(self.config, classes, len(start), self.names)
        given = self._checked_condition(condition, len(start))
        labels = None if classes is None else classes.to(device)
        with torch.autocast(device.type, enabled=False):
            end = flow_paths.integrated(
                lambda x, time: self._guided(x, time, labels, given), start, self.config.steps, self.config.sampler
            )
        return in_colour(((end + 1) / 2).clamp(0, 1))

    def _velocity(self, x: Tensor, time: Tensor, classes: Tensor | None, given: Tensor | None) -> Tensor:
        return self.network(x if given is None else torch.cat([x, given], 1), time, classes).float()

    def _guided(self, x: Tensor, time: Tensor, classes: Tensor | None, given: Tensor | None) -> Tensor:
        """The velocity, away from that of no class in particular and towards that of the class."""
        if classes is None or self.config.guidance == 1:
            return self._velocity(x, time, classes, given)
        both = torch.cat([classes, torch.full_like(classes, self.names)])
        twice = None if given is None else given.repeat(2, 1, 1, 1)
        towards, anyway = self._velocity(x.repeat(2, 1, 1, 1), time.repeat(2), both, twice).chunk(2)
        return anyway + self.config.guidance * (towards - anyway)

    def _check_size(self, images: Tensor) -> None:
        if tuple(images.shape[2:]) != self.size:
            raise ValueError(f"the pictures are {tuple(images.shape[2:])} px large. Expected {self.size} px.")

    def _checked_condition(self, condition: Tensor | None, count: int) -> Tensor | None:
        wanted = self.config.condition
        if (condition is None) != (wanted == "none"):
            raise ValueError(
                f"{'no pictures' if condition is None else 'pictures'} to complete were given, and this network's "
                f"condition is {wanted}. Expected {'none' if wanted == 'none' else 'one for each latent'}."
            )
        if condition is None:
            return None
        self._check_size(condition)
        if len(condition) != count:
            raise ValueError(f"{len(condition)} pictures to complete were given for {count} latents. Expected as many.")
        return self.given(condition.to(self.network.first.weight.device))
