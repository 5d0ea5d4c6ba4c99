"""Faster R-CNN: a region proposal network and a box head share one feature pyramid.

After Ren et al. 2015 with the feature pyramid of Lin et al. 2017 and the RoIAlign of He et al. 2017. What differs from
the papers, so that it learns from a few hundred pictures without pretrained weights: trained batch norms instead of
frozen ones, anchors fitted to the training objects, one box per region instead of one per class, generalised IoU
losses (Rezatofighi et al. 2019), and IoU-aware class scores (Zhang et al. 2021, VarifocalNet) instead of a softmax
with a background class.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from clearsight.architectures.anchors import fitted_anchors
from clearsight.architectures.feature_pyramid import FeaturePyramid
from clearsight.architectures.layers import GROUP
from clearsight.architectures.region_heads import SIDE, BoxHead, aligned_features
from clearsight.architectures.region_matching import Objects, decoded_boxes, matched, objects_of, sampled_regions
from clearsight.architectures.region_proposals import ProposalNetwork, Proposed
from clearsight.architectures.yolo import varifocal
from clearsight.ops import boxes as box_ops
from clearsight.types import Backbone, Batch, Detections, Losses, Size, Training, Truth

STRIDES = (8, 16, 32)
CANDIDATES = 1000  # NMS compares all pairs: enough to fill any picture, few enough to stay fast


@dataclass(frozen=True, kw_only=True)
class FasterRcnnConfig:
    """Settings of a Faster R-CNN: ``width`` channels in the pyramid; ``depth`` and ``hidden_units`` of the box head.

    ``anchor_shapes`` anchors are fitted to the training objects; ``anchors`` are those, as alternating heights and
    widths in pixels. The ``proposals_before_nms`` best proposals of a picture go through non-maximum suppression at
    ``proposal_nms_iou_threshold``, and at most ``proposals_after_nms`` remain (``training_proposals`` in training). The
    box head is trained on ``sampled_proposals`` of them, at most ``positive_share`` positive; the proposal network on
    ``sampled_anchors`` anchors. The last four settings are those of YOLO.
    """

    backbone: str = "regnetx_002"
    width: int = 64
    depth: int = 2
    hidden_units: int = 256
    anchor_shapes: int = 6
    anchors: tuple[float, ...] = ()
    proposals_before_nms: int = 512
    proposals_after_nms: int = 160
    training_proposals: int = 128
    proposal_nms_iou_threshold: float = 0.7
    sampled_anchors: int = 256
    sampled_proposals: int = 96
    positive_share: float = 0.5
    box_weight: float = 2.0
    nms_iou_threshold: float = 0.65
    voting_iou_threshold: float = 0.7
    max_detections: int = 100
    score_threshold: float = 0.01

    def __post_init__(self) -> None:
        counts = (
            "width",
            "depth",
            "hidden_units",
            "anchor_shapes",
            "proposals_before_nms",
            "proposals_after_nms",
            "training_proposals",
            "sampled_anchors",
            "sampled_proposals",
        )
        for name in (*counts, "max_detections"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        if self.width % GROUP:
            raise ValueError(f"width is {self.width}. Expected a multiple of {GROUP}, such as {GROUP * 4}.")
        for name in ("nms_iou_threshold", "proposal_nms_iou_threshold", "positive_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected a number above 0 and at most 1.")
        if not 0 < self.voting_iou_threshold < 1:
            raise ValueError(f"voting_iou_threshold is {self.voting_iou_threshold}. Expected an IoU between 0 and 1.")
        if not 0 <= self.score_threshold < 1:
            raise ValueError(f"score_threshold is {self.score_threshold}. Expected a score of at least 0 and below 1.")
        if not self.box_weight >= 0:
            raise ValueError(f"box_weight is {self.box_weight}. Expected a weight of at least 0.")
        if len(self.anchors) % 2 or not all(side > 0 for side in self.anchors):
            raise ValueError(
                f"anchors are {self.anchors}. Expected alternating heights and widths, in pixels above 0, such as "
                "32,32,64,48; or leave them out, and they are fitted to the training objects."
            )


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """Training regions of a batch: the picture of each, and the object it is matched to (-1: background)."""

    regions: Float[Tensor, "r 4"]
    pictures: Int[Tensor, "r"]
    truths: Int[Tensor, "r"]


class FasterRcnn(nn.Module):
    """Backbone, feature pyramid, region proposal network, box head."""

    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    config_type: ClassVar[type] = FasterRcnnConfig
    training_defaults: ClassVar[Training] = Training(batch_size=4, learning_rate=1.4e-3, small_share=0.6)
    strides: ClassVar[tuple[int, ...]] = STRIDES

    def __init__(self, config: FasterRcnnConfig, backbone: Backbone, class_names: tuple[str, ...]) -> None:
        super().__init__()
        assert config.anchors, "the config was not fitted to the training truths"
        self.config = config
        self.backbone = backbone
        self.neck = FeaturePyramid(backbone.channels, config.width)
        self.proposer = ProposalNetwork(config.width, backbone.strides, config.anchors)
        self.head = BoxHead(config.width, config.depth, config.hidden_units, len(class_names))

    @classmethod
    def fitted(
        cls, config: FasterRcnnConfig, truths: Iterable[Truth], class_names: tuple[str, ...]
    ) -> FasterRcnnConfig:
        """The config with anchors fitted to the training objects, unless it has anchors already.

        Raises ValueError where no picture shows an object.
        """
        return config if config.anchors else replace(config, anchors=fitted_anchors(truths, config.anchor_shapes))

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """The raw outputs: logits ``b k`` and offsets ``b k 4`` of all anchors, and class logits and offsets of
        ``sampled_proposals`` evenly spaced anchors of each picture.

        Proposals are selected by comparisons, so a small change of weights may replace them; the outputs for fixed
        regions change little. For detections see ``predict``.
        """
        maps = self.neck(self.backbone(images))
        proposed = self.proposer(maps)
        regions, pictures = self._spaced_anchors(proposed, images)
        return self._outputs(maps, proposed, regions, pictures)

    def losses(self, batch: Batch) -> Losses:
        """``proposal`` and ``proposal-box`` of anchors; ``score`` (varifocal) and ``box`` (GIoU) of regions."""
        maps = self.neck(self.backbone(batch.images))
        objects = [objects_of(truth, batch.images.device) for truth in batch.truths]
        proposed = self.proposer(maps)
        sampled = self._sampled(proposed, objects, (batch.images.shape[2], batch.images.shape[3]))
        return {
            **self.proposer.losses(proposed, objects, self.config.sampled_anchors),
            **self._region_losses(maps, sampled, objects, batch),
        }

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Detections]:
        """The boxes of each picture after non-maximum suppression, best first."""
        return [Detections(xyxy=boxes, scores=scores, labels=labels) for boxes, scores, labels in self._of_each(images)]

    def found(self, images: Float[Tensor, "1 3 h w"]) -> tuple[Tensor, ...]:
        """Boxes ``n 4`` in pixels, scores ``n`` and labels ``n`` of one picture (and masks ``n m m``, probabilities
        over each box, where the network makes any): what is exported."""
        (only,) = self._of_each(images)
        return only

    def _of_each(self, images: Tensor) -> list[tuple[Tensor, ...]]:
        """``found`` of every picture of a batch."""
        maps = self.neck(self.backbone(images))
        proposed = self.proposer(maps)
        size = (images.shape[2], images.shape[3])
        return [
            self._found(
                [each[row : row + 1] for each in maps],
                self._proposals(proposed, row, size, self.config.proposals_after_nms),
                size,
            )
            for row in range(len(images))
        ]

    def _outputs(self, maps: list[Tensor], proposed: Proposed, regions: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:
        return proposed.logits, proposed.offsets, *self.head(self._features(maps, regions, pictures, SIDE))

    def _features(self, maps: list[Tensor], regions: Tensor, pictures: Tensor, side: int) -> Tensor:
        return aligned_features(maps, self.backbone.strides, regions, pictures, side)

    def _spaced_anchors(self, proposed: Proposed, images: Tensor) -> tuple[Tensor, Tensor]:
        """Evenly spaced anchors of each picture, and the index of each one's picture."""
        anchors, size = proposed.anchors, (images.shape[2], images.shape[3])
        which = torch.linspace(0, len(anchors) - 1, self.config.sampled_proposals, device=images.device).long()
        pictures = torch.arange(len(images), device=images.device).repeat_interleave(len(which))
        return box_ops.clip(anchors[which], size).repeat(len(images), 1), pictures

    def _proposals(self, proposed: Proposed, row: int, size: Size, after: int) -> Tensor:
        config = self.config
        return self.proposer.regions(
            proposed,
            row,
            size,
            before=config.proposals_before_nms,
            after=after,
            iou_threshold=config.proposal_nms_iou_threshold,
        )

    @torch.no_grad()
    def _sampled(self, proposed: Proposed, objects: Sequence[Objects], size: Size) -> Sampled:
        """A sample of positive and negative regions: proposals and the ground-truth boxes themselves, matched."""
        regions, pictures, truths = [], [], []
        for row, mine in enumerate(objects):
            proposals = self._proposals(proposed, row, size, self.config.training_proposals)
            candidates = torch.cat([proposals, mine.boxes])
            match = matched(candidates, mine, 0.5, 0.5)
            positive, negative = sampled_regions(match, self.config.sampled_proposals, self.config.positive_share)
            sample = torch.cat([positive, negative])
            regions.append(candidates[sample])
            pictures.append(torch.full_like(sample, row))
            truths.append(torch.cat([match.truth[positive], torch.full_like(negative, -1)]))
        return Sampled(regions=torch.cat(regions), pictures=torch.cat(pictures), truths=torch.cat(truths))

    def _region_losses(self, maps: list[Tensor], sampled: Sampled, objects: Sequence[Objects], batch: Batch) -> Losses:
        logits, offsets = self.head(self._features(maps, sampled.regions, sampled.pictures, SIDE))
        positive = sampled.truths >= 0
        boxes = decoded_boxes(sampled.regions[positive], offsets[positive])
        which = _batch_indices(sampled, objects)[positive]
        truths, labels = (torch.cat([getattr(mine, name) for mine in objects])[which] for name in ("boxes", "labels"))
        quality = box_ops.iou(boxes.detach(), truths)
        target = torch.zeros_like(logits)
        target[positive.nonzero()[:, 0], labels] = quality
        box = (1 - box_ops.generalized_iou(boxes, truths)).sum() / max(1, len(boxes))
        score = varifocal(logits, target).sum() / quality.sum().clamp(min=1.0)
        return {"score": score, "box": self.config.box_weight * box}

    def _found(self, maps: list[Tensor], regions: Tensor, size: Size) -> tuple[Tensor, ...]:
        """The detections of one picture, from its feature maps and proposals."""
        pictures = torch.zeros_like(regions[:, 0]).long()
        logits, offsets = self.head(self._features(maps, regions, pictures, SIDE))
        return self._best(logits.sigmoid(), box_ops.clip(decoded_boxes(regions, offsets), size), size)

    def _best(self, scores: Tensor, boxes: Tensor, size: Size) -> tuple[Tensor, Tensor, Tensor]:
        region, label = (scores > self.config.score_threshold).nonzero(as_tuple=True)
        score = scores[region, label]
        score, best = score.topk(box_ops.at_most(CANDIDATES, score))
        region, label = region[best], label[best]
        found = boxes[region]
        score = torch.where(box_ops.area(found) > 0, score, 0)
        kept = box_ops.keep_best(found, score, label, self.config.nms_iou_threshold, self.config.max_detections)
        kept = kept[score[kept] > 0]
        where = box_ops.clip(
            box_ops.voted(found, score, label, kept, self.config.voting_iou_threshold), size
        )  # means round
        return where, score[kept], label[kept]


def _batch_indices(sampled: Sampled, objects: Sequence[Objects]) -> Int[Tensor, "r"]:
    """The index of each region's object among those of the whole batch; meaningless for background."""
    counts = torch.tensor([0, *(len(mine.boxes) for mine in objects)], device=sampled.truths.device)
    return sampled.truths + counts.cumsum(0)[sampled.pictures]
