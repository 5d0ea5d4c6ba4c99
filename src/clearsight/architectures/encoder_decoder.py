"""Encoder-decoder: a backbone as encoder, and a decoder that upsamples to a class for every pixel.

The decoder is a choice: ``fcn`` (Long et al. 2015), ``deconvnet`` (Noh et al. 2015), ``unet`` (Ronneberger et al.
2015), or ``light``, a feature pyramid with pyramid pooling that learns most in minutes. Logits are made at the
decoder's own stride and interpolated to the picture.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from clearsight.architectures.decoders import DECODERS
from clearsight.architectures.layers import GROUP, UPSAMPLINGS
from clearsight.ops.segmentation_losses import (
    BALANCES,
    class_weights,
    cross_entropy_and_dice,
    focal,
    lovasz_softmax,
)
from clearsight.types import IGNORE, Backbone, Batch, ClassMap, ClassProbabilities, Losses, Training, Truth


@dataclass(frozen=True, kw_only=True)
class EncoderDecoderConfig:
    """Settings of an encoder-decoder.

    ``width`` is the channels of the decoder's finest map. ``upsampling`` is "transposed", "resize", or "auto" for that
    of the decoder's paper. ``class_balance`` weighs cross-entropy and focal loss by class frequency. ``cross_entropy``,
    ``dice``, ``lovasz`` and ``focal`` are the weights of these losses in their sum. The losses are computed on every
    ``loss_stride``-th pixel of every ``loss_stride``-th row. ``frequencies`` are the classes' shares of the training
    pixels, found by ``fitted``.
    """

    backbone: str = "regnetx_004"
    decoder: str = "light"
    width: int = 64
    upsampling: str = "auto"
    class_balance: str = "square-root"
    cross_entropy: float = 1.0
    dice: float = 0.5
    lovasz: float = 0.0
    focal: float = 0.0
    loss_stride: int = 2
    frequencies: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.decoder not in DECODERS:
            raise ValueError(f"decoder is {self.decoder!r}. Expected {', '.join(DECODERS)}.")
        if self.upsampling != "auto" and self.upsampling not in UPSAMPLINGS:
            raise ValueError(f"upsampling is {self.upsampling!r}. Expected auto, {', '.join(UPSAMPLINGS)}.")
        if self.class_balance not in BALANCES:
            raise ValueError(f"class_balance is {self.class_balance!r}. Expected {', '.join(BALANCES)}.")
        if self.width < 1 or self.width % GROUP:
            raise ValueError(f"width is {self.width}. Expected a multiple of {GROUP}, such as {GROUP * 4}.")
        if self.loss_stride < 1:
            raise ValueError(f"loss_stride is {self.loss_stride}. Expected at least 1.")
        shares = {name: getattr(self, name) for name in ("cross_entropy", "dice", "lovasz", "focal")}
        for name, share in shares.items():
            if not share >= 0:
                raise ValueError(f"{name} is {share}. Expected a weight of at least 0.")
        if not any(shares.values()):
            raise ValueError(f"{', '.join(shares)} are all 0. Expected one loss with a weight above 0.")


class EncoderDecoder(nn.Module):
    """Backbone, decoder."""

    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)
    config_type: ClassVar[type] = EncoderDecoderConfig
    training_defaults: ClassVar[Training] = Training(
        batch_size=8, learning_rate=1.4e-3, size_px=480, colour=0.6, small_share=0.5, optimizer="muon"
    )
    strides: ClassVar[tuple[int, ...]] = (4, 8, 16, 32)

    def __init__(self, config: EncoderDecoderConfig, backbone: Backbone, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone
        kind = DECODERS[config.decoder]
        upsampling = kind.upsampling if config.upsampling == "auto" else config.upsampling
        self.decoder = kind(backbone.channels, config.width, len(class_names), upsampling)

    @classmethod
    def fitted(
        cls, config: EncoderDecoderConfig, truths: Iterable[Truth], class_names: tuple[str, ...]
    ) -> EncoderDecoderConfig:
        """The config with the classes' shares of the training pixels.

        Raises ValueError where the training pictures show fewer than two classes.
        """
        counts = torch.zeros(len(class_names), dtype=torch.long)
        for truth in truths:
            assert isinstance(truth, ClassMap)
            counts += torch.bincount(truth.labels.flatten().long(), minlength=IGNORE + 1)[: len(class_names)]
        if int((counts > 0).sum()) < 2:
            seen = [name for name, count in zip(class_names, counts.tolist(), strict=True) if count]
            raise ValueError(
                f"the training masks show {'only ' + seen[0] if seen else 'no class at all'}. Expected two classes or "
                "more: look at the values in the masks and at the class list."
            )
        return replace(config, frequencies=tuple((counts / counts.sum()).tolist()))

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h2 w2"]:
        """Class logits at the decoder's stride."""
        maps = self.backbone(images)
        return self.decoder(maps)

    def losses(self, batch: Batch) -> Losses:
        """The weighted ``cross-entropy``, and ``dice``, ``lovasz`` and ``focal`` where they were given a weight."""
        config, logits = self.config, self(batch.images)
        labels = self._subsampled(_stacked(batch.truths, logits.device))
        logits = F.interpolate(logits.float(), size=labels.shape[1:], mode="bilinear", align_corners=False)
        weights = self._class_weights(logits.device)
        found: Losses = {}
        if config.cross_entropy or config.dice:
            entropy, dice = cross_entropy_and_dice(logits, labels, weights)
            found |= {"cross-entropy": config.cross_entropy * entropy, "dice": config.dice * dice}
        if config.lovasz:
            found["lovasz"] = config.lovasz * lovasz_softmax(logits, labels)
        if config.focal:
            found["focal"] = config.focal * focal(logits, labels, weights)
        return {name: value for name, value in found.items() if getattr(config, name.replace("-", "_"))}

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[ClassProbabilities]:
        """The probability of every class at every pixel of the canvas."""
        logits = self(images).float().contiguous()  # softmax is several times faster with classes first
        logits = F.interpolate(logits, size=images.shape[2:], mode="bilinear", align_corners=False)
        return [ClassProbabilities(probabilities=one) for one in logits.softmax(1)]

    def _subsampled(self, labels: Int[Tensor, "b h w"]) -> Int[Tensor, "b h2 w2"]:
        """Every ``loss_stride``-th label from a random offset: a fixed one would shift them all by half a pixel."""
        step = self.config.loss_stride
        top, left = torch.randint(step, (2,)).tolist() if self.training and step > 1 else (0, 0)
        return labels[:, top::step, left::step]

    def _class_weights(self, device: torch.device) -> Tensor | None:
        if self.config.class_balance == "none":
            return None
        assert self.config.frequencies, "the config was not fitted to the training truths"
        return class_weights(torch.tensor(self.config.frequencies), self.config.class_balance).to(device)


def _stacked(truths: Sequence[Truth], device: torch.device) -> Int[Tensor, "b h w"]:
    labels = []
    for truth in truths:
        assert isinstance(truth, ClassMap)
        labels.append(truth.labels)
    return torch.stack(labels).to(device).long()
