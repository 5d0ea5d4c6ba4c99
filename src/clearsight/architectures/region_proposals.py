"""A region proposal network: class-agnostic object proposals (Ren et al. 2015).

It runs on every level of a feature pyramid (Lin et al. 2017, section 4.1). What differs from the papers: anchors are
fitted to the training objects and assigned to a level by size; every level has its own head, as each has its own
norms; boxes are trained with a generalised IoU loss (Rezatofighi et al. 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
import torchvision
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.architectures import anchors as anchor_boxes
from clearsight.architectures.layers import Block
from clearsight.architectures.region_matching import Objects, decoded_boxes, matched, sampled_regions
from clearsight.ops import boxes as box_ops
from clearsight.types import Losses, Size

POSITIVE, NEGATIVE = 0.6, 0.3  # IoU thresholds: from the first on an anchor is positive, below the second negative
POSITIVE_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """The outputs for all anchors: objectness logits, box offsets, and the anchors themselves."""

    logits: Float[Tensor, "b k"]
    offsets: Float[Tensor, "b k 4"]
    anchors: Float[Tensor, "k 4"]


class ProposalNetwork(nn.Module):
    """Objectness and box offsets for every anchor. ``anchors`` as in ``anchors.fitted_anchors``."""

    def __init__(self, width: int, strides: tuple[int, ...], anchors: Sequence[float]) -> None:
        super().__init__()
        self.strides = strides
        self.shapes = anchor_boxes.by_level(anchors, strides)
        self.levels = [level for level, shapes in enumerate(self.shapes) if shapes]
        self.branch = nn.ModuleList(Block(width) for _ in self.levels)
        self.answer = nn.ModuleList(nn.Conv2d(width, 5 * len(self.shapes[level]), 1) for level in self.levels)
        for layer, level in zip(self.answer, self.levels, strict=True):
            assert isinstance(layer, nn.Conv2d) and layer.bias is not None
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
            with torch.no_grad():
                layer.bias.view(len(self.shapes[level]), 5)[:, 0] = -2.0  # most anchors are background

    def forward(self, maps: list[Float[Tensor, "b c h w"]]) -> Proposed:
        """All anchors of all levels, in float32."""
        found, boxes = [], []
        for branch, answer, level in zip(self.branch, self.answer, self.levels, strict=True):
            raw = answer(branch(maps[level])).permute(0, 2, 3, 1)
            found.append(raw.reshape(len(raw), -1, 5))
            grid = (raw.shape[1], raw.shape[2])
            boxes.append(anchor_boxes.anchors_on_grid(grid, self.strides[level], self.shapes[level], raw.device))
        every = torch.cat(found, 1).float()
        return Proposed(logits=every[..., 0], offsets=every[..., 1:], anchors=torch.cat(boxes))

    def losses(self, proposed: Proposed, objects: Sequence[Objects], samples: int) -> Losses:
        """``proposal``: cross-entropy of ``samples`` anchors per picture; ``proposal-box``: GIoU loss of positives."""
        logits, targets, boxes, truths = [], [], [], []
        for row, mine in enumerate(objects):
            match = matched(proposed.anchors, mine, POSITIVE, NEGATIVE, every_object=True)
            positive, negative = sampled_regions(match, samples, POSITIVE_SHARE)
            logits += [proposed.logits[row, positive], proposed.logits[row, negative]]
            targets += [torch.ones_like(logits[-2]), torch.zeros_like(logits[-1])]
            boxes.append(decoded_boxes(proposed.anchors[positive], proposed.offsets[row, positive]))
            truths.append(mine.boxes[match.truth[positive]] if len(mine.boxes) else mine.boxes)
        score = F.binary_cross_entropy_with_logits(torch.cat(logits), torch.cat(targets), reduction="sum")
        found = torch.cat(boxes)
        box = (1 - box_ops.generalized_iou(found, torch.cat(truths))).sum()
        sampled = sum(len(each) for each in logits)
        return {"proposal": score / max(1, sampled), "proposal-box": box / max(1, len(found))}

    @torch.no_grad()
    def regions(
        self, proposed: Proposed, row: int, size: Size, *, before: int, after: int, iou_threshold: float
    ) -> Float[Tensor, "r 4"]:
        """The proposals of one picture, best first: the top ``before`` anchors, then non-maximum suppression.

        At least one remains and at most ``after``, clipped to the picture, possibly to an empty box.
        """
        logits = proposed.logits[row]
        best = logits.topk(box_ops.at_most(before, logits))
        found = decoded_boxes(proposed.anchors[best.indices], proposed.offsets[row, best.indices])
        found = box_ops.clip(found, size)
        return found[torchvision.ops.nms(found, best.values, iou_threshold)[:after]]
