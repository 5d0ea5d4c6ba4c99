"""Detection in large pictures by overlapping tiles, each a picture of its own, whose detections are merged.

An object cut by a tile's border is replaced by the whole one of a neighbouring tile; parts of an object that no tile
contains are joined. A pass over the downscaled picture adds the objects too large for any tile.
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

SAME_IOU = 0.5  # from which two boxes of one class are one object
INSIDE_SHARE = 0.7  # of a cut box within another from which it is a part of it
MIN_SCORE_RATIO = 0.5  # a whole box replaces a cut one if its score is at least this share of the other's
Pairs = Int[Tensor, "k 2"]


@dataclass(frozen=True, kw_only=True)
class TileDetections:
    """The detections in one region ``x1 y1 x2 y2`` of a picture, in the picture's pixels, and which its border cuts."""

    found: Detections
    region: tuple[int, int, int, int]
    cut: Bool[Tensor, "n"]
    coarse: bool = False


class TiledPredictor(Predictor):
    """Detects objects in pictures of any size by tiles of ``window_px``, each predicted as a picture of its own.

    Neighbours share ``overlap`` of their side or more: objects smaller than that are whole in some tile. Detections
    below ``least_score`` are dropped before tiles are merged. Memory holds the picture and the detections.
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
            raise ValueError(f"window_px is {window_px}. Expected 32 px or more.")
        if not 0 <= overlap <= 0.8:
            raise ValueError(f"overlap is {overlap}. Expected a share of a window's side from 0 to 0.8.")
        self.window_px, self.overlap, self.least_score = window_px, overlap, least_score

    def __call__(self, images: Iterable[Picture]) -> Iterator[Prediction]:
        """One prediction per picture, in order; pictures that fit into a window are predicted whole."""
        for image in images:
            if max(image.shape[1:]) <= self.window_px:
                yield from super().__call__([image])
                del image
                continue
            results = [self._coarse(image)]
            height, width = image.shape[1:]
            regions = tiles((height, width), self.window_px, self.overlap)
            pieces = (image[:, y1:y2, x1:x2] for x1, y1, x2, y2 in regions)
            for region, found in zip(regions, super().__call__(pieces), strict=True):
                results.append(self._tile_detections(found, region, (height, width)))
            del image, pieces  # the next one is decoded before the name is taken again
            yield merged(results, (height, width))

    def _coarse(self, image: Picture) -> TileDetections:
        """The objects of the downscaled picture that may be whole in no tile."""
        height, width = image.shape[1:]
        factor = max(1, max(height, width) // (2 * self.size_px))
        (found,) = super().__call__([reduced(image, factor)])
        assert isinstance(found, Detections)
        found = enlarged(_on_cpu(found.above(self.least_score)), factor, (height, width))
        sides = (found.xyxy[:, 2:] - found.xyxy[:, :2]).amax(1) if len(found) else found.scores
        found = found.select(sides > self.overlap * self.window_px)
        cut = torch.zeros(len(found), dtype=torch.bool)
        return TileDetections(found=found, region=(0, 0, width, height), cut=cut, coarse=True)

    def _tile_detections(self, found: Prediction, region: tuple[int, int, int, int], size: Size) -> TileDetections:
        assert isinstance(found, Detections)
        x1, y1, x2, y2 = region
        found = shifted(_on_cpu(found.above(self.least_score)), x1, y1, size)
        near = max(2.0, 0.01 * self.window_px)
        inner = torch.tensor([x1 > 0, y1 > 0, x2 < size[1], y2 < size[0]])
        distance = (found.xyxy - torch.tensor(region)).abs()
        return TileDetections(found=found, region=region, cut=((distance <= near) & inner).any(1))


def tiles(size: Size, window_px: int, overlap: float) -> list[tuple[int, int, int, int]]:
    """The regions ``x1 y1 x2 y2`` of windows that cover a picture, row by row; all lie within it."""
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
    """Detections of a picture downscaled by ``factor``, in its own pixels."""
    grown = replace(found, xyxy=box_ops.clip(found.xyxy * factor, size))
    if not isinstance(grown, InstanceDetections):
        return grown
    if factor == 1:
        return replace(grown, masks=replace(grown.masks, size=size))
    down, across = (np.arange(side) // factor for side in size)
    return replace(grown, masks=mask_views.resampled(grown.masks, down, across))


def merged(results: Sequence[TileDetections], size: Size) -> Detections:
    """The merged detections of a picture, best first; only those of one class and of different regions merge.

    1. Of whole boxes with an IoU of ``SAME_IOU`` the best is kept, one of a tile before one of the coarse pass.
    2. A cut box is dropped where a whole one matches it within the cut one's region, or contains it.
    3. The remaining cut boxes are joined where they match within both their regions.
    """
    parts = [result.found for result in results]
    whole = _joined(parts, size)
    cut = torch.cat([result.cut for result in results])
    coarse = torch.cat([torch.full((len(result.found),), result.coarse) for result in results])
    pairs, boxes, scores = _pairs(results), whole.xyxy, whole.scores
    a, b = pairs.unbind(1)
    overlap = box_ops.iou(boxes[a], boxes[b])
    order = torch.argsort(scores - 2.0 * coarse, descending=True)
    kept = ~cut & _best(order, pairs[~cut[a] & ~cut[b] & (overlap >= SAME_IOU)])

    regions = torch.cat([torch.tensor(result.region).float().expand(len(result.found), 4) for result in results])
    seen_a, seen_b = _within(boxes[a], regions[b]), _within(boxes[b], regions[a])
    same = box_ops.iou(seen_a, seen_b) >= SAME_IOU
    shared = box_ops.intersection(boxes[a], boxes[b])
    for one, other, part in ((a, b, shared / box_ops.area(boxes[a])), (b, a, shared / box_ops.area(boxes[b]))):
        replaced = (
            cut[one] & kept[other] & (same | (part >= INSIDE_SHARE)) & (scores[other] >= MIN_SCORE_RATIO * scores[one])
        )
        cut[one[replaced]] = False  # neither cut nor whole: dropped
    groups = _groups(cut, pairs[cut[a] & cut[b] & same])
    found = _joined([whole.select(kept), _unions(whole, groups)], size)
    return found.select(torch.argsort(found.scores, descending=True, stable=True))


def _on_cpu(found: Detections) -> Detections:
    """Detections on the CPU, in float32."""
    return replace(found, xyxy=found.xyxy.cpu().float(), scores=found.scores.cpu().float(), labels=found.labels.cpu())


def _pairs(results: Sequence[TileDetections]) -> Pairs:
    """Pairs of detections of one class in two regions whose boxes overlap."""
    counts = torch.tensor([len(result.found) for result in results])
    first = (counts.cumsum(0) - counts).tolist()
    regions = torch.tensor([result.region for result in results]).float()
    near = (box_ops.intersection(regions[:, None], regions[None]) > 0).triu(1) & (counts[:, None] * counts[None] > 0)
    pairs = [torch.zeros(0, 2, dtype=torch.long)]
    for i, j in near.nonzero().tolist():
        one, other = results[i].found, results[j].found
        overlap = box_ops.intersection(one.xyxy[:, None], other.xyxy[None]) > 0
        found = (overlap & (one.labels[:, None] == other.labels[None])).nonzero()
        pairs.append(found + torch.tensor([first[i], first[j]]))
    return torch.cat(pairs)


def _within(boxes: Float[Tensor, "k 4"], regions: Float[Tensor, "k 4"]) -> Float[Tensor, "k 4"]:
    return torch.cat([torch.maximum(boxes[:, :2], regions[:, :2]), torch.minimum(boxes[:, 2:], regions[:, 2:])], dim=1)


def _best(order: Int[Tensor, "n"], pairs: Pairs) -> Bool[Tensor, "n"]:
    """Greedy suppression: which are kept when each, in order, drops those it is paired with."""
    rivals: dict[int, list[int]] = {}
    for one, other in pairs.tolist():
        rivals.setdefault(one, []).append(other)
        rivals.setdefault(other, []).append(one)
    dropped: set[int] = set()
    for index in order.tolist():
        if index in rivals and index not in dropped:
            dropped.update(rivals[index])
    kept = torch.ones(len(order), dtype=torch.bool)
    kept[list(dropped)] = False
    return kept


def _groups(members: Bool[Tensor, "n"], pairs: Pairs) -> list[list[int]]:
    """The connected components of the members under the pairs."""
    parent = {index: index for index in members.nonzero().flatten().tolist()}

    def find(index: int) -> int:
        while parent[index] != index:
            index = parent[index]
        return index

    for one, other in pairs.tolist():
        parent[find(one)] = find(other)
    groups: dict[int, list[int]] = {}
    for index in parent:
        groups.setdefault(find(index), []).append(index)
    return list(groups.values())


def _unions(found: Detections, groups: Sequence[list[int]]) -> Detections:
    """One detection for each group: the bounding box, the highest score, the union of the masks."""
    best = [max(group, key=lambda index: float(found.scores[index])) for group in groups]
    chosen = found.select(torch.tensor(best, dtype=torch.long))
    if not groups:
        return chosen
    around = [torch.cat([found.xyxy[group][:, :2].amin(0), found.xyxy[group][:, 2:].amax(0)]) for group in groups]
    chosen = replace(chosen, xyxy=torch.stack(around))
    if isinstance(chosen, InstanceDetections):
        assert isinstance(found, InstanceDetections)
        masks = [_mask_union(found.masks.select(torch.tensor(group))) for group in groups]
        chosen = replace(chosen, masks=_joined_masks(masks, found.masks.size))
    return chosen


def _mask_union(masks: Masks) -> Masks:
    """The union of the masks."""
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
