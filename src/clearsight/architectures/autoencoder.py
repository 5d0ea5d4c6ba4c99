"""Autoencoder: a backbone, a narrow code, and a decoder that makes the picture again from the code alone.

After Hinton and Salakhutdinov 2006 with convolutions. With ``noise`` it is a denoising autoencoder (Vincent et al.
2008): it sees a spoiled picture and is to make the clean one, so that copying does not help. The decoder doubles the
code's map up to the picture by resizing and convolving (Odena et al. 2016), each step with a residual block. Nothing
passes by the code. What the backbone has learnt, without a label, is there for any network: ``--backbone run:RUN``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.architectures.layers import UPSAMPLINGS, ConvNorm, Double
from clearsight.architectures.training_noise import NONE, check_levels, with_noise
from clearsight.ops.noise import NOISES
from clearsight.types import Backbone, Batch, Losses, Picture, Size, Training, Truth

STRIDE = 32
WIDEST = 8  # times the width of the finest map


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig:
    """Settings of an autoencoder.

    ``bottleneck`` is the channels of the code, a map of one place per 32 x 32 px: 256 are a twelfth of the numbers of
    a picture. ``width`` is the channels of the decoder's finest map; coarser ones have up to eight times as many.
    ``upsampling`` is "resize", or "transposed" for transposed convolutions. ``noise`` spoils the pictures it sees in
    training, or is "none": gaussian, salt-and-pepper, masking or blur, of a level drawn from the range ``levels``.
    """

    backbone: str = "regnetx_002"
    bottleneck: int = 256
    width: int = 32
    upsampling: str = "resize"
    noise: str = NONE
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("bottleneck", "width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        if self.upsampling not in UPSAMPLINGS:
            raise ValueError(f"upsampling is {self.upsampling!r}. Expected {', '.join(UPSAMPLINGS)}.")
        if self.noise == NONE and self.levels:
            raise ValueError(f"levels is {self.levels} and noise is none. Choose a noise: {', '.join(NOISES)}.")
        if self.noise not in (NONE, *NOISES):
            raise ValueError(f"noise is {self.noise!r}. Expected {', '.join((NONE, *NOISES))}.")
        if self.noise != NONE:
            check_levels(self.noise, self.levels)

    @property
    def given(self) -> None:
        """What it is judged on: pictures as they are, also where it learns from noisy ones."""
        return None


class Autoencoder(nn.Module):
    """Backbone, code, decoder."""

    tasks: ClassVar[tuple[str, ...]] = ("reconstruction",)
    config_type: ClassVar[type] = AutoencoderConfig
    training_defaults: ClassVar[Training] = Training(
        batch_size=32, learning_rate=2e-3, size_px=128, enlarge=False, zoom=(1.0, 1.0), brightness=0.0,
        optimizer="muon", muon_learning_rate=0.05,
    )  # fmt: skip
    strides: ClassVar[tuple[int, ...]] = (STRIDE,)

    def __init__(self, config: AutoencoderConfig, backbone: Backbone, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone
        self.code = nn.Conv2d(backbone.channels[-1], config.bottleneck, 1)
        widths = [config.width * min(WIDEST, 2**level) for level in range(STRIDE.bit_length() - 1)][::-1]
        self.widen = nn.Sequential(nn.Conv2d(config.bottleneck, widths[0], 1), nn.SiLU(inplace=True))
        steps = zip([widths[0], *widths[:-1]], widths, strict=True)
        self.decoder = nn.ModuleList(Step(coarse, fine, config.upsampling) for coarse, fine in steps)
        self.last = nn.Conv2d(config.width, 3, 3, padding=1)
        assert self.last.bias is not None
        nn.init.constant_(self.last.bias, 0.5)

    @classmethod
    def fitted(
        cls, config: AutoencoderConfig, truths: Iterable[Truth], class_names: tuple[str, ...]
    ) -> AutoencoderConfig:
        """The config with the usual levels of its noise, where none were said; it takes nothing from the truths."""
        if config.noise == NONE:
            return config
        return replace(config, levels=config.levels or NOISES[config.noise].trained)

    def encode(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b k h2 w2"]:
        """The code: all that is kept of the pictures."""
        return self.code(self.backbone(images)[-1])

    def decode(self, code: Float[Tensor, "b k h2 w2"], size: Size) -> Float[Tensor, "b 3 h w"]:
        """Pictures of ``size`` from their codes."""
        feature = self.widen(code)
        for step, next_size in zip(self.decoder, _sizes(size, len(self.decoder)), strict=True):
            feature = step(feature, next_size)
        return self.last(feature)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """The pictures as they come out of their codes; values may lie a little outside of [0, 1]."""
        return self.decode(self.encode(images), (images.shape[2], images.shape[3]))

    def losses(self, batch: Batch) -> Losses:
        """The ``squared error`` of the pictures, on the scale of 0 to 255 to keep numbers readable."""
        clean, config = batch.images, self.config
        seen = clean if config.noise == NONE else with_noise(clean, config.noise, config.levels)
        return {"squared error": F.mse_loss(255 * self(seen).float(), 255 * clean.float())}

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Picture]:
        """The pictures as they come out of their codes."""
        return [Picture(image=one) for one in self(images).float().clamp(0, 1)]


class Step(nn.Module):
    """Double the map, normalise, activate; then a residual block."""

    def __init__(self, coarse: int, fine: int, upsampling: str) -> None:
        super().__init__()
        self.doubled = Double(coarse, fine, upsampling)
        self.norm = nn.Sequential(nn.BatchNorm2d(fine), nn.SiLU(inplace=True))
        self.residual = nn.Sequential(
            ConvNorm(fine, fine), nn.Conv2d(fine, fine, 3, padding=1, bias=False), nn.BatchNorm2d(fine)
        )

    def forward(self, feature: Float[Tensor, "b c h w"], size: Size) -> Float[Tensor, "b k h2 w2"]:
        """The map at ``size``, which is twice its own, give or take a row and a column."""
        wide = self.norm(self.doubled(feature, size))
        return F.silu(wide + self.residual(wide))


def _sizes(size: Size, steps: int) -> list[Size]:
    """The sizes of the decoder's maps, coarse to fine: ``size`` and its halves, rounded up."""
    return [(-(-size[0] // 2**level), -(-size[1] // 2**level)) for level in reversed(range(steps))]
