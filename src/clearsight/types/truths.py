"""What a picture holds and what a model says of it: truths and predictions share one set of conventions."""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, Self, TypeVar

import torch
from jaxtyping import Bool, Float, Int, Int8, Int32, UInt8
from torch import Tensor

from clearsight.types.degradation import Degradation

IGNORE = 255
UNKNOWN = "unknown"

Size = tuple[int, int]
_Objects = TypeVar("_Objects", bound="Boxes | Detections")


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

    def select(self, which: Tensor) -> Self:
        """The objects at these indices, or where this is true."""
        return _selected(self, which)


@dataclass(frozen=True, kw_only=True)
class Masks:
    """Which pixels belong to each of n objects of a picture of ``size``: compact, as run lengths within a window each.

    ``windows`` are whole pixels ``x1 y1 x2 y2`` within the picture, the smallest that hold the object; 0 0 0 0 for an
    object of no pixel. Object i has ``counts[i]`` of the ``runs``: down the columns of its window from left to right,
    the first run of pixels that are not its own (so possibly 0), then by turns. ``ops.instance_masks`` makes and reads
    them.
    """

    size: Size
    windows: Int32[Tensor, "n 4"]
    counts: Int32[Tensor, "n"]
    runs: Int32[Tensor, "k"]

    def __len__(self) -> int:
        return len(self.counts)

    def select(self, which: Tensor) -> "Masks":
        """The masks at these indices, or where this is true."""
        index = torch.arange(len(self), device=which.device)[which].tolist()
        parts = self.runs.split(self.counts.tolist())
        runs = torch.cat([self.runs[:0], *(parts[i] for i in index)])
        return Masks(size=self.size, windows=self.windows[index], counts=self.counts[index], runs=runs)


@dataclass(frozen=True, kw_only=True)
class Instances(Boxes):
    """Objects with their masks; all other fields are those of the boxes around them. ``areas`` are the masks'."""

    masks: Masks


@dataclass(frozen=True, kw_only=True)
class ClassMap:
    """The class of every pixel; 255 where nobody said, or nobody judges."""

    labels: UInt8[Tensor, "h w"]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The probability of each class; they sum to 1 where a picture has one class, else each stands alone."""

    probabilities: Float[Tensor, "c"]


@dataclass(frozen=True, kw_only=True)
class Abstained:
    """No answer, because the one at hand may be a confusion that must never happen; ``reason`` says which."""

    reason: str


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

    def select(self, which: Tensor) -> Self:
        """The detections at these indices, or where this is true."""
        return _selected(self, which)

    def above(self, score: float) -> Self:
        """Only the detections whose score is at least ``score``."""
        return self.select(self.scores >= score)


@dataclass(frozen=True, kw_only=True)
class InstanceDetections(Detections):
    """Found objects with their masks, in the pixels of the boxes."""

    masks: Masks


@dataclass(frozen=True, kw_only=True)
class ClassProbabilities:
    """The probability of each class at every pixel of a network's canvas: large, so it never leaves inference."""

    probabilities: Float[Tensor, "c h w"]


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """The most probable class of every pixel of a picture, and its probability."""

    labels: UInt8[Tensor, "h w"]
    confidence: Float[Tensor, "h w"]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture as truth or as prediction: one to be reconstructed, or one that a network made; RGB in [0, 1].

    ``degradation`` is, of a truth, what was taken from it before a network was given it; None where nothing was.
    """

    image: Float[Tensor, "3 h w"]
    degradation: Degradation | None = None


@dataclass(frozen=True, kw_only=True)
class Features:
    """What two independent feature extractors see in a picture, real (as truth) or generated (as prediction).

    ``distance`` is the relative distance to its nearest training picture, NaN where unknown; ``answer`` the class that
    a classifier takes it for, and ``label`` its true class or the one asked for, -1 where there is none.
    """

    first: Float[Tensor, "d"]
    second: Float[Tensor, "e"]
    distance: float = float("nan")
    answer: int = -1
    label: int = -1


def _selected(objects: _Objects, which: Tensor) -> _Objects:
    """Objects of one picture, every field of them reduced to some."""
    parts: dict[str, Any] = {}
    for item in fields(objects):
        value = getattr(objects, item.name)
        parts[item.name] = value.select(which) if isinstance(value, Masks) else value[which]
    return type(objects)(**parts)


Truth = Label | Labels | Value | Boxes | ClassMap | Picture | Features | None
Prediction = Scores | Abstained | Estimate | Detections | ClassProbabilities | Segmentation | Picture | Features

TRUTHS: dict[type, str] = {
    Label: "one class per picture",
    Labels: "several labels per picture",
    Value: "one number per picture",
    Boxes: "boxes",
    Instances: "a mask for every object",
    ClassMap: "a class for every pixel",
    Picture: "pictures, with or without labels",
}
