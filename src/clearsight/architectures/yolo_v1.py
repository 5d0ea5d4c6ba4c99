"""YOLO of 2016: one coarse grid, a few boxes and one class per cell, squared-error loss.

After Redmon et al. 2016 ("You Only Look Once"), sections 2.1 to 2.3. The picture has ``grid_size`` x ``grid_size``
cells, whatever its aspect ratio. A cell predicts the class of an object centred in it, and ``boxes_per_cell``
boxes: centre within the cell, square roots of width and height as shares of the picture, and a confidence, whose target
is the IoU with the object. Only the box of a cell with the highest IoU is responsible for the object. A cell in which
two objects are centred keeps the larger, a limit of this model that a finer grid only eases: the paper has 7 cells,
pictures with many small objects need more (``grid_size=12``).

What differs from the paper: any backbone, at stride 16 and randomly initialised by default, instead of 20 convolutions
pretrained on ImageNet; batch norm and SiLU; AdamW. ``head="connected"`` is the paper's: two fully connected layers over
the whole picture, in which every cell learns separately what an object looks like, which takes tens of thousands of
pictures. ``head="shared"``, the default, learns from hundreds: the same two layers, shared by all cells, each of which
takes its own features and the mean of the whole picture's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from clearsight.architectures.layers import ConvNorm
from clearsight.ops import boxes as box_ops
from clearsight.types import Backbone, Batch, Boxes, Detections, Losses, Size, Training, Truth

HEADS = ("shared", "connected")
BOX = 5  # numbers of a box: x, y, roots of width and height, confidence


@dataclass(frozen=True, kw_only=True)
class YoloV1Config:
    """Settings of the first YOLO: ``grid_size`` cells along each side, ``boxes_per_cell``, ``head`` (see the module).

    ``width`` is the channels of the convolutions above the backbone, ``hidden_units`` those of the last hidden layer.
    ``box_weight`` and ``no_object_weight`` are the paper's lambda for coordinates and for boxes without an object.
    ``nms_iou_threshold`` is the IoU above which the weaker of two boxes of one class is suppressed, ``max_detections``
    the number of boxes kept per picture, ``score_threshold`` the score below which a box is never kept.
    """

    backbone: str = "regnetx_002"
    grid_size: int = 7
    boxes_per_cell: int = 2
    head: str = "shared"
    width: int = 192
    hidden_units: int = 512
    dropout: float = 0.0
    box_weight: float = 5.0
    no_object_weight: float = 0.5
    nms_iou_threshold: float = 0.5
    max_detections: int = 100
    score_threshold: float = 0.01

    def __post_init__(self) -> None:
        for name in ("grid_size", "boxes_per_cell", "width", "hidden_units", "max_detections"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        for name in ("box_weight", "no_object_weight"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected a weight above 0.")
        if self.head not in HEADS:
            raise ValueError(f"head is {self.head!r}. Expected {' or '.join(HEADS)}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}. Expected a probability of at least 0 and below 1.")
        if not 0 < self.nms_iou_threshold <= 1:
            raise ValueError(f"nms_iou_threshold is {self.nms_iou_threshold}. Expected an IoU above 0 and at most 1.")


class YoloV1(nn.Module):
    """Backbone, grid, two layers."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    config_type: ClassVar[type] = YoloV1Config
    training_defaults: ClassVar[Training] = Training(
        batch_size=8, learning_rate=2e-3, size_px=448, enlarge=False, optimizer="muon"
    )
    strides: ClassVar[tuple[int, ...]] = (16,)

    def __init__(self, config: YoloV1Config, backbone: Backbone, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone
        self.above = nn.Sequential(ConvNorm(backbone.channels[-1], config.width), ConvNorm(config.width, config.width))
        self.classes = len(class_names)
        kind = Shared if config.head == "shared" else Connected
        self.head = kind(config, config.boxes_per_cell * BOX + self.classes)

    @classmethod
    def fitted(cls, config: YoloV1Config, truths: Iterable[Truth], class_names: tuple[str, ...]) -> YoloV1Config:
        """The config as it is."""
        return config

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, Tensor]:
        """Boxes ``b cells boxes 5`` in the units of the paper and class probabilities ``b cells c``, rows first."""
        (feature,) = self.backbone(images)
        n = self.config.grid_size
        # The exporter loses the rank of matrix products, which the next lines need; explicit sizes restore it.
        raw = self.head(pooled(self.above(feature), n).reshape(-1, self.config.width, n * n)).float()
        boxes, own = self.config.boxes_per_cell, self.config.boxes_per_cell * BOX
        raw = raw.reshape(-1, n * n, own + self.classes)
        return raw[..., :own].reshape(-1, n * n, boxes, BOX), raw[..., own:]

    def losses(self, batch: Batch) -> Losses:
        """The terms of the paper's equation 3, each a sum over the cells of a picture, averaged over pictures."""
        boxes, classes = self(batch.images)
        n, size = self.config.grid_size, (batch.images.shape[2], batch.images.shape[3])
        cell, truth, label = (part.to(boxes.device) for part in centred(batch.truths, size, n))
        mine = boxes.flatten(0, 1)[cell]
        with torch.no_grad():
            overlap = box_ops.iou(corners(mine, cell % (n * n), n), sides_to_corners(truth)[:, None])
            quality, best = overlap.max(dim=1)
        responsible = mine[torch.arange(len(best), device=best.device), best]
        place = truth[:, :2] * n - torch.stack([cell % n, cell % (n * n) // n], dim=1)
        empty = torch.ones(boxes.shape[:3], dtype=torch.bool, device=boxes.device)
        empty &= ~covered(batch.truths, size, n).to(boxes.device)[..., None]
        # The other boxes of the cell have no object.
        empty.view(-1, self.config.boxes_per_cell)[cell] = True
        empty.view(-1, self.config.boxes_per_cell)[cell, best] = False
        one_hot = F.one_hot(label, classes.shape[2])
        weight, count = self.config.box_weight, len(batch.truths)
        return {
            "centre": weight * (responsible[:, :2] - place).square().sum() / count,
            "size": weight * (responsible[:, 2:4] - truth[:, 2:].sqrt()).square().sum() / count,
            "object": (responsible[:, 4] - quality).square().sum() / count,
            "empty": self.config.no_object_weight * (boxes[..., 4].square() * empty).sum() / count,
            "class": (classes.flatten(0, 1)[cell] - one_hot).square().sum() / count,
        }

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Detections]:
        """The boxes of each picture after non-maximum suppression, best first."""
        boxes, classes = self(images)
        size = (images.shape[2], images.shape[3])
        found = (self._kept(*one, size) for one in zip(boxes, classes, strict=True))
        return [Detections(xyxy=xyxy, scores=scores, labels=labels) for xyxy, scores, labels in found]

    def found(self, images: Float[Tensor, "1 3 h w"]) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes ``n 4`` in pixels, scores ``n`` and class ids ``n`` of one picture: ``predict`` in tensors alone."""
        boxes, classes = self(images)
        return self._kept(boxes[0], classes[0], (images.shape[2], images.shape[3]))

    def _kept(self, boxes: Tensor, classes: Tensor, size: Size) -> tuple[Tensor, Tensor, Tensor]:
        """A box's score for a class: the class's probability in its cell times its own confidence (equation 1)."""
        n, height, width = self.config.grid_size, size[0], size[1]
        where = corners(boxes, torch.arange(n * n, device=boxes.device), n) * torch.stack(
            [torch.as_tensor(side, dtype=boxes.dtype, device=boxes.device) for side in (width, height)] * 2
        )
        where = box_ops.clip(where, size)
        scores = boxes[..., 4, None].clamp(0, 1) * classes[:, None].clamp(0, 1)
        scores = scores * (box_ops.area(where) > 0)[..., None]
        # Flat indices: tensors of known rank can be exported.
        place = (scores.flatten() > self.config.score_threshold).nonzero().flatten()
        score, label = scores.flatten()[place], place % scores.shape[2]
        where = where.reshape(-1, 4)[place // scores.shape[2]]
        kept = box_ops.keep_best(where, score, label, self.config.nms_iou_threshold, self.config.max_detections)
        return where[kept], score[kept], label[kept]


def pooled(feature: Float[Tensor, "b c h w"], cells: int) -> Float[Tensor, "b c n n"]:
    """``F.adaptive_avg_pool2d`` to n x n as matrix products, which export for any input size."""
    rows, columns = (_pooling_weights(side, cells, feature) for side in (feature.shape[2], feature.shape[3]))
    return rows @ feature @ columns.transpose(0, 1)


def _pooling_weights(side: int, cells: int, like: Tensor) -> Float[Tensor, "n side"]:
    """The weight of each position of one axis in each bin; neighbouring bins may overlap by one position."""
    part, place = torch.arange(cells, device=like.device)[:, None], torch.arange(side, device=like.device)
    inside = (place >= part * side // cells) & (place < ((part + 1) * side + cells - 1) // cells)
    return (inside / inside.sum(1, keepdim=True)).to(like.dtype)


def corners(boxes: Float[Tensor, "k boxes 5"], cell: Int[Tensor, "k"], n: int) -> Float[Tensor, "k boxes 4"]:
    """The boxes predicted by the cells, decoded to ``x1 y1 x2 y2`` in shares of the picture."""
    corner = torch.stack([cell % n, cell // n], dim=1)[:, None]
    centre = (boxes[..., :2] + corner) / n
    return sides_to_corners(torch.cat([centre, boxes[..., 2:4].clamp(min=0).square()], dim=-1))


def sides_to_corners(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """Boxes ``x1 y1 x2 y2`` from centre, width and height."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def centred(truths: Sequence[Truth], size: Size, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """The targets of a grid: cell ``k`` (over all pictures), centre and sides ``k 4`` as shares, class id ``k``.

    Of several objects centred in one cell the largest is kept.
    """
    cells, boxes, labels = [], [], []
    unit = torch.tensor([size[1], size[0]] * 2)
    for picture, truth in enumerate(truths):
        assert isinstance(truth, Boxes)
        xyxy = truth.xyxy[~truth.ignored] / unit
        centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2
        column, row = (centre * n).long().clamp(0, n - 1).unbind(1)
        cells.append((picture * n + row) * n + column)
        boxes.append(torch.cat([centre, xyxy[:, 2:] - xyxy[:, :2]], dim=1))
        labels.append(truth.labels[~truth.ignored])
    cell, box, label = torch.cat(cells), torch.cat(boxes), torch.cat(labels)
    order = box[:, 2:].prod(1).argsort(stable=True)
    rank = torch.empty_like(order).scatter_(0, order, torch.arange(len(order)))
    first = torch.full((len(truths) * n * n,), -1).scatter_reduce(0, cell, rank, "amax")
    kept = order[first[first >= 0]]
    return cell[kept], box[kept], label[kept]


def covered(truths: Sequence[Truth], size: Size, n: int) -> Bool[Tensor, "b cells"]:
    """Cells whose centre lies in an ignored object: they are left out of the no-object loss."""
    middle = (torch.arange(n) + 0.5) / n
    row, column = torch.meshgrid(middle * size[0], middle * size[1], indexing="ij")
    point = torch.stack([column.flatten(), row.flatten()], dim=1)[:, None]
    found = []
    for truth in truths:
        assert isinstance(truth, Boxes)
        ignored = truth.xyxy[truth.ignored]
        found.append(((point > ignored[:, :2]) & (point < ignored[:, 2:])).all(dim=2).any(dim=1))
    return torch.stack(found)


class Connected(nn.Sequential):
    """The paper's last layers: every output reads the whole picture."""

    def __init__(self, config: YoloV1Config, outputs: int) -> None:
        n = config.grid_size
        super().__init__(
            nn.Flatten(),
            nn.Linear(config.width * n * n, config.hidden_units),
            nn.LeakyReLU(0.1),
            nn.Dropout(config.dropout),
            _last(config, n * n, outputs),
        )


class Shared(nn.Module):
    """The last layers shared by all cells: each takes its own features and the mean of all."""

    def __init__(self, config: YoloV1Config, outputs: int) -> None:
        super().__init__()
        self.own = nn.Linear(config.width, config.hidden_units)
        self.whole = nn.Linear(config.width, config.hidden_units, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        self.last = _last(config, 1, outputs)

    def forward(self, feature: Float[Tensor, "b c cells"]) -> Float[Tensor, "b cells k"]:
        """The outputs of every cell, row by row."""
        cells = feature.transpose(1, 2)
        hidden = F.leaky_relu(self.own(cells) + self.whole(cells.mean(1, keepdim=True)), 0.1)
        return self.last(self.dropout(hidden))


def _last(config: YoloV1Config, cells: int, outputs: int) -> nn.Linear:
    """A linear layer initialised to boxes centred in their cells, of different sizes, with confidence 0."""
    layer = nn.Linear(config.hidden_units, cells * outputs)
    nn.init.normal_(layer.weight, std=0.01)
    start = torch.zeros(cells, outputs)
    roots = torch.linspace(0.3, 0.7, config.boxes_per_cell) if config.boxes_per_cell > 1 else torch.tensor([0.5])
    for box, root in enumerate(roots):
        start[:, box * BOX : (box + 1) * BOX] = torch.tensor([0.5, 0.5, root, root, 0.0])
    with torch.no_grad():
        layer.bias.copy_(start.flatten())
    return layer
