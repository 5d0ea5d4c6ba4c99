"""Anchors: the reference boxes of a region proposal network, fitted to the sizes of the training objects."""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from clearsight.types import Boxes, Size, Truth

CELLS = 8.0  # an object is assigned to the feature map in which it spans about this many cells
MAX_BOXES = 20_000  # enough to fit a few anchors
MAX_ITERATIONS = 100

Shape = tuple[float, float]


def fitted_anchors(truths: Iterable[Truth], count: int) -> tuple[float, ...]:
    """Anchor sizes of the objects: height, width, height, width, ... in pixels, small to large; ``count`` or fewer.

    The centroids of k-means clustering of box sizes under the distance 1 - IoU (Redmon and Farhadi 2017, section 2),
    initialised at quantiles of area, hence deterministic. Raises ValueError where there is no object.
    """
    sizes = []
    for truth in truths:
        assert isinstance(truth, Boxes)
        found = truth.xyxy[~truth.ignored]
        sizes.append((found[:, 2:] - found[:, :2]).flip(1))
    every = torch.cat(sizes) if sizes else torch.zeros(0, 2)
    every = every[(every > 0).all(1)].double()
    if not len(every):
        raise ValueError(
            "the training pictures show no object, so no box sizes can be learned. Expected at least one box that is "
            "not ignored: look at the data with `clearsight data`."
        )
    every = every[every.prod(1).argsort(stable=True)]
    every = every[:: -(-len(every) // MAX_BOXES)]
    centres = _k_means(every, count)
    rounded = sorted({(max(round(h, 1), 1.0), max(round(w, 1), 1.0)) for h, w in centres.tolist()}, key=_order)
    return tuple(side for shape in rounded for side in shape)


def _order(shape: Shape) -> tuple[float, float]:
    return (shape[0] * shape[1], shape[0])


def _k_means(sizes: Float[Tensor, "n 2"], count: int) -> Float[Tensor, "k 2"]:
    """Centroids of sizes ``height width``, ascending in area, in ``count`` clusters; empty clusters are dropped."""
    count = min(count, len(sizes))
    centres = sizes[((torch.arange(count) + 0.5) * len(sizes) / count).long()]
    former = None
    for _ in range(MAX_ITERATIONS):
        group = shape_overlap(sizes, centres).argmax(1)
        if former is not None and torch.equal(group, former):
            break
        former = group
        members = torch.zeros(len(centres), dtype=sizes.dtype).index_add(0, group, torch.ones_like(sizes[:, 0]))
        sums = torch.zeros_like(centres).index_add(0, group, sizes)
        centres = torch.where(members[:, None] > 0, sums / members.clamp(min=1)[:, None], centres)
    return centres[former.unique()] if former is not None else centres


def shape_overlap(a: Float[Tensor, "n 2"], b: Float[Tensor, "m 2"]) -> Float[Tensor, "n m"]:
    """IoU of boxes of these sizes that share their centre."""
    shared = torch.minimum(a[:, None], b[None]).prod(2)
    return shared / (a.prod(1)[:, None] + b.prod(1)[None] - shared)


def level_of(areas: Float[Tensor, "n"], strides: Sequence[int]) -> Int[Tensor, "n"]:
    """The pyramid level of boxes of these areas (px²): where they span about ``CELLS`` cells.

    Equation 1 of Lin et al. 2017, with another constant: their 224 px at stride 16 are 14 cells.
    """
    level = (0.5 * areas.clamp(min=1.0).log2() - torch.tensor(CELLS * strides[0]).log2() + 0.5).floor()
    return level.clamp(0, len(strides) - 1).long()


def by_level(anchors: Sequence[float], strides: Sequence[int]) -> list[list[Shape]]:
    """The anchors ``height, width, ...`` assigned to pyramid levels; a level may have none."""
    shapes = list(zip(anchors[::2], anchors[1::2], strict=True))
    found: list[list[Shape]] = [[] for _ in strides]
    for shape, level in zip(shapes, level_of(torch.tensor([h * w for h, w in shapes]), strides).tolist(), strict=True):
        found[level].append(shape)
    return found


def anchors_on_grid(grid: Size, stride: int, shapes: Sequence[Shape], device: torch.device) -> Float[Tensor, "k 4"]:
    """Anchors in pixels, centred on every cell of a grid (rows, columns); ordered by row, column, shape."""
    rows = (torch.arange(grid[0], device=device) + 0.5) * stride
    columns = (torch.arange(grid[1], device=device) + 0.5) * stride
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    centres = torch.stack([x, y, x, y], dim=2)[:, :, None]
    reach = torch.tensor([[-w / 2, -h / 2, w / 2, h / 2] for h, w in shapes], device=device)
    return (centres + reach).reshape(-1, 4)
