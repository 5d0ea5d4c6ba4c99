"""CNN of a first course: convolution, pooling, normalisation and activation, then one linear layer.

A plain stack in the manner of VGG (Simonyan and Zisserman 2015) with batch norms (Ioffe and Szegedy 2015). What makes
it learn in minutes is how it begins, after Jordan 2024 ("94% on CIFAR-10 in 3.29 seconds on a single GPU"): a frozen
first layer that whitens 2x2 patches of the training pictures, 3x3 filters that begin by passing their input on, few
and wide stages, and the strongest response over the picture as the summary.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from clearsight.architectures import answers
from clearsight.architectures.answers import Answering
from clearsight.architectures.heat import heat_of
from clearsight.types import Batch, Estimate, Losses, Scores, Training, Truth

PATCH = 2
RIDGE = 5e-4  # added to the eigenvalues of patches, as a share of their mean
EMPTY = 1e-6  # directions below that share of the mean are noise, as two of three colours are in grey pictures
MOST_PATCHES = 2**18  # looked at together: 25 MB
SHIFTS_PER_SIDE = 32  # a shifted view is moved by that part of the picture's longer side
QUIET = 0.3  # the linear layer begins that much smaller, so that the first answers are unsure


@dataclass(frozen=True, kw_only=True)
class CnnConfig(Answering):
    """What can be chosen of a Cnn: the channels of each stage, and the convolutions of a stage.

    Every stage halves the picture. From ``depth`` 3 on, what follows a stage's first convolution is residual. An answer
    is the mean over views: with ``mirrored`` of the picture and its mirror image, with ``shifted`` of the picture and
    it moved diagonally by a pixel of 32, both ways. Every view costs the time of one. Unless they are set, a run
    answers with the views it is trained on.
    """

    widths: tuple[int, ...] = (64, 128, 256)
    depth: int = 2
    label_smoothing: float = 0.15
    mirrored: bool = False
    shifted: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths is {self.widths}. Expected the channels of each stage, such as 64,128,256.")
        if self.depth < 1:
            raise ValueError(f"depth is {self.depth}. Expected at least 1.")


class Cnn(nn.Module):
    """Whitening, stages, the strongest response, linear."""

    tasks: ClassVar[tuple[str, ...]] = ("classification", "tagging", "regression")
    config_type: ClassVar[type] = CnnConfig
    training_defaults: ClassVar[Training] = Training(
        batch_size=500, learning_rate=3e-3, weight_decay=0.0, warmup_share=0.15, ema_share=0.02, size_px=32,
        zoom=(1.0, 1.0), brightness=0.0, shift=0.0625, optimizer="muon",
        muon_learning_rate=0.12, momentum=0.6, small_share=0.6, small_scale=0.75, enlarge=False,
    )  # fmt: skip
    strides: ClassVar[tuple[int, ...]] = ()

    def __init__(self, config: CnnConfig, backbone: None, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.whiten = nn.Conv2d(3, 2 * 3 * PATCH**2, PATCH)
        self.whiten.weight.requires_grad_(False)
        channels = (self.whiten.out_channels, *config.widths)
        pairs = zip(channels[:-1], channels[1:], strict=True)
        self.stages = nn.Sequential(*(Stage(before, after, config.depth) for before, after in pairs))
        self.linear = nn.Linear(channels[-1], answers.outputs_of(config, class_names))
        with torch.no_grad():
            self.linear.weight.mul_(QUIET)

    @classmethod
    def fitted(cls, config: CnnConfig, truths: Iterable[Truth], class_names: tuple[str, ...]) -> CnnConfig:
        """The config with the kind of answer and what goes with it, from the training truths."""
        return answers.fitted(config, truths, class_names)

    @torch.no_grad()
    def prepare(self, images: Float[Tensor, "b 3 h w"]) -> None:
        """Let the first layer whiten patches as these pictures have them; a few thousand small ones are plenty.

        Each filter is an eigenvector of the patches' covariance over the root of its eigenvalue, and each has its
        negative beside it. Directions the pictures do not use (grey ones have no colour) give 0.
        """
        weight, bias = whitening(images)
        if not bool(weight.any()):
            return  # pictures of one colour tell nothing
        self.whiten.weight.copy_(torch.cat([weight, -weight]))
        assert self.whiten.bias is not None
        self.whiten.bias.copy_(torch.cat([bias, -bias]))

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b k"]:
        """Logits, or the standardised number."""
        return self._answer(self._feature(images))

    def losses(self, batch: Batch) -> Losses:
        """One loss, by what is answered."""
        return answers.losses(self.config, self(batch.images), batch)

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Scores] | list[Estimate]:
        """Probabilities or a number for each picture."""
        seen = views(images, self.config.mirrored, self.config.shifted)
        outputs = self(torch.cat(seen)).float().unflatten(0, (len(seen), -1)).mean(0)
        return answers.predictions(self.config, outputs)

    @torch.inference_mode()
    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c"]:
        """What the last layer reads of each picture: the strongest responses, the mean over the views it answers by."""
        seen = views(images, self.config.mirrored, self.config.shifted)
        return self._feature(torch.cat(seen)).amax((2, 3)).float().unflatten(0, (len(seen), -1)).mean(0)

    @torch.no_grad()
    def heat(self, images: Float[Tensor, "b 3 h w"], classes: Int[Tensor, "b"]) -> Float[Tensor, "b h w"]:
        """Where each picture speaks for its class (Grad-CAM), in [0, 1]; the network must be in evaluation mode."""
        return heat_of(self._feature(images), self._answer, classes, (images.shape[2], images.shape[3]))

    def _feature(self, images: Tensor) -> Tensor:
        return self.stages(F.gelu(self.whiten(images)))

    def _answer(self, feature: Tensor) -> Tensor:
        return self.linear(feature.amax((2, 3)))


class Stage(nn.Module):
    """Convolve, pool, normalise, activate; then ``depth`` - 1 times convolve, normalise, activate."""

    def __init__(self, channels_in: int, channels_out: int, depth: int) -> None:
        super().__init__()
        first, *rest = (channels_in, *[channels_out] * (depth - 1))
        self.convolve = _passing(first, channels_out)
        self.norm = nn.BatchNorm2d(channels_out)
        self.rest = nn.ModuleList(
            nn.Sequential(_passing(count, channels_out), nn.BatchNorm2d(channels_out)) for count in rest
        )

    def forward(self, feature: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h2 w2"]:
        """A map of half the rows and columns; of one row or column where there was no more."""
        wide = self.convolve(feature)
        pooled = F.max_pool2d(wide, 2) if min(wide.shape[2:]) > 1 else wide
        entered = feature = F.gelu(self.norm(pooled))
        for index, layer in enumerate(self.rest):
            last = index == len(self.rest) - 1
            feature = F.gelu(layer(feature) + entered if last and index else layer(feature))
        return feature


def views(images: Float[Tensor, "b 3 h w"], mirrored: bool, shifted: bool) -> list[Float[Tensor, "b 3 h w"]]:
    """The pictures; moved diagonally over their own mirrored border; and the mirror images of all of these."""
    height, width = images.shape[2:]
    far = max(1, round(max(height, width) / SHIFTS_PER_SIDE))
    found = [images]
    if shifted and far < min(height, width):
        bordered = F.pad(images, (far, far, far, far), "reflect")
        found += [bordered[:, :, at : at + height, at : at + width] for at in (0, 2 * far)]
    return [*found, *(one.flip(3) for one in found)] if mirrored else found


def _passing(channels_in: int, channels_out: int) -> nn.Conv2d:
    """A 3x3 convolution whose first filters begin as the identity."""
    layer = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight.data[:channels_in])
    return layer


def whitening(images: Float[Tensor, "b 3 h w"]) -> tuple[Float[Tensor, "d 3 2 2"], Float[Tensor, "d"]]:
    """Filters and biases whose responses to the pictures' patches have mean 0 and the identity as covariance."""
    size = 3 * PATCH**2
    first, second, count = torch.zeros(size).double(), torch.zeros(size, size).double(), 0
    for some in images.split(max(1, MOST_PATCHES // (images.shape[2] * images.shape[3]))):
        patches = F.unfold(some.cpu().double(), PATCH).transpose(1, 2).flatten(0, 1)
        first += patches.sum(0)
        second += patches.T @ patches
        count += len(patches)
    mean = first / count
    values, vectors = torch.linalg.eigh(second / count - mean[:, None] * mean)
    usual = values.clamp(min=0).mean()
    scale = torch.where(values > EMPTY * usual, (values + RIDGE * usual).clamp(min=1e-12).rsqrt(), 0)
    scale = scale * (usual > 1e-12)
    filters = (vectors * scale).T
    return filters.reshape(-1, 3, PATCH, PATCH).to(images.dtype), -(filters @ mean).to(images.dtype)
