"""Pixel recursive super-resolution: draws one of the large pictures that a very small one may have come from.

Dahl, Norouzi and Shlens 2017: a conditioning network looks at the small picture, a gated PixelCNN at the pixels drawn
so far, and what both say of the next pixel is added. Unlike in the paper, the PixelCNN also sees how far each pixel
drawn so far is from the enlarged input. Detail that is not in the input is invented: another seed gives other detail,
and ``sample RUN --from PICTURE`` shows several. The probability of a picture is exact, and so are bits per dimension.
The output must never be used to find out who or what was in front of the camera.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from clearsight.architectures.causal_maps import CausalMaps, Scan
from clearsight.architectures.enlarging import check_enlarging
from clearsight.architectures.layers import residual_blocks
from clearsight.architectures.picture_noise import noise_for
from clearsight.architectures.pixel_values import Logistics, PixelValues, Softmax, quantiles, scaled
from clearsight.ops.consistency import enlarged, in_levels
from clearsight.ops.degradations import Smaller
from clearsight.ops.downscaling import BOX, downscaled
from clearsight.types import Batch, Losses, Picture, Size, Training, Truth

VALUES = ("softmax", "logistics")
CHUNK = 64  # pictures are drawn in chunks of so many, filled up, so that none depends on how many are asked for
LN2 = 0.6931471805599453


@dataclass(frozen=True, kw_only=True)
class PixelRecursiveConfig:
    """Settings of pixel recursive super-resolution.

    ``size`` is the height and width of the pictures it makes, () for a square of the longer side in training; what it
    is given is ``factor`` times smaller, by ``filter`` (box or bicubic). ``channels`` is 1 for grey and 3 for colour, 0
    for what the training pictures need. ``values`` is what a pixel's probability is made of: softmax (256 logits, as in
    the paper) or logistics (a mixture of ``components`` logistic distributions). ``width`` and ``depth`` are the
    channels and layers of the PixelCNN, ``conditioning_width`` and ``conditioning_depth`` those of the conditioning
    network. ``temperature`` below 1 draws likelier pixels, which are less varied; ``draw_seed`` chooses among the
    pictures that an input may have come from.
    """

    size: tuple[int, ...] = ()
    factor: int = 4
    filter: str = BOX
    channels: int = 0
    values: str = "logistics"
    components: int = 5
    width: int = 48
    depth: int = 6
    conditioning_width: int = 48
    conditioning_depth: int = 4
    temperature: float = 1.0
    draw_seed: int = 0

    def __post_init__(self) -> None:
        check_enlarging(self.factor, self.filter, self.size)
        if self.channels not in (0, 1, 3):
            raise ValueError(f"channels is {self.channels}. Expected 1 (grey), 3 (colour), or 0 for that of the data.")
        if self.values not in VALUES:
            raise ValueError(f"values is {self.values!r}. Expected {' or '.join(VALUES)}.")
        for name in ("components", "width", "depth", "conditioning_width", "conditioning_depth"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        check_temperature(self.temperature)
        if not 0 <= self.draw_seed < 2**31:
            raise ValueError(f"draw_seed is {self.draw_seed}. Expected a whole number from 0 on.")

    @property
    def given(self) -> Smaller:
        """What it is judged on: pictures made smaller."""
        return Smaller(factor=self.factor, filter=self.filter)

    @property
    def made_from(self) -> type:
        """What ``sample`` makes pictures from."""
        return Picture


def check_temperature(temperature: float) -> None:
    """Raise ValueError for one that is not above 0 and at most 2."""
    if not 0 < temperature <= 2:
        raise ValueError(
            f"temperature is {temperature:g}. Expected a number above 0 and at most 2; 1 is what it learnt."
        )


class PixelRecursive(nn.Module):
    """A conditioning network and a PixelCNN, whose maps are added."""

    tasks: ClassVar[tuple[str, ...]] = ("reconstruction",)
    config_type: ClassVar[type] = PixelRecursiveConfig
    # In float32: rounded to 8 bits of a mantissa, neighbouring levels would have one probability.
    training_defaults: ClassVar[Training] = Training(
        batch_size=16, learning_rate=1e-3, weight_decay=0.0, clip_norm=1.0, size_px=32, enlarge=False,
        zoom=(1.0, 1.0), brightness=0.0, precision="float32",
    )  # fmt: skip
    strides: ClassVar[tuple[int, ...]] = ()
    own_pixels: ClassVar[bool] = True
    predicted_together: ClassVar[int] = CHUNK  # a pixel costs nearly the same for one picture as for many

    def __init__(self, config: PixelRecursiveConfig, backbone: None, class_names: tuple[str, ...]) -> None:
        super().__init__()
        if not config.size or not config.channels:
            raise ValueError(
                f"size is {config.size or 'not set'} and channels is {config.channels or 'not set'}. Expected both "
                "before the network is built: those of the training pictures, or --set size=32,32 --set channels=3."
            )
        self.config, self.factor, self.channels = config, config.factor, config.channels
        self.size: Size = (config.size[0], config.size[1])
        soft = config.values == "softmax"
        self.values: PixelValues = (
            Softmax(config.channels, config.width) if soft else Logistics(config.channels, config.components)
        )
        wide = config.conditioning_width
        self.first = nn.Conv2d(config.channels, wide, 3, padding=1)
        self.blocks = residual_blocks(wide, config.conditioning_depth)
        self.enlarge = nn.Conv2d(wide, wide * config.factor**2, 3, padding=1)
        self.refine = residual_blocks(wide, 1)
        self.conditioned = nn.Conv2d(wide, self.values.conditioning_maps, 1)
        self.causal = CausalMaps(2 * config.channels, config.width, config.depth)
        self.prior = nn.Conv2d(config.width, self.values.prior_maps, 1)
        for layer in (self.conditioned, self.prior) if not soft else (self.conditioned,):
            assert layer.bias is not None
            nn.init.zeros_(layer.weight)  # it begins as a distribution round the enlarged input
            nn.init.zeros_(layer.bias)

    @classmethod
    def fitted(
        cls, config: PixelRecursiveConfig, truths: Iterable[Truth], class_names: tuple[str, ...]
    ) -> PixelRecursiveConfig:
        """The config as it is: what is taken from the data are the size and the colours of the pictures."""
        return config

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b k h2 w2"]:
        """What the conditioning network says of every pixel of the large pictures."""
        feature = self.first(self._own(images) - 0.5)
        feature = F.pixel_shuffle(self.enlarge(self.blocks(feature)), self.factor)
        return self.conditioned(F.relu(self.refine(feature)))

    def losses(self, batch: Batch) -> Losses:
        """Bits per dimension of the pictures, and by the conditioning alone, without which it learns to do nothing.

        Both as in the paper (equation 5).
        """
        large = self._own(batch.images)
        small = in_levels(downscaled(batch.images, self.factor, self.config.filter))
        both, alone = self._log_likelihoods(small, (255 * large).round().long())
        bits = large[0].numel() * LN2
        return {"bits per dimension": -both.mean() / bits, "by the conditioning alone": -alone.mean() / bits}

    @torch.no_grad()
    def bits_per_dim(self, given: Float[Tensor, "b 3 h w"], images: Float[Tensor, "b 3 h2 w2"]) -> Float[Tensor, "b"]:
        """How many bits each number of the large pictures takes, given the small ones; 8 without a model. Exact."""
        self.check(given)
        large = self._own(images)
        both, _ = self._log_likelihoods(in_levels(given.float()), (255 * large).round().long())
        return -both / (large[0].numel() * LN2)

    def check(self, given: Float[Tensor, "b 3 h w"]) -> None:
        """Raise ValueError for pictures of another size than it has learnt to enlarge."""
        height, width = (side // self.factor for side in self.size)
        if tuple(given.shape[2:]) != (height, width):
            raise ValueError(
                f"a picture is {given.shape[3]} x {given.shape[2]} px, and this model makes {self.size[1]} x "
                f"{self.size[0]} px of {width} x {height} px. Expected pictures of {width} x {height} px: make it that "
                "small first, or train a model for larger ones (--set size=HEIGHT,WIDTH)."
            )

    @torch.no_grad()
    def draw(
        self, given: Float[Tensor, "b 3 h w"], noise: Float[Tensor, "b h2 w2 d"], temperature: float = 1.0
    ) -> Float[Tensor, "b 3 h2 w2"]:
        """Large pictures in [0, 1], pixel by pixel; ``noise`` is standard normal, and the same gives the same.

        Raises ValueError for pictures of another size than it has learnt to enlarge.
        """
        self.check(given)
        check_temperature(temperature)
        count = len(given)
        rows = torch.arange(-(-count // CHUNK) * CHUNK) % count
        parts = [self._drawn(given[some].float(), noise[some], temperature) for some in rows.split(CHUNK)]
        return torch.cat(parts)[:count].expand(-1, 3, -1, -1)

    def noise_for(self, given: Float[Tensor, "b 3 h w"], seed: int, number: int = 0) -> Float[Tensor, "b h2 w2 d"]:
        """The noise of draw ``number`` of each picture: the same for the same seed, whatever is drawn beside it."""
        return noise_for(given, seed, number, (*self.size, self.channels + 1))

    def latents(self, count: int, random: torch.Generator) -> Float[Tensor, "n h2 w2 d"]:
        """Standard normal noise for each draw; scaled down it gives less varied pictures."""
        return torch.randn(count, *self.size, self.channels + 1, generator=random, device=random.device)

    def sample(
        self, latents: Float[Tensor, "n h2 w2 d"], classes: None, given: Float[Tensor, "n 3 h w"]
    ) -> Float[Tensor, "n 3 h2 w2"]:
        """A large picture of each small one, by its noise, at the run's temperature."""
        return self.draw(given, latents, self.config.temperature)

    def given(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h2 w2"]:
        """Small pictures as large as what is made of them, every pixel repeated, in [-1, 1]."""
        return 2 * F.interpolate(self._own(images), scale_factor=self.factor, mode="nearest") - 1

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Picture]:
        """One large picture of each, drawn with the run's seed and temperature; not the only one it may come from."""
        self.check(images)
        found = self.draw(images, self.noise_for(images, self.config.draw_seed), self.config.temperature)
        return [Picture(image=one) for one in found]

    def _own(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h w"]:
        """In the channels of the network: the mean of all three for grey."""
        return images.mean(1, keepdim=True) if self.channels == 1 else images

    def _log_likelihoods(
        self, small: Float[Tensor, "b 3 h w"], levels: Int[Tensor, "b c h2 w2"]
    ) -> tuple[Float[Tensor, "b"], Float[Tensor, "b"]]:
        """In nats per picture: by both networks, and by the conditioning network alone."""
        centre = 2 * enlarged(self._own(small), self.factor) - 1
        values = scaled(levels)
        conditioning = self(small).float()
        prior = self.prior(F.relu(self.causal(torch.cat([values, values - centre], 1)))).float()
        return (
            self.values.log_likelihoods(conditioning, prior, centre, levels),
            self.values.log_likelihoods(conditioning, None, centre, levels),
        )

    def _drawn(self, given: Tensor, noise: Tensor, temperature: float) -> Float[Tensor, "n c h w"]:
        given = in_levels(given)
        centre = 2 * enlarged(self._own(given), self.factor) - 1
        conditioning = self(given).float()
        height, width = self.size
        scan = Scan(self.causal, len(given), height, width)
        weight, bias = self.prior.weight[:, :, 0, 0].T, self.prior.bias
        assert bias is not None
        levels = torch.empty_like(centre)
        shares = quantiles(noise.to(centre.device))
        for row in range(height):
            for column in range(width):
                here = (slice(None), slice(None), row, column)
                prior = torch.addmm(bias, F.relu(scan.features(row, column)), weight)
                drawn = self.values.draw(conditioning[here], prior, centre[here], shares[:, row, column], temperature)
                levels[here] = drawn
                value = scaled(drawn)
                scan.tell(row, column, torch.cat([value, value - centre[here]], 1))
        return levels / 255
