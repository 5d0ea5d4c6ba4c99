"""Objects in pictures too large to be seen at once: overlapping tiles, each a picture of its own, and one answer.

What a tile's border cuts gives way to the whole object of a neighbouring tile; parts of an object that no tile holds
whole are joined. A look at the whole picture, made small, adds the objects too large for any tile.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from clearsight.inference.predictor import Picture, Predictor
from clearsight.inference.windows import OVERLAP, starts
from clearsight.ops import boxes as box_ops
from clearsight.ops import instance_masks, mask_views
from clearsight.types import Detections, InstanceDetections, Masks, Model, Prediction, Size

SAME = 0.5  # IoU from which two boxes of one class are one object
INSIDE = 0.7  # share of a cut box within another from which it is a part of it
LEAST_SAY = 0.5  # a whole box replaces a cut one if its score is at least this share of the other's
Pairs = Int[Tensor, "k 2"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was found in one region ``x1 y1 x2 y2`` of a picture, in the picture's pixels, and what the border cuts."""

    found: Detections
    region: tuple[int, int, int, int]
    cut: Bool[Tensor, "n"]
    coarse: bool = False


class TiledPredictor(Predictor):
    """Finds objects in pictures of any size by tiles of ``window_px``, each seen as a picture of its own.

    Neighbours share ``overlap`` of their side or more: objects smaller than that are whole in some tile. Detections
    below ``least_score`` are dropped before tiles are merged. Memory holds the picture and what was found.
    """

    keeps_memory = False

    def __init__(
        self,
        model: Model,
        size_px: int,
        *,
        window_px: int,
        overlap: float = OVERLAP,
        least_score: float = 0.0,
        batch: int = 4,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        super().__init__(model, size_px, batch=batch, dtype=dtype, device=device)
        if window_px < 32:
            raise ValueError(f"windows of {window_px} px show too little. Expected 32 px or more.")
        if not 0 <= overlap <= 0.8:
            raise ValueError(f"windows that share {overlap} of their side. Expected a share from 0 to 0.8.")
        self.window_px, self.overlap, self.least_score = window_px, overlap, least_score

    def __call__(self, images: Iterable[Picture]) -> Iterator[Prediction]:
        """One prediction per picture, in order; pictures that fit into a window are seen whole."""
        for image in images:
            if max(image.shape[1:]) <= self.window_px:
                yield from super().__call__([image])
                del image
                continue
            looks = [self._coarse(image)]
            height, width = image.shape[1:]
            regions = tiles((height, width), self.window_px, self.overlap)
            pieces = (image[:, y1:y2, x1:x2] for x1, y1, x2, y2 in regions)
            for region, found in zip(regions, super().__call__(pieces), strict=True):
                looks.append(self._look(found, region, (height, width)))
            del image, pieces  # the next one is decoded before the name is taken again
            yield merged(looks, (height, width))

    def _coarse(self, image: Picture) -> Look:
        """The objects of the whole picture that may be whole in no tile, by one look at it made small."""
        height, width = image.shape[1:]
        factor = max(1, max(height, width) // (2 * self.size_px))
        (found,) = super().__call__([reduced(image, factor)])
        assert isinstance(found, Detections)
        found = enlarged(_at_hand(found.above(self.least_score)), factor, (height, width))
        sides = (found.xyxy[:, 2:] - found.xyxy[:, :2]).amax(1) if len(found) else found.scores
        found = found.select(sides > self.overlap * self.window_px)
        cut = torch.zeros(len(found), dtype=torch.bool)
        return Look(found=found, region=(0, 0, width, height), cut=cut, coarse=True)

    def _look(self, found: Prediction, region: tuple[int, int, int, int], size: Size) -> Look:
        assert isinstance(found, Detections)
        x1, y1, x2, y2 = region
        found = shifted(_at_hand(found.above(self.least_score)), x1, y1, size)
        near = max(2.0, 0.01 * self.window_px)
        inner = torch.tensor([x1 > 0, y1 > 0, x2 < size[1], y2 < size[0]])
        distance = (found.xyxy - torch.tensor(region)).abs()
        return Look(found=found, region=region, cut=((distance <= near) & inner).any(1))


def tiles(size: Size, window_px: int, overlap: float) -> list[tuple[int, int, int, int]]:
    """The regions ``x1 y1 x2 y2`` of windows that cover a picture, row by row; none hangs over."""
    height, width = size
    tall, wide = min(window_px, height), min(window_px, width)
    return [
        (left, top, left + wide, top + tall)
        for top in starts(height, tall, overlap)
        for left in starts(width, wide, overlap)
    ]


def reduced(image: UInt8[Tensor, "3 h w"], factor: int) -> UInt8[Tensor, "3 _h _w"]:
    """The picture ``factor`` times smaller by the mean of blocks, a strip at a time; incomplete blocks are left out."""
    if factor == 1:
        return image
    height, width = (side // factor for side in image.shape[1:])
    out = image.new_empty(3, height, width)
    rows = max(1, 2**22 // (width * factor * factor))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        strip = image[:, top * factor : bottom * factor, : width * factor].float()
        blocks = strip.reshape(3, bottom - top, factor, width, factor)
        out[:, top:bottom] = blocks.mean((2, 4)).round().to(torch.uint8)
    return out


def shifted(found: Detections, left: int, top: int, size: Size) -> Detections:
    """Detections of a tile at ``left`` and ``top`` in the pixels of its picture."""
    moved = replace(found, xyxy=found.xyxy + torch.tensor([left, top] * 2))
    if not isinstance(moved, InstanceDetections):
        return moved
    masks = moved.masks
    offset = torch.tensor([left, top] * 2, dtype=torch.int32) * (masks.windows[:, 2:3] > 0)
    return replace(moved, masks=replace(masks, size=size, windows=masks.windows + offset))


def enlarged(found: Detections, factor: int, size: Size) -> Detections:
    """Detections of a picture made ``factor`` times smaller, in its own pixels."""
    grown = replace(found, xyxy=box_ops.clip(found.xyxy * factor, size))
    if not isinstance(grown, InstanceDetections):
        return grown
    if factor == 1:
        return replace(grown, masks=replace(grown.masks, size=size))
    down, across = (np.arange(side) // factor for side in size)
    return replace(grown, masks=mask_views.resampled(grown.masks, down, across))


def merged(looks: Sequence[Look], size: Size) -> Detections:
    """One answer of several looks at a picture, best first; only detections of one class and different looks merge.

    1. Of whole boxes with an IoU of ``SAME`` the best stays, one of a tile before one of the coarse look.
    2. A cut box goes where a whole one is the same as far as the cut one's region reaches, or holds it.
    3. The cut boxes that are left are joined where they are the same within both their regions.
    """
    parts = [look.found for look in looks]
    whole = _joined(parts, size)
    cut = torch.cat([look.cut for look in looks])
    coarse = torch.cat([torch.full((len(look.found),), look.coarse) for look in looks])
    pairs, boxes, scores = _pairs(looks), whole.xyxy, whole.scores
    a, b = pairs.unbind(1)
    overlap = box_ops.iou(boxes[a], boxes[b])
    order = torch.argsort(scores - 2.0 * coarse, descending=True)
    stays = ~cut & _best(order, pairs[~cut[a] & ~cut[b] & (overlap >= SAME)])

    regions = torch.cat([torch.tensor(look.region).float().expand(len(look.found), 4) for look in looks])
    seen_a, seen_b = _within(boxes[a], regions[b]), _within(boxes[b], regions[a])
    same = box_ops.iou(seen_a, seen_b) >= SAME
    shared = box_ops.intersection(boxes[a], boxes[b])
    for one, other, part in ((a, b, shared / box_ops.area(boxes[a])), (b, a, shared / box_ops.area(boxes[b]))):
        replaced = cut[one] & stays[other] & (same | (part >= INSIDE)) & (scores[other] >= LEAST_SAY * scores[one])
        cut[one[replaced]] = False  # neither cut nor whole: gone
    groups = _groups(cut, pairs[cut[a] & cut[b] & same])
    found = _joined([whole.select(stays), _unions(whole, groups)], size)
    return found.select(torch.argsort(found.scores, descending=True, stable=True))


def _at_hand(found: Detections) -> Detections:
    """Detections on the CPU, in float32."""
    return replace(found, xyxy=found.xyxy.cpu().float(), scores=found.scores.cpu().float(), labels=found.labels.cpu())


def _pairs(looks: Sequence[Look]) -> Pairs:
    """Detections of one class in two looks whose boxes meet."""
    counts = torch.tensor([len(look.found) for look in looks])
    first = (counts.cumsum(0) - counts).tolist()
    regions = torch.tensor([look.region for look in looks]).float()
    near = (box_ops.intersection(regions[:, None], regions[None]) > 0).triu(1) & (counts[:, None] * counts[None] > 0)
    pairs = [torch.zeros(0, 2, dtype=torch.long)]
    for i, j in near.nonzero().tolist():
        one, other = looks[i].found, looks[j].found
        meet = box_ops.intersection(one.xyxy[:, None], other.xyxy[None]) > 0
        met = (meet & (one.labels[:, None] == other.labels[None])).nonzero()
        pairs.append(met + torch.tensor([first[i], first[j]]))
    return torch.cat(pairs)


def _within(boxes: Float[Tensor, "k 4"], regions: Float[Tensor, "k 4"]) -> Float[Tensor, "k 4"]:
    return torch.cat([torch.maximum(boxes[:, :2], regions[:, :2]), torch.minimum(boxes[:, 2:], regions[:, 2:])], dim=1)


def _best(order: Int[Tensor, "n"], pairs: Pairs) -> Bool[Tensor, "n"]:
    """Which stay when each, in order, drops those it is paired with."""
    rivals: dict[int, list[int]] = {}
    for one, other in pairs.tolist():
        rivals.setdefault(one, []).append(other)
        rivals.setdefault(other, []).append(one)
    dropped: set[int] = set()
    for index in order.tolist():
        if index in rivals and index not in dropped:
            dropped.update(rivals[index])
    stays = torch.ones(len(order), dtype=torch.bool)
    stays[list(dropped)] = False
    return stays


def _groups(members: Bool[Tensor, "n"], pairs: Pairs) -> list[list[int]]:
    """The members connected by pairs, each in one group."""
    leader = {index: index for index in members.nonzero().flatten().tolist()}

    def find(index: int) -> int:
        while leader[index] != index:
            index = leader[index]
        return index

    for one, other in pairs.tolist():
        leader[find(one)] = find(other)
    groups: dict[int, list[int]] = {}
    for index in leader:
        groups.setdefault(find(index), []).append(index)
    return list(groups.values())


def _unions(found: Detections, groups: Sequence[list[int]]) -> Detections:
    """One detection for each group: the box around all, the best score, the pixels of all."""
    best = [max(group, key=lambda index: float(found.scores[index])) for group in groups]
    chosen = found.select(torch.tensor(best, dtype=torch.long))
    if not groups:
        return chosen
    around = [torch.cat([found.xyxy[group][:, :2].amin(0), found.xyxy[group][:, 2:].amax(0)]) for group in groups]
    chosen = replace(chosen, xyxy=torch.stack(around))
    if isinstance(chosen, InstanceDetections):
        assert isinstance(found, InstanceDetections)
        masks = [_one_mask(found.masks.select(torch.tensor(group))) for group in groups]
        chosen = replace(chosen, masks=_joined_masks(masks, found.masks.size))
    return chosen


def _one_mask(masks: Masks) -> Masks:
    """The pixels that any of the masks holds, as one."""
    if len(masks) == 1:
        return masks
    there = masks.windows[masks.windows[:, 2] > 0]
    if not len(there):
        return masks.select(torch.tensor([0]))
    left, top, right, bottom = (*there[:, :2].amin(0).tolist(), *there[:, 2:].amax(0).tolist())
    canvas = torch.zeros(bottom - top, right - left, dtype=torch.bool).numpy()
    for (x1, y1, x2, y2), crop in instance_masks.crops(masks):
        if x2:
            canvas[y1 - top : y2 - top, x1 - left : x2 - left] |= crop
    return instance_masks.of_crops([canvas], [(left, top)], masks.size)


def _joined(parts: Sequence[Detections], size: Size) -> Detections:
    xyxy, scores, labels = (torch.cat([getattr(part, name) for part in parts]) for name in ("xyxy", "scores", "labels"))
    masks = [part.masks for part in parts if isinstance(part, InstanceDetections)]
    if masks:
        return InstanceDetections(xyxy=xyxy, scores=scores, labels=labels, masks=_joined_masks(masks, size))
    return Detections(xyxy=xyxy, scores=scores, labels=labels)


def _joined_masks(masks: Sequence[Masks], size: Size) -> Masks:
    windows, counts, runs = (torch.cat([getattr(one, name) for one in masks]) for name in ("windows", "counts", "runs"))
    return Masks(size=size, windows=windows, counts=counts, runs=runs)
