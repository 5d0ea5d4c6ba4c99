"""Denoiser: a small U-Net at the picture's own resolution that predicts the noise and subtracts it.

Residual learning after Zhang et al. 2017 (DnCNN), the U-shape with skip connections after Ronneberger et al. 2015, and
the first step as in FFDNet (Zhang et al. 2018): each square of 2 x 2 px becomes the channels of one place, at a quarter
of the cost and without a loss. Blocks are residual and have no norms. It learns from noisy pictures and their
originals, on levels drawn from a range; the level is not given to it, and it works at any of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.architectures.layers import residual_blocks
from clearsight.architectures.patches import patch
from clearsight.architectures.training_noise import check_levels, with_noise
from clearsight.ops.degradations import Noisy
from clearsight.ops.noise import NOISES, check_noise
from clearsight.types import Batch, Losses, Picture, Training, Truth

SHUFFLE = 2  # the side of the squares that become channels


@dataclass(frozen=True, kw_only=True)
class DenoiserConfig:
    """Settings of a denoiser.

    ``noise`` is gaussian, salt-and-pepper, masking or blur, and ``levels`` the range of its level in training: for
    gaussian the standard deviation on the scale of 0 to 255, for salt-and-pepper and masking the share of pixels, for
    blur the standard deviation in px. ``judged_level`` is the level it is judged at. Left out, both are what is usual:
    0 to 55 and 25 for gaussian.
    ``widths`` are the channels of each level of the U, each at half the resolution of the one before, and ``depth`` the
    residual blocks of a level, on the way down and on the way up. Training takes squares of ``patch_px`` from
    pictures that are larger.
    """

    noise: str = "gaussian"
    levels: tuple[float, ...] = ()
    judged_level: float = 0.0
    widths: tuple[int, ...] = (64, 96, 128)
    depth: int = 1
    patch_px: int = 48

    def __post_init__(self) -> None:
        check_levels(self.noise, self.levels)
        check_noise(self.noise, self.judged_level)
        if not self.widths or min(self.widths) < 4 or self.widths[0] % SHUFFLE**2:
            raise ValueError(
                f"widths is {self.widths}. Expected the channels of each level, the first a multiple of "
                f"{SHUFFLE**2}, such as 64,96,128."
            )
        if self.depth < 1:
            raise ValueError(f"depth is {self.depth}. Expected at least 1.")
        if self.patch_px < 16:
            raise ValueError(f"patch_px is {self.patch_px}. Expected at least 16 px, such as 48.")

    @property
    def given(self) -> Noisy:
        """What it is judged on: pictures with its noise."""
        return Noisy(noise=self.noise, level=self.judged_level or NOISES[self.noise].judged)


class Denoiser(nn.Module):
    """Squares to channels, down, up, back to pixels, subtract."""

    tasks: ClassVar[tuple[str, ...]] = ("reconstruction",)
    config_type: ClassVar[type] = DenoiserConfig
    training_defaults: ClassVar[Training] = Training(
        batch_size=32, learning_rate=1.5e-3, weight_decay=0.0, clip_norm=1.0, size_px=256, enlarge=False,
        zoom=(1.0, 1.0), brightness=0.0,
    )  # fmt: skip
    strides: ClassVar[tuple[int, ...]] = ()
    own_pixels: ClassVar[bool] = True  # a picture resized for a network would lose what is to be restored

    def __init__(self, config: DenoiserConfig, backbone: None, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        widths, depth = config.widths, config.depth
        steps = list(zip(widths[:-1], widths[1:], strict=True))
        self.stem = nn.Conv2d(3 * SHUFFLE**2, widths[0], 3, padding=1)
        self.down = nn.ModuleList(residual_blocks(width, depth) for width in widths[:-1])
        self.halve = nn.ModuleList(nn.Conv2d(fine, coarse, 2, 2) for fine, coarse in steps)
        self.bottom = residual_blocks(widths[-1], 2 * depth)
        self.widen = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in steps)
        self.up = nn.ModuleList(residual_blocks(width, depth) for width in widths[:-1])
        self.last = nn.Conv2d(widths[0] // SHUFFLE**2 + 3, 3, 3, padding=1)
        for weight in (self.last.weight, self.last.bias):
            assert weight is not None
            nn.init.zeros_(weight)  # it begins as the identity

    @classmethod
    def fitted(cls, config: DenoiserConfig, truths: Iterable[Truth], class_names: tuple[str, ...]) -> DenoiserConfig:
        """The config with the usual levels of its noise, where none were said; it takes nothing from the truths."""
        usual = NOISES[config.noise]
        return replace(config, levels=config.levels or usual.trained, judged_level=config.judged_level or usual.judged)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """The pictures without their noise; values may lie a little outside of [0, 1]."""
        height, width = images.shape[2:]
        multiple = SHUFFLE * 2 ** len(self.halve)
        noisy = F.pad(images, (0, -width % multiple, 0, -height % multiple), mode="replicate")
        feature, skips = self.stem(F.pixel_unshuffle(noisy, SHUFFLE)), []
        for blocks, halve in zip(self.down, self.halve, strict=True):
            skips.append(blocks(feature))
            feature = halve(skips[-1])
        feature = self.bottom(feature)
        for blocks, widen, skip in zip(reversed(self.up), reversed(self.widen), reversed(skips), strict=True):
            feature = blocks(skip + F.interpolate(widen(feature), scale_factor=2.0, mode="bilinear"))
        noise = self.last(torch.cat([F.pixel_shuffle(feature, SHUFFLE), noisy.to(feature)], 1))
        return (noisy - noise)[:, :, :height, :width]

    def losses(self, batch: Batch) -> Losses:
        """The ``squared error`` of restored pictures, on the scale of 0 to 255 to keep numbers readable."""
        clean = patch(batch.images, self.config.patch_px)
        restored = self(with_noise(clean, self.config.noise, self.config.levels))
        return {"squared error": F.mse_loss(255 * restored.float(), 255 * clean.float())}

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Picture]:
        """The restored pictures."""
        return [Picture(image=one) for one in self(images).float().clamp(0, 1)]
