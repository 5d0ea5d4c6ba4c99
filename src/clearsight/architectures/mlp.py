"""Multilayer perceptron on the pixels of small pictures.

The network before convolutions (Rumelhart et al. 1986), with batch norms and dropout: how far raw pixels alone predict
a picture's class, and the baseline a convolutional network must beat.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.architectures import answers
from clearsight.architectures.answers import Answering
from clearsight.types import Batch, Estimate, Losses, Scores, Training, Truth


@dataclass(frozen=True, kw_only=True)
class MlpConfig(Answering):
    """Settings of an Mlp: the width of each hidden layer, and the dropout probability.

    Every picture is average-pooled to ``side_px`` by ``side_px`` pixels, whatever its size and shape.
    """

    widths: tuple[int, ...] = (512, 256)
    dropout: float = 0.1
    side_px: int = 28

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.widths and min(self.widths) < 1:
            raise ValueError(f"widths is {self.widths}. Expected the width of each hidden layer, such as 512,256.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}. Expected a probability of at least 0 and below 1.")
        if self.side_px < 1:
            raise ValueError(f"side_px is {self.side_px}. Expected at least 1.")


class Mlp(nn.Module):
    """Pixels, hidden layers, linear."""

    tasks: ClassVar[tuple[str, ...]] = ("classification", "tagging", "regression")
    config_type: ClassVar[type] = MlpConfig
    training_defaults: ClassVar[Training] = Training(
        batch_size=128,
        learning_rate=1e-3,
        size_px=32,
        zoom=(1.0, 1.0),
        brightness=0.0,
        shift=0.0625,
        enlarge=False,
    )
    strides: ClassVar[tuple[int, ...]] = ()

    def __init__(self, config: MlpConfig, backbone: None, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.norm = nn.BatchNorm2d(3)
        widths = (3 * config.side_px**2, *config.widths)
        self.hidden = nn.Sequential(*(_hidden(before, after, config.dropout) for before, after in pairwise(widths)))
        self.linear = nn.Linear(widths[-1], answers.outputs_of(config, class_names))

    @classmethod
    def fitted(cls, config: MlpConfig, truths: Iterable[Truth], class_names: tuple[str, ...]) -> MlpConfig:
        """The config with the kind of target and the class frequencies of the training set."""
        return answers.fitted(config, truths, class_names)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b k"]:
        """Logits, or the standardised number."""
        return self.linear(self._hidden_values(images))

    def losses(self, batch: Batch) -> Losses:
        """One loss, by the kind of target."""
        return answers.losses(self.config, self(batch.images), batch)

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Scores] | list[Estimate]:
        """Probabilities or a number for each picture."""
        return answers.predictions(self.config, self(images))

    @torch.inference_mode()
    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c"]:
        """What the last layer reads of each picture: the last hidden layer."""
        return self._hidden_values(images).float()

    def _hidden_values(self, images: Tensor) -> Tensor:
        pixels = self.norm(F.adaptive_avg_pool2d(images, self.config.side_px)).flatten(1)
        return self.hidden(pixels)


def _hidden(before: int, after: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.GELU(), nn.Dropout(dropout))
