"""Colour: the colours of a black-and-white picture, a* and b* of CIE Lab, by a U-Net that sees its lightness.

``answer=regression`` learns a* and b* themselves by a smooth L1 loss: where several colours are likely it answers with
one between them, which is near to each and duller than all. ``answer=classes`` is after Zhang, Isola and Efros 2016
("Colorful Image Colorization"): every place has a distribution over bins of colour, in whose training rare colours
count more, and the colour is its annealed mean, which is more vivid and further off. Colours are said at half the
picture's resolution and laid under its lightness, which stays as it was given.

The encoder is one of its own, which learns most in minutes from small pictures; ``--backbone`` takes any other instead.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from clearsight.architectures.layers import ConvNorm, Double
from clearsight.ops import ab_classes
from clearsight.ops.colour_measures import is_grey
from clearsight.ops.degradations import Grey
from clearsight.ops.lab import lab_of, rgb_of
from clearsight.types import Backbone, Batch, Losses, Picture, Size, Training, Truth

CLASSES, REGRESSION = "classes", "regression"
SCALE = 50.0  # a* and b*, and what L* is off its middle, are numbers around 1 within the network
SHUFFLE = 2  # the side of the squares that become channels, and of those that share a colour


@dataclass(frozen=True, kw_only=True)
class ColourConfig:
    """Settings of a model that colours pictures.

    ``answer`` is "regression", a* and b* at once, or "classes". Of classes, ``uniform`` is the share of equal
    frequencies that those of the colours are mixed with before rare ones count more (lambda of the paper; 1 and all
    count alike), and ``temperature`` that of the annealed mean. ``widths`` are the channels of the maps from half the
    picture's resolution on, each at half the resolution of the one before; ``depth`` the residual blocks of each.
    ``backbone`` is the encoder in place of the model's own, whose maps are of strides 4 to 32.
    """

    backbone: str = ""
    answer: str = REGRESSION
    uniform: float = 0.5
    temperature: float = 0.38
    widths: tuple[int, ...] = (32, 64, 128)
    depth: int = 1

    def __post_init__(self) -> None:
        if self.answer not in (CLASSES, REGRESSION):
            raise ValueError(f"answer is {self.answer!r}. Expected {CLASSES} or {REGRESSION}.")
        if not 0 < self.uniform <= 1:
            raise ValueError(f"uniform is {self.uniform}. Expected a share above 0, at most 1, such as 0.5.")
        if not 0 < self.temperature <= 1:
            raise ValueError(f"temperature is {self.temperature}. Expected a number above 0, at most 1, such as 0.38.")
        if len(self.widths) < 2 or min(self.widths) < 4:
            raise ValueError(f"widths is {self.widths}. Expected the channels of two maps or more, such as 32,64,128.")
        if self.depth < 1:
            raise ValueError(f"depth is {self.depth}. Expected at least 1.")

    @property
    def given(self) -> Grey:
        """What it is judged on: pictures without their colour."""
        return Grey()


class Colour(nn.Module):
    """Lightness, maps down, maps up, colours."""

    tasks: ClassVar[tuple[str, ...]] = ("reconstruction",)
    config_type: ClassVar[type] = ColourConfig
    training_defaults: ClassVar[Training] = Training(
        batch_size=32, learning_rate=2e-3, size_px=256, enlarge=False, zoom=(1.0, 1.0), brightness=0.0,
        optimizer="muon", muon_learning_rate=0.05,
    )  # fmt: skip
    strides: ClassVar[tuple[int, ...]] = (4, 8, 16, 32)
    centres: Tensor
    weights: Tensor

    def __init__(self, config: ColourConfig, backbone: Backbone | None, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        widths, depth = config.widths, config.depth
        self.register_buffer("centres", ab_classes.bins(), persistent=False)
        self.register_buffer("weights", torch.ones(len(self.centres)))
        self.stem = nn.Sequential(ConvNorm(SHUFFLE**2, widths[0]), *_blocks(widths[0], depth))
        if backbone is None:
            self.backbone, coarser = None, widths[1:]
            steps = zip(widths[:-1], widths[1:], strict=True)
            self.down = nn.ModuleList(nn.Sequential(ConvNorm(a, b, 2, 2), *_blocks(b, depth)) for a, b in steps)
        else:
            self.backbone, coarser = backbone, backbone.channels
        # The way up is as wide as the model's own maps, the coarsest width repeated where a backbone has more.
        up = [widths[min(level, len(widths) - 1)] for level in range(len(coarser) + 1)]
        self.lateral = nn.ModuleList(nn.Conv2d(count, wide, 1) for count, wide in zip(coarser, up[1:], strict=True))
        pairs = reversed(list(zip(up[1:], up[:-1], strict=True)))
        self.up = nn.ModuleList(Up(coarse, fine, depth) for coarse, fine in pairs)
        self.last = nn.Conv2d(widths[0], len(self.centres) if config.answer == CLASSES else 2, 1)

    @classmethod
    def fitted(cls, config: ColourConfig, truths: Iterable[Truth], class_names: tuple[str, ...]) -> ColourConfig:
        """The config as it is: what it takes from the training pictures, ``prepare`` does."""
        return config

    @staticmethod
    def check_pictures(images: Float[Tensor, "n 3 h w"]) -> None:
        """Raise ValueError where most of the training pictures have no colour to learn."""
        grey = int(is_grey(images).sum())
        if 2 * grey > len(images):
            raise ValueError(
                f"{grey} of {len(images)} training pictures that were looked at have no colour, and colours are learnt "
                "from pictures that have some. Expected pictures in colour; leave the black-and-white ones out."
            )

    @torch.no_grad()
    def prepare(self, images: Float[Tensor, "n 3 h w"]) -> None:
        """Take from some training pictures how frequent colours are, so that rare ones count more."""
        ab = halved(lab_of(images)[:, 1:]).permute(0, 2, 3, 1).reshape(-1, 2)
        shares = ab_classes.frequencies(ab, self.centres)
        self.weights.copy_(ab_classes.rebalanced(shares, self.config.uniform))

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h2 w2"]:
        """What is said of each square of 2 x 2 px: logits of the bins, or a* and b* over 50."""
        lightness = lab_of(images)[:, :1]
        squares = squares_of(lightness).to(images)
        maps = [self.stem(squares.contiguous(memory_format=torch.channels_last))]
        if self.backbone is None:
            for down in self.down:
                maps.append(down(maps[-1]))
        else:
            maps += self.backbone(rgb_of(F.pad(lightness, (0, 0, 0, 0, 0, 2))).to(images))
        finest, *coarser = maps
        skips = [finest, *(lateral(one) for lateral, one in zip(self.lateral, coarser, strict=True))]
        feature = skips.pop()
        for up in self.up:
            feature = up(feature, skips.pop())
        return self.last(feature)

    def losses(self, batch: Batch) -> Losses:
        """The weighted ``cross-entropy`` of the bins, or the ``distance`` in a* and b* (smooth L1, over 50)."""
        return self.losses_of(self(batch.images).float(), halved(lab_of(batch.images)[:, 1:]))

    def losses_of(self, said: Float[Tensor, "b c h2 w2"], ab: Float[Tensor, "b 2 h2 w2"]) -> Losses:
        """The same of what was said, and the true a* and b* of each square."""
        if self.config.answer == REGRESSION:
            return {"distance": F.smooth_l1_loss(said, ab / SCALE, beta=1 / SCALE)}
        near, shares = ab_classes.encoded(ab.permute(0, 2, 3, 1).reshape(-1, 2), self.centres)
        logits = said.permute(0, 2, 3, 1).reshape(-1, len(self.centres))
        entropy = -(logits.log_softmax(1).gather(1, near) * shares).sum(1)
        return {"cross-entropy": (self.weights[near[:, 0]] * entropy).mean()}

    def ab_of(self, said: Float[Tensor, "b c h2 w2"]) -> Float[Tensor, "b 2 h2 w2"]:
        """The a* and b* of each square that are meant by what is said of it."""
        if self.config.answer == REGRESSION:
            return SCALE * said
        return ab_classes.annealed_mean(said, self.centres, self.config.temperature)

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Picture]:
        """The pictures with colours; what colour they had plays no part."""
        ab = self.ab_of(self(images).float())
        lightness = lab_of(images)[:, :1]
        whole = F.interpolate(ab, scale_factor=float(SHUFFLE), mode="bilinear", align_corners=False)
        whole = whole[:, :, : lightness.shape[2], : lightness.shape[3]]
        return [Picture(image=one) for one in rgb_of(torch.cat([lightness, whole], 1))]

    def finished(self, found: Picture, image: UInt8[Tensor, "3 h w"]) -> Picture:
        """The colours of a picture that was seen smaller, under the lightness of what was given in its own pixels."""
        lightness = lab_of(image[None].to(found.image).float() / 255)[:, :1]
        return replace(found, image=rgb_of(torch.cat([lightness, lab_of(found.image[None])[:, 1:]], 1))[0])


class Residual(nn.Module):
    """What two convolutions with norms add to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = ConvNorm(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, feature: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The map, refined."""
        return F.silu(feature + self.second(self.first(feature)))


class Up(nn.Module):
    """Double the map, add the finer one, refine."""

    def __init__(self, coarse: int, fine: int, depth: int) -> None:
        super().__init__()
        self.doubled = Double(coarse, fine, "resize")
        self.norm = nn.BatchNorm2d(fine)
        self.blocks = nn.Sequential(*_blocks(fine, depth))

    def forward(
        self, feature: Float[Tensor, "b c h w"], skip: Float[Tensor, "b k h2 w2"]
    ) -> Float[Tensor, "b k h2 w2"]:
        """The map at the size of the finer one."""
        size: Size = (skip.shape[2], skip.shape[3])
        return self.blocks(F.silu(self.norm(self.doubled(feature, size)) + skip))


def _blocks(width: int, count: int) -> list[Residual]:
    return [Residual(width) for _ in range(count)]


def squares_of(lightness: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 4 h2 w2"]:
    """The four L* of each square of 2 x 2 px, as channels about 0."""
    return F.pixel_unshuffle(_even((lightness - 50) / SCALE), SHUFFLE)


def _even(planes: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
    """The planes with their last row and column repeated where sides are odd."""
    return F.pad(planes, (0, planes.shape[3] % SHUFFLE, 0, planes.shape[2] % SHUFFLE), mode="replicate")


def halved(planes: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
    """The means of squares of 2 x 2 px."""
    return F.avg_pool2d(_even(planes), SHUFFLE)
