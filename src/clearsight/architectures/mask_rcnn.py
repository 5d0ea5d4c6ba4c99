"""Mask R-CNN: Faster R-CNN with a mask for every object (He et al. 2017).

A third head takes the 14 x 14 RoIAlign features of each detected box and predicts a 28 x 28 mask for every class, of
which that of the box's class is used. What differs from the paper: see ``faster_rcnn``; and the mask head's
convolutions are factored, with norms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clearsight.architectures.faster_rcnn import FasterRcnn, FasterRcnnConfig, Sampled
from clearsight.architectures.region_heads import MASK_SIDE, MaskHead
from clearsight.architectures.region_matching import Objects
from clearsight.ops.instance_masks import aligned, pasted
from clearsight.types import Backbone, Batch, InstanceDetections, Instances, Losses, Training


@dataclass(frozen=True, kw_only=True)
class MaskRcnnConfig(FasterRcnnConfig):
    """Settings of a Mask R-CNN: all of a Faster R-CNN, and ``mask_depth`` convolutions before the upsampling.

    The mask head is trained on ``mask_samples`` positive regions of each batch. A pixel belongs to an object where its
    probability is at least ``mask_threshold``.
    """

    mask_depth: int = 2
    mask_samples: int = 64
    mask_weight: float = 1.0
    mask_threshold: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("mask_depth", "mask_samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        if not self.mask_weight >= 0:
            raise ValueError(f"mask_weight is {self.mask_weight}. Expected a weight of at least 0.")
        if not 0 < self.mask_threshold < 1:
            raise ValueError(f"mask_threshold is {self.mask_threshold}. Expected a probability between 0 and 1.")


class MaskRcnn(FasterRcnn):
    """Faster R-CNN, mask head."""

    tasks: ClassVar[tuple[str, ...]] = ("instance-segmentation",)
    config_type: ClassVar[type] = MaskRcnnConfig
    training_defaults: ClassVar[Training] = Training(batch_size=4, learning_rate=1.4e-3, small_share=0.6, size_px=320)

    config: MaskRcnnConfig

    def __init__(self, config: MaskRcnnConfig, backbone: Backbone, class_names: tuple[str, ...]) -> None:
        super().__init__(config, backbone, class_names)
        self.masks = MaskHead(config.width, config.mask_depth, len(class_names))

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """The outputs of ``FasterRcnn.forward``, and mask logits of the first class for some of the same regions."""
        maps = self.neck(self.backbone(images))
        proposed = self.proposer(maps)
        regions, pictures = self._spaced_anchors(proposed, images)
        some = slice(None, None, -(-len(regions) // self.config.mask_samples))
        first = torch.zeros_like(pictures[some])
        return (
            *self._outputs(maps, proposed, regions, pictures),
            self.masks(self._features(maps, regions[some], pictures[some], MASK_SIDE), first),
        )

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[InstanceDetections]:  # type: ignore[override]
        """The objects of each picture with their masks, after non-maximum suppression, best first."""
        size, threshold = (images.shape[2], images.shape[3]), self.config.mask_threshold
        return [
            InstanceDetections(
                xyxy=boxes, scores=scores, labels=labels, masks=pasted(probabilities, boxes, size, threshold)
            )
            for boxes, scores, labels, probabilities in self._of_each(images)
        ]

    def _region_losses(self, maps: list[Tensor], sampled: Sampled, objects: Sequence[Objects], batch: Batch) -> Losses:
        """Those of Faster R-CNN, and ``mask``: cross-entropy of the masks of positive regions."""
        found = super()._region_losses(maps, sampled, objects, batch)
        positive = (sampled.truths >= 0).nonzero()[:, 0]
        shown = positive[torch.randperm(len(positive), device=positive.device)[: self.config.mask_samples]]
        # Without a positive region, one region of weight 0 keeps the head in the graph.
        used = shown if len(shown) else torch.zeros_like(sampled.pictures[:1])
        regions, pictures = sampled.regions[used], sampled.pictures[used]
        labels, masks = _mask_targets(sampled, shown, objects, batch)
        logits = self.masks(self._features(maps, regions, pictures, MASK_SIDE), labels)
        loss = F.binary_cross_entropy_with_logits(logits, masks) if len(shown) else 0 * logits.sum()
        return {**found, "mask": self.config.mask_weight * loss}

    def _found(self, maps: list[Tensor], regions: Tensor, size: tuple[int, int]) -> tuple[Tensor, ...]:
        boxes, scores, labels = super()._found(maps, regions, size)
        pictures = torch.zeros_like(labels)
        logits = self.masks(self._features(maps, boxes, pictures, MASK_SIDE), labels)
        return boxes, scores, labels, logits.sigmoid()


def _mask_targets(sampled: Sampled, shown: Tensor, objects: Sequence[Objects], batch: Batch) -> tuple[Tensor, Tensor]:
    """Class and mask, at the resolution of the mask head, of the regions at these indices; one 0 without any."""
    if not len(shown):
        return torch.zeros_like(sampled.pictures[:1]), sampled.regions.new_zeros(1)
    side = 2 * MASK_SIDE
    labels = torch.zeros_like(shown)
    masks = sampled.regions.new_zeros(len(shown), side, side)
    for row, (mine, truth) in enumerate(zip(objects, batch.truths, strict=True)):
        assert isinstance(truth, Instances)
        here = sampled.pictures[shown] == row
        which = shown[here]
        if len(which):
            object_of = sampled.truths[which]
            labels[here] = mine.labels[object_of]
            masks[here] = aligned(truth.masks, sampled.regions[which], mine.rows[object_of], side)
    return labels, masks
