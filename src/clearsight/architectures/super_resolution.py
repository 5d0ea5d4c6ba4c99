"""Super-resolution: pictures with 2, 4 or 8 times as many rows and columns, by a residual network without norms.

Residual blocks as in EDSR (Lim et al. 2017) work on the small picture, and one sub-pixel convolution (Shi et al. 2016)
makes the detail that is added to bicubic interpolation: the network begins as that. What it makes is corrected until
it agrees with its input (made small again, it is the input), which costs no accuracy: the true picture agrees too. It
learns by the mean absolute error, so of what the input leaves open it gives the middle, and invents as little as it
can. It takes pictures of any size.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from clearsight.architectures.enlarging import check_enlarging
from clearsight.architectures.layers import residual_blocks
from clearsight.architectures.patches import patch
from clearsight.ops.consistency import consistent, corrected, enlarged, in_levels
from clearsight.ops.degradations import Smaller
from clearsight.ops.downscaling import BOX, downscaled
from clearsight.types import Batch, Losses, Picture, Training, Truth

STRIP_PX = 64
NEAR = 1e-4  # a fortieth of a level


@dataclass(frozen=True, kw_only=True)
class SuperResolutionConfig:
    """Settings of super-resolution.

    ``factor`` is 2, 4 or 8; ``filter`` is how the small pictures are made from the training pictures: box (the mean of
    each square of pixels) or bicubic. ``width`` and ``depth`` are the channels and the residual blocks. Training takes
    squares of ``patch_px``, in pixels of the large pictures, from pictures that are larger. ``size`` cuts every picture
    to that height and width first, both in training and where it is judged: 32,32 for pictures of 32 px from 8 px.
    """

    factor: int = 4
    filter: str = BOX
    width: int = 64
    depth: int = 8
    patch_px: int = 96
    size: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_enlarging(self.factor, self.filter, self.size)
        for name in ("width", "depth"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        if self.patch_px < 2 * self.factor or self.patch_px % self.factor:
            raise ValueError(
                f"patch_px is {self.patch_px}. Expected a multiple of the factor, {self.factor}, such as "
                f"{24 * self.factor}."
            )

    @property
    def given(self) -> Smaller:
        """What it is judged on: pictures made smaller."""
        return Smaller(factor=self.factor, filter=self.filter)


class SuperResolution(nn.Module):
    """Interpolation, and detail from residual blocks by a sub-pixel convolution."""

    tasks: ClassVar[tuple[str, ...]] = ("reconstruction",)
    config_type: ClassVar[type] = SuperResolutionConfig
    training_defaults: ClassVar[Training] = Training(
        batch_size=16, learning_rate=1e-3, weight_decay=0.0, clip_norm=1.0, size_px=256, enlarge=False,
        zoom=(1.0, 1.0), brightness=0.0,
    )  # fmt: skip
    strides: ClassVar[tuple[int, ...]] = ()
    own_pixels: ClassVar[bool] = True

    def __init__(self, config: SuperResolutionConfig, backbone: None, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.factor = config.factor
        self.first = nn.Conv2d(3, config.width, 3, padding=1)
        self.blocks = residual_blocks(config.width, config.depth)
        self.detail = nn.Conv2d(config.width, 3 * config.factor**2, 3, padding=1)
        for weight in (self.detail.weight, self.detail.bias):
            assert weight is not None
            nn.init.zeros_(weight)  # it begins as bicubic interpolation

    @classmethod
    def fitted(
        cls, config: SuperResolutionConfig, truths: Iterable[Truth], class_names: tuple[str, ...]
    ) -> SuperResolutionConfig:
        """The config as it is: it takes nothing from the truths."""
        return config

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h2 w2"]:
        """The pictures, ``factor`` times larger; values may lie a little outside of [0, 1]."""
        first = self.first((images - 0.5).to(self.first.weight.dtype))
        detail = F.pixel_shuffle(self.detail(first + self.blocks(first)), self.factor)
        return corrected(enlarged(images.float(), self.factor) + detail.float(), images.float(), self.config.filter)

    def losses(self, batch: Batch) -> Losses:
        """The ``absolute error`` of the enlarged pictures, on the scale of 0 to 255 to keep numbers readable."""
        height, width = (side // self.factor * self.factor for side in batch.images.shape[2:])
        large = patch(batch.images[:, :, :height, :width], self.config.patch_px)
        small = in_levels(downscaled(large, self.factor, self.config.filter))
        return {"absolute error": F.l1_loss(255 * self(small), 255 * large.float())}

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Picture]:
        """The enlarged pictures, which agree with what was given."""
        given = in_levels(images.float())  # exact again where the network's precision has rounded them
        return [Picture(image=one) for one in consistent(self(given), given, self.config.filter)]

    @torch.inference_mode()
    def finished(self, found: Picture, image: UInt8[Tensor, "3 h w"]) -> Picture:
        """A large picture that was put together from windows agrees with its input too, by strips of few rows."""
        if self.config.filter != BOX:
            return found
        large = found.image.float()
        strips = zip(image.split(STRIP_PX, 1), large.split(STRIP_PX * self.factor, 1), strict=True)
        parts = []
        for small, strip in strips:
            given = small[None].to(strip.device).float() / 255
            off = float((downscaled(strip[None], self.factor) - given).abs().max())
            parts.append(strip if off < NEAR else consistent(strip[None], given)[0])
        return Picture(image=torch.cat(parts, 1))
