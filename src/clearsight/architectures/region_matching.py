"""Matching of regions to objects by IoU, sampling of the matches, and decoding of box offsets."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from clearsight.ops import boxes as box_ops
from clearsight.types import Boxes, Truth

MAX_LOG_SCALE = 4.0  # a box is at most 55 times as wide as the region it is decoded from


@dataclass(frozen=True, kw_only=True)
class Objects:
    """The objects of one picture, their indices in its ground truth, and its ignored boxes."""

    boxes: Float[Tensor, "n 4"]
    labels: Int[Tensor, "n"]
    rows: Int[Tensor, "n"]
    ignored: Float[Tensor, "m 4"]


@dataclass(frozen=True, kw_only=True)
class Match:
    """For each region: positive (and which of ``Objects`` it is matched to), negative (background), or neither."""

    positive: Bool[Tensor, "k"]
    negative: Bool[Tensor, "k"]
    truth: Int[Tensor, "k"]


def objects_of(truth: Truth, device: torch.device) -> Objects:
    """The objects of a ground truth, on the device of the network."""
    assert isinstance(truth, Boxes)
    judged = ~truth.ignored
    return Objects(
        boxes=truth.xyxy[judged].to(device),
        labels=truth.labels[judged].to(device),
        rows=judged.nonzero()[:, 0].to(device),
        ignored=truth.xyxy[truth.ignored].to(device),
    )


@torch.no_grad()
def matched(
    boxes: Float[Tensor, "k 4"], objects: Objects, high: float, low: float, *, every_object: bool = False
) -> Match:
    """Positive are regions whose IoU with an object is ``high`` or more, negative those below ``low`` for all objects.

    With ``every_object`` the region of highest IoU with an object is positive too, if they overlap at all (Ren et al.
    2015, section 3.1.2). A region of which more than half lies in an ignored box is never negative.
    """
    count = len(boxes)
    if len(objects.boxes):
        overlap = overlaps(objects.boxes, boxes)
        rank = overlap
        if every_object:
            best, where = overlap.max(1)
            forced = torch.zeros_like(overlap).scatter_(1, where[:, None], (best > 0).to(overlap.dtype)[:, None])
            rank = overlap + forced
        strongest, truth = rank.max(0)
        positive, negative = strongest >= high, strongest < low
        if every_object:
            positive = positive | (strongest > 1)
            negative = negative & ~positive
    else:
        truth = torch.zeros(count, dtype=torch.long, device=boxes.device)
        positive = torch.zeros(count, dtype=torch.bool, device=boxes.device)
        negative = ~positive
    if len(objects.ignored):
        covered = box_ops.intersection(objects.ignored[:, None], boxes[None]).amax(0)
        negative = negative & (covered <= 0.5 * box_ops.area(boxes))
    return Match(positive=positive, negative=negative, truth=truth)


def overlaps(a: Float[Tensor, "n 4"], b: Float[Tensor, "k 4"]) -> Float[Tensor, "n k"]:
    """IoU of all pairs, in few passes over memory."""
    ax1, ay1, ax2, ay2 = a[:, :, None].unbind(1)
    bx1, by1, bx2, by2 = b.T.contiguous()
    across = torch.minimum(ax2, bx2).sub_(torch.maximum(ax1, bx1)).clamp_(min=0)
    shared = torch.minimum(ay2, by2).sub_(torch.maximum(ay1, by1)).clamp_(min=0).mul_(across)
    union = (box_ops.area(a)[:, None] + box_ops.area(b) + box_ops.EPSILON).sub_(shared)
    return shared.div_(union)


def sampled_regions(match: Match, count: int, share: float) -> tuple[Int[Tensor, "p"], Int[Tensor, "q"]]:
    """A random sample of positive and negative regions: at most ``count`` in all, at most ``share`` of it positive."""
    positive, negative = match.positive.nonzero()[:, 0], match.negative.nonzero()[:, 0]
    positive = _random_subset(positive, int(count * share))
    return positive, _random_subset(negative, count - len(positive))


def _random_subset(index: Int[Tensor, "n"], limit: int) -> Int[Tensor, "k"]:
    if len(index) <= limit:
        return index
    return index[torch.randperm(len(index), device=index.device)[:limit]]


def decoded_boxes(regions: Float[Tensor, "*n 4"], offsets: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """Boxes from regions and offsets: the centre shifted by shares of the sides, the sides scaled by powers of e.

    Girshick et al. 2014, appendix C, equations 1 to 4.
    """
    sides = regions[..., 2:] - regions[..., :2]
    centres = (regions[..., :2] + regions[..., 2:]) / 2 + offsets[..., :2] * sides
    half = sides * offsets[..., 2:].clamp(max=MAX_LOG_SCALE).exp() / 2
    return torch.cat([centres - half, centres + half], dim=-1)
