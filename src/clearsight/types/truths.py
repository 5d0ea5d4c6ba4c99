"""What a picture holds and what a model says of it: truths and predictions share one set of conventions."""

from dataclasses import dataclass
from enum import IntEnum

import torch
from jaxtyping import Bool, Float, Int, Int8, UInt8
from torch import Tensor

IGNORE = 255
UNKNOWN = "unknown"

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Label:
    """The one class of a picture or table row."""

    index: int


class State(IntEnum):
    """What is known of one class in one picture: a reader may be unsure, and may not have looked (CheXpert's four)."""

    ABSENT = 0
    PRESENT = 1
    UNCERTAIN = 2
    UNREAD = 3


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Several classes of one picture, each with its ``State``."""

    states: Int8[Tensor, "c"]


@dataclass(frozen=True, kw_only=True)
class Value:
    """The quantity that belongs to a picture or table row, in the unit of its column."""

    value: float


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """The objects of one picture: boxes in pixels, class ids, and which of them are not judged.

    An ignored object (COCO "iscrowd", Pascal VOC "difficult") is neither missed nor false when a detection meets it.
    ``areas`` are square pixels; COCO's are those of the mask, so they may be smaller than the box.
    """

    xyxy: Float[Tensor, "n 4"]
    labels: Int[Tensor, "n"]
    ignored: Bool[Tensor, "n"]
    areas: Float[Tensor, "n"]

    @classmethod
    def of(cls, xyxy: Tensor, labels: Tensor, ignored: Tensor | None = None, areas: Tensor | None = None) -> "Boxes":
        """Boxes with nothing ignored and areas of width x height px unless given."""
        xyxy = xyxy.reshape(-1, 4).float()
        sides = xyxy[:, 2:] - xyxy[:, :2]
        return cls(
            xyxy=xyxy,
            labels=labels.long(),
            ignored=torch.zeros(len(xyxy), dtype=torch.bool) if ignored is None else ignored.bool(),
            areas=sides.prod(1) if areas is None else areas.float(),
        )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, kw_only=True)
class ClassMap:
    """The class of every pixel; 255 where nobody said, or nobody judges."""

    labels: UInt8[Tensor, "h w"]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The probability of each class; they sum to 1 where a picture has one class, else each stands alone."""

    probabilities: Float[Tensor, "c"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An estimated quantity, in the unit of the truth."""

    value: float


@dataclass(frozen=True, kw_only=True)
class Detections:
    """Found objects of one picture, best first: boxes in pixels, scores in [0, 1], class ids."""

    xyxy: Float[Tensor, "n 4"]
    scores: Float[Tensor, "n"]
    labels: Int[Tensor, "n"]

    def __len__(self) -> int:
        return len(self.labels)

    def above(self, score: float) -> "Detections":
        """Only the detections whose score is at least ``score``."""
        keep = self.scores >= score
        return Detections(xyxy=self.xyxy[keep], scores=self.scores[keep], labels=self.labels[keep])


@dataclass(frozen=True, kw_only=True)
class ClassProbabilities:
    """The probability of each class at every pixel of a network's canvas: large, so it never leaves inference."""

    probabilities: Float[Tensor, "c h w"]


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """The most probable class of every pixel of a picture, and its probability."""

    labels: UInt8[Tensor, "h w"]
    confidence: Float[Tensor, "h w"]


Truth = Label | Labels | Value | Boxes | ClassMap | None
Prediction = Scores | Estimate | Detections | ClassProbabilities | Segmentation

TRUTHS: dict[type, str] = {
    Label: "one class per picture",
    Labels: "several labels per picture",
    Value: "one number per picture",
    Boxes: "boxes",
    ClassMap: "a class for every pixel",
}
