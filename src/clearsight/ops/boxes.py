"""Boxes in pixels, ``x1 y1 x2 y2``: overlap, distances from points, and keeping the best of overlapping ones."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

EPSILON = 1e-7


def area(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n"]:
    """Width x height in square pixels, 0 where a box is inverted."""
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0)
    return sides[..., 0] * sides[..., 1]


def intersection(a: Float[Tensor, "*n 4"], b: Float[Tensor, "*m 4"]) -> Tensor:
    """Shared area in square pixels of boxes paired by broadcasting."""
    # Each side apart: pairs of numbers as the innermost dimension take three times as long.
    width = (torch.minimum(a[..., 2], b[..., 2]) - torch.maximum(a[..., 0], b[..., 0])).clamp(min=0)
    height = (torch.minimum(a[..., 3], b[..., 3]) - torch.maximum(a[..., 1], b[..., 1])).clamp(min=0)
    return width * height


def iou(a: Float[Tensor, "*n 4"], b: Float[Tensor, "*m 4"]) -> Tensor:
    """Intersection over union in [0, 1] of boxes paired by broadcasting."""
    shared = intersection(a, b)
    return shared / (area(a) + area(b) - shared + EPSILON)


def generalized_iou(a: Float[Tensor, "*n 4"], b: Float[Tensor, "*m 4"]) -> Tensor:
    """GIoU in (-1, 1] of boxes paired by broadcasting (Rezatofighi et al. 2019, algorithm 1)."""
    shared = intersection(a, b)
    union = area(a) + area(b) - shared
    corner = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    hull = corner[..., 0] * corner[..., 1]
    return shared / (union + EPSILON) - (hull - union) / (hull + EPSILON)


def from_distances(points: Float[Tensor, "n 2"], distances: Float[Tensor, "*b n 4"]) -> Float[Tensor, "*b n 4"]:
    """Boxes from points ``x y`` and their distances to the left, top, right and bottom side, in pixels."""
    return torch.cat([points - distances[..., :2], points + distances[..., 2:]], dim=-1)


def clip(boxes: Float[Tensor, "*n 4"], size: tuple[int, int]) -> Float[Tensor, "*n 4"]:
    """Boxes cut to a picture of ``size`` (height, width)."""
    # While a network is traced for export, sizes are tensors and must stay so: the traced graph then takes any size.
    width, height = (torch.as_tensor(side, dtype=boxes.dtype, device=boxes.device) for side in (size[1], size[0]))
    return boxes.clamp(min=0).minimum(torch.stack([width, height, width, height]))


def at_most(most: int, values: Tensor) -> int:
    """The smaller of a number and the length of a tensor, for ``topk``."""
    # While a network is traced for export this stays a tensor: another picture may have fewer, or more.
    count: int = torch.as_tensor(values.shape[0]).clamp(max=most)  # type: ignore[assignment]
    return count if torch.jit.is_tracing() else int(count)


def keep_best(
    boxes: Float[Tensor, "n 4"], scores: Float[Tensor, "n"], labels: Int[Tensor, "n"], overlap: float, most: int
) -> Int[Tensor, "k"]:
    """Indices of the boxes kept by non-maximum suppression within each class, best first, at most ``most``."""
    from torchvision.ops import nms  # here for the reason given in ``ops.views``

    # Classes side by side, where they cannot meet: no branch depends on the data, so this can be exported.
    span = torch.cat([boxes.flatten(), boxes.new_zeros(1)]).amax() + 1
    return nms(boxes + (labels * span)[:, None].to(boxes), scores, overlap)[:most]


def voted(
    boxes: Float[Tensor, "n 4"],
    scores: Float[Tensor, "n"],
    labels: Int[Tensor, "n"],
    kept: Int[Tensor, "k"],
    overlap: float,
) -> Float[Tensor, "k 4"]:
    """The kept boxes, each the mean of all boxes of its class that overlap it by more than ``overlap``.

    Box voting (Gidaris and Komodakis 2015, section 4), with squared scores as votes: boxes that suppression drops still
    know something of where the sides are. Every kept box has a score above 0 and votes for itself.
    """
    agree = (iou(boxes[kept][:, None], boxes[None]) > overlap) & (labels[kept][:, None] == labels[None])
    votes = agree * scores.square()
    return (votes @ boxes) / votes.sum(1, keepdim=True)
