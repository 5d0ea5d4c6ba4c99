"""Classifier: any backbone, global average pooling, and one linear layer.

The head of residual networks (He et al. 2016) and of most later ones. It predicts one class, several labels or a
number, whichever the ground truth holds; see ``answers`` for the losses.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from clearsight.architectures import answers
from clearsight.architectures.answers import Answering
from clearsight.architectures.heat import heat_of
from clearsight.types import Backbone, Batch, Estimate, Losses, Scores, Training, Truth


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(Answering):
    """Settings of a classifier; ``dropout`` is the dropout probability of the pooled features."""

    backbone: str = "regnetx_002"
    dropout: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}. Expected a probability of at least 0 and below 1.")


class Classifier(nn.Module):
    """Backbone, global average pooling, linear layer."""

    tasks: ClassVar[tuple[str, ...]] = ("classification", "tagging", "regression")
    config_type: ClassVar[type] = ClassifierConfig
    training_defaults: ClassVar[Training] = Training(
        batch_size=16, learning_rate=2e-3, size_px=192, small_share=0.5, enlarge=False
    )
    strides: ClassVar[tuple[int, ...]] = (32,)

    def __init__(self, config: ClassifierConfig, backbone: Backbone, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone
        self.dropout = nn.Dropout(config.dropout)
        self.linear = nn.Linear(backbone.channels[-1], answers.outputs_of(config, class_names))

    @classmethod
    def fitted(
        cls, config: ClassifierConfig, truths: Iterable[Truth], class_names: tuple[str, ...]
    ) -> ClassifierConfig:
        """The config with the kind of target and the class frequencies of the training set."""
        return answers.fitted(config, truths, class_names)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b k"]:
        """Logits, or the standardised number."""
        feature = self.backbone(images)[-1]
        return self._head(feature)

    def losses(self, batch: Batch) -> Losses:
        """One loss, by the kind of target."""
        return answers.losses(self.config, self(batch.images), batch)

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Scores] | list[Estimate]:
        """Probabilities or a number for each picture."""
        return answers.predictions(self.config, self(images))

    @torch.inference_mode()
    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c"]:
        """What the last layer reads of each picture: the mean of the backbone's last map."""
        return self.backbone(images)[-1].mean((2, 3)).float()

    @torch.no_grad()
    def heat(self, images: Float[Tensor, "b 3 h w"], classes: Int[Tensor, "b"]) -> Float[Tensor, "b h w"]:
        """Grad-CAM heat map of each picture for its class, in [0, 1]; the network must be in evaluation mode."""
        return heat_of(self.backbone(images)[-1], self._head, classes, (images.shape[2], images.shape[3]))

    def _head(self, feature: Tensor) -> Tensor:
        return self.linear(self.dropout(feature.mean((2, 3))))
