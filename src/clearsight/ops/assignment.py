"""Label assignment of a dense detector: task-aligned (Feng et al. 2021, TOOD, section 3.2)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from clearsight.ops import boxes as box_ops


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """For each cell: whether it is positive, the object it is assigned to, and its score target in [0, 1]."""

    positive: Bool[Tensor, "b cells"]
    truth: Int[Tensor, "b cells"]
    quality: Float[Tensor, "b cells"]


@torch.no_grad()
def task_aligned(
    scores: Float[Tensor, "b cells c"],
    boxes: Float[Tensor, "b cells 4"],
    points: Float[Tensor, "cells 2"],
    truth_boxes: Float[Tensor, "b n 4"],
    truth_labels: Int[Tensor, "b n"],
    *,
    topk: int = 10,
    score_power: float = 0.5,
    iou_power: float = 4.0,
) -> Assignment:
    """Assign to each object the ``topk`` cells inside it of highest alignment: score^score_power x IoU^iou_power.

    Truths are padded to ``n``, at least 1, with boxes of zero area, which contain no cell. A cell assigned to several
    objects keeps the one of highest IoU. The quality is the alignment, scaled so that the best cell of each object has
    that object's best IoU (TOOD, equation 8). An object without a cell centre inside takes the nearest cell.
    """
    overlap = box_ops.iou(truth_boxes[:, :, None], boxes[:, None])
    label_scores = scores.gather(2, truth_labels[:, None].expand(-1, scores.shape[1], -1)).transpose(1, 2)
    alignment = label_scores.clamp(min=0) ** score_power * overlap**iou_power
    real = box_ops.area(truth_boxes) > 0
    inside = _inside(points, truth_boxes) & real[:, :, None]
    # Boxes of an untrained network may not overlap a small object at all: tiny offsets break the ties inside it.
    rank = alignment + 1e-9 * overlap + 1e-12
    rank = torch.where(inside, rank, rank.new_zeros(()))
    best = rank.topk(min(topk, rank.shape[2]), dim=2)
    chosen = torch.zeros_like(inside).scatter_(2, best.indices, best.values > 0)
    rival = torch.where(chosen, overlap + 1e-6, overlap.new_zeros(()))
    strongest, truth = rival.max(dim=1)
    positive = strongest > 0
    held = torch.where(chosen, alignment, alignment.new_zeros(()))
    top_alignment = held.amax(dim=2, keepdim=True)
    top_overlap = torch.where(chosen, overlap, overlap.new_zeros(())).amax(dim=2, keepdim=True)
    scaled = held / (top_alignment + box_ops.EPSILON) * top_overlap
    quality = scaled.gather(1, truth[:, None])[:, 0]
    return Assignment(positive=positive, truth=truth, quality=torch.where(positive, quality, 0.0))


def _inside(points: Tensor, truth_boxes: Tensor) -> Tensor:
    """Whether each point lies in each box; a box without a point gets the one nearest to its centre."""
    left_top = points - truth_boxes[:, :, None, :2]
    right_bottom = truth_boxes[:, :, None, 2:] - points
    inside = torch.cat([left_top, right_bottom], dim=-1).amin(dim=-1) > 0
    centres = (truth_boxes[..., :2] + truth_boxes[..., 2:]) / 2
    nearest = (points - centres[:, :, None]).square().sum(-1).argmin(dim=2, keepdim=True)
    empty = ~inside.any(dim=2, keepdim=True)
    return inside | torch.zeros_like(inside).scatter_(2, nearest, True) & empty
