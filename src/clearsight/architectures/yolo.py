"""YOLO: one pass over a grid of cells, each of which predicts a box and class scores.

After Redmon et al. 2016 ("You Only Look Once"), in today's form. What differs from the paper: three grids instead of
one (feature pyramid with a bottom-up path: Lin et al. 2017, Liu et al. 2018), no anchors and distances to the four
sides instead of centre and size (Tian et al. 2019, FCOS), separate branches for class and box (Ge et al. 2021, YOLOX),
cells chosen during training by how well they already do (Feng et al. 2021, TOOD), a score that is the expected IoU
(Zhang et al. 2021, VarifocalNet) and so holds confidence and class in one number, and a generalised IoU loss.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.architectures.layers import CONVOLUTIONS, GROUP, Block, ConvNorm
from clearsight.ops import boxes as box_ops
from clearsight.ops.assignment import task_aligned
from clearsight.types import Backbone, Batch, Boxes, Detections, Losses, Size, Training, Truth

STRIDES = (8, 16, 32)
COMPARED = 1000  # the best candidates of a picture, among which suppression chooses


@dataclass(frozen=True, kw_only=True)
class YoloConfig:
    """Settings of a YOLO: ``width`` channels in neck and head, ``depth`` convolutions per branch.

    ``nms_iou_threshold`` is the IoU above which the weaker of two boxes of one class is suppressed, ``max_detections``
    the number of boxes kept per picture, ``score_threshold`` the score below which a box is never kept.
    Suppressed boxes above ``voting_iou_threshold`` still contribute to the position of the kept one (box voting).
    ``convolutions`` are those of neck and head: grouped, depthwise or full (see ``layers.Block``).
    """

    backbone: str = "regnetx_002"
    width: int = 96
    depth: int = 2
    convolutions: str = "grouped"
    box_weight: float = 2.0
    nms_iou_threshold: float = 0.65
    voting_iou_threshold: float = 0.7
    max_detections: int = 100
    score_threshold: float = 0.01

    def __post_init__(self) -> None:
        for name in ("width", "depth", "max_detections"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        if self.convolutions not in CONVOLUTIONS:
            raise ValueError(f"convolutions is {self.convolutions!r}. Expected one of {', '.join(CONVOLUTIONS)}.")
        if self.width % GROUP:
            raise ValueError(f"width is {self.width}. Expected a multiple of {GROUP}, such as {GROUP * 6}.")
        if not 0 < self.nms_iou_threshold <= 1:
            raise ValueError(f"nms_iou_threshold is {self.nms_iou_threshold}. Expected an IoU above 0 and at most 1.")
        if not 0 < self.voting_iou_threshold < 1:
            raise ValueError(f"voting_iou_threshold is {self.voting_iou_threshold}. Expected an IoU between 0 and 1.")


class Yolo(nn.Module):
    """Backbone, pyramid, grid head."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    config_type: ClassVar[type] = YoloConfig
    training_defaults: ClassVar[Training] = Training(
        batch_size=8, learning_rate=1.4e-3, small_share=0.6, optimizer="muon"
    )
    strides: ClassVar[tuple[int, ...]] = STRIDES

    def __init__(self, config: YoloConfig, backbone: Backbone, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone
        self.neck = Pyramid(backbone.channels, config.width, config.convolutions)
        self.head = GridHead(config, len(class_names), backbone.strides)

    @classmethod
    def fitted(cls, config: YoloConfig, truths: Iterable[Truth], class_names: tuple[str, ...]) -> YoloConfig:
        """The config as it is: a YOLO without anchors takes nothing from the truths."""
        return config

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Class logits ``b cells c``, boxes in pixels ``b cells 4``, and centre ``cells 2`` and stride of each cell."""
        features = self.backbone(images)
        pyramid = self.neck(features)
        return self.head(pyramid)

    def losses(self, batch: Batch) -> Losses:
        """``score``: varifocal loss of all cells; ``box``: GIoU loss of the cells that answer for an object."""
        logits, boxes, points, _ = self(batch.images)
        truth_boxes, truth_labels, ignored = _padded(batch.truths, logits.device)
        chosen = task_aligned(logits.detach().sigmoid(), boxes.detach(), points, truth_boxes, truth_labels)
        labels = truth_labels.gather(1, chosen.truth)
        target = F.one_hot(labels, logits.shape[2]) * chosen.quality[..., None]
        total = chosen.quality.sum().clamp(min=1.0)
        score = varifocal(logits, target) * ~(_within(points, ignored) & ~chosen.positive)[..., None]
        matched = truth_boxes.gather(1, chosen.truth[..., None].expand(-1, -1, 4))[chosen.positive]
        overlap = box_ops.generalized_iou(boxes[chosen.positive], matched)
        box = (1 - overlap) * chosen.quality[chosen.positive]
        return {"score": score.sum() / total, "box": self.config.box_weight * box.sum() / total}

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Detections]:
        """The boxes of each picture, best first, overlapping ones of a class reduced to the best."""
        logits, boxes, _, _ = self(images)
        size = (images.shape[2], images.shape[3])
        found = (self._reduced(*one, size) for one in zip(logits.float().sigmoid(), boxes, strict=True))
        return [Detections(xyxy=xyxy, scores=scores, labels=labels) for xyxy, scores, labels in found]

    def found(self, images: Float[Tensor, "1 3 h w"]) -> tuple[Tensor, Tensor, Tensor]:
        """What ``predict`` finds in one picture, as tensors: boxes ``n 4``, scores and labels ``n``. Can be traced."""
        logits, boxes, _, _ = self(images)
        return self._reduced(logits[0].float().sigmoid(), boxes[0], (images.shape[2], images.shape[3]))

    def _reduced(self, scores: Tensor, boxes: Tensor, size: Size) -> tuple[Tensor, Tensor, Tensor]:
        # Suppression compares pairs: enough to fill any picture, few enough to stay quick. The zeros make the number
        # of candidates the same for every picture; what they point to is dropped with everything below the floor.
        spare = scores.new_zeros(COMPARED)
        score, place = torch.cat([scores.flatten(), spare]).topk(COMPARED)
        score, place = score[score > self.config.score_threshold], place[score > self.config.score_threshold]
        label = place % scores.shape[1]
        found = box_ops.clip(boxes[place // scores.shape[1]], size)
        real = box_ops.area(found) > 0
        found, score, label = found[real], score[real], label[real]
        kept = box_ops.keep_best(found, score, label, self.config.nms_iou_threshold, self.config.max_detections)
        where = box_ops.voted(found, score, label, kept, self.config.voting_iou_threshold)
        return box_ops.clip(where, size), score[kept], label[kept]  # clipped again, since means round


def varifocal(logits: Float[Tensor, "*n"], target: Float[Tensor, "*n"], alpha: float = 0.75) -> Float[Tensor, "*n"]:
    """Zhang et al. 2021, equation 2: cross-entropy weighted by the target where positive, by alpha p^2 elsewhere."""
    probability = logits.detach().sigmoid()
    weight = torch.where(target > 0, target, alpha * probability.square())
    return F.binary_cross_entropy_with_logits(logits, target, weight=weight, reduction="none")


def _padded(truths: Sequence[Truth], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Truths of a batch as ``b n 4``, ``b n``, and the ignored ones apart as ``b m 4``; padding has zero area."""
    judged, labels, ignored = [], [], []
    for truth in truths:
        assert isinstance(truth, Boxes)
        judged.append(truth.xyxy[~truth.ignored])
        labels.append(truth.labels[~truth.ignored])
        ignored.append(truth.xyxy[truth.ignored])
    none = [torch.zeros(1, 4)]  # a batch without any object still needs a column to reduce over
    pad = nn.utils.rnn.pad_sequence
    boxes = pad(judged + none, batch_first=True)[:-1]
    classes = pad(labels + [torch.zeros(1, dtype=torch.long)], batch_first=True)[:-1]
    return boxes.to(device), classes.to(device), pad(ignored + none, batch_first=True)[:-1].to(device)


def _within(points: Float[Tensor, "cells 2"], boxes: Float[Tensor, "b m 4"]) -> Tensor:
    """Whether each cell centre lies in any of the boxes: ``b cells``."""
    left_top = points - boxes[:, :, None, :2]
    right_bottom = boxes[:, :, None, 2:] - points
    return (torch.cat([left_top, right_bottom], dim=-1).amin(dim=-1) > 0).any(dim=1)


class Pyramid(nn.Module):
    """Maps of one width: meaning flows down (Lin et al. 2017), then position up (Liu et al. 2018)."""

    def __init__(self, channels: tuple[int, ...], width: int, convolutions: str) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(ConvNorm(count, width, 1) for count in channels)
        self.down = nn.ModuleList(Block(width, convolutions) for _ in channels[:-1])
        self.reduce = nn.ModuleList(ConvNorm(width, width, stride=2) for _ in channels[:-1])
        self.up = nn.ModuleList(Block(width, convolutions) for _ in channels[:-1])

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Maps fine to coarse, in and out."""
        maps = [layer(feature) for layer, feature in zip(self.lateral, features, strict=True)]
        for i in reversed(range(len(maps) - 1)):
            coarse = F.interpolate(maps[i + 1], size=maps[i].shape[2:], mode="nearest")
            maps[i] = self.down[i](maps[i] + coarse)
        for i, (reduce, up) in enumerate(zip(self.reduce, self.up, strict=True)):
            maps[i + 1] = up(maps[i + 1] + reduce(maps[i]))
        return maps


class GridHead(nn.Module):
    """For each cell of each grid: class logits, and the distances from its centre to the four sides."""

    def __init__(self, config: YoloConfig, classes: int, strides: tuple[int, ...]) -> None:
        super().__init__()
        self.strides = strides
        width, kind = config.width, config.convolutions
        self.class_branch, self.box_branch = (
            nn.ModuleList(nn.Sequential(*(Block(width, kind) for _ in range(config.depth))) for _ in strides)
            for _ in range(2)
        )
        self.to_class = nn.ModuleList(nn.Conv2d(width, classes, 1) for _ in strides)
        self.to_box = nn.ModuleList(nn.Conv2d(width, 4, 1) for _ in strides)
        _start_at(self.to_class, -4.6)  # a score of 0.01 (Lin et al. 2017, focal loss)
        _start_at(self.to_box, 1.0)  # boxes of about five cells

    def forward(self, maps: list[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits, boxes, centres and strides of all cells, fine grid first, rows then columns."""
        logits, distances, points, strides = [], [], [], []
        for level, (feature, stride) in enumerate(zip(maps, self.strides, strict=True)):
            logits.append(self.to_class[level](self.class_branch[level](feature)).flatten(2).transpose(1, 2))
            raw = self.to_box[level](self.box_branch[level](feature)).flatten(2).transpose(1, 2)
            distances.append(raw.float().clamp(max=6).exp() * stride)
            points.append(cell_centres((feature.shape[2], feature.shape[3]), stride, feature.device))
            strides.append(torch.full((len(points[-1]),), float(stride), device=feature.device))
        centres = torch.cat(points)
        return (
            torch.cat(logits, 1).float(),
            box_ops.from_distances(centres, torch.cat(distances, 1)),
            centres,
            torch.cat(strides),
        )


def _start_at(layers: nn.ModuleList, bias: float) -> None:
    for layer in layers:
        assert isinstance(layer, nn.Conv2d) and layer.bias is not None
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.constant_(layer.bias, bias)


def cell_centres(grid: Size, stride: int, device: torch.device) -> Float[Tensor, "cells 2"]:
    """Centres ``x y`` in pixels of a grid of (rows, columns), row by row."""
    rows = (torch.arange(grid[0], device=device) + 0.5) * stride
    columns = (torch.arange(grid[1], device=device) + 0.5) * stride
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)
