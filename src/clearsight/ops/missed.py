"""False negatives: true boxes or masks without a detection of their class at IoU 0.5 or more."""

import torch
from torch import Tensor

from clearsight.ops import boxes as box_ops
from clearsight.ops import instance_masks
from clearsight.types import Boxes, Detections, InstanceDetections, Instances, Masks


def missed(prediction: Detections, truth: Boxes) -> Tensor:
    """True boxes ``n 4``, ignored ones aside, without a detection of their class at IoU 0.5 or more."""
    judged = ~truth.ignored
    xyxy, labels = truth.xyxy[judged], truth.labels[judged]
    if not len(prediction):
        return xyxy
    overlap = box_ops.iou(xyxy[:, None], prediction.xyxy[None])
    same = labels[:, None] == prediction.labels[None]
    return xyxy[~((overlap >= 0.5) & same).any(1)]


def missed_masks(prediction: InstanceDetections, truth: Instances) -> Masks:
    """The masks of true objects, ignored ones aside, without a detection of their class at IoU 0.5 or more."""
    true = truth.select(~truth.ignored)
    same = prediction.labels.cpu()[:, None] == true.labels[None]
    left, right = same.nonzero().numpy().T
    both = torch.from_numpy(instance_masks.overlaps(prediction.masks, true.masks, left, right))
    own, other = instance_masks.areas(prediction.masks)[left], instance_masks.areas(true.masks)[right]
    matched = torch.zeros(len(true), dtype=torch.bool)
    matched[right[(2 * both >= own + other - both).numpy()]] = True
    return true.masks.select(~matched)
