"""The nearest training picture of each picture, for telling copies.

Candidates are the 12 nearest in feature space, and the 12 nearest by the means of an 8 x 8 grid, mirrored or not, since
a classifier's features may hold little but the class. They are then compared pixel by pixel, each moved by up to two
pixels and mirrored too, since a shift by one pixel is all it takes to hide a copy from a plain comparison of pixels
(Theis et al. 2016). Pictures are compared at 32 px at most, where two pixels are the same share of any picture.

A distance alone does not tell copies: blurred and simple pictures lie near all others. So it is taken relative to the
median distance to all candidates, as extraction attacks do (Carlini et al. 2023): a copy is far nearer to one training
picture than to the others like it. Where the training set itself holds each picture many times, nothing can be told;
and a fine regular texture that was moved may have other training pictures nearer by grid and features than its own.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from clearsight.generation.fitting import Watch

CANDIDATES = 12  # by features, and as many by the grid
CANDIDATES_AT_LEAST = 3
GRID = 8
SHIFT = 2
SIDE_PX = 32
FEATURES_AT_ONCE, PICTURES_AT_ONCE = 256, 32
PIXELS_AT_ONCE = 1_000_000  # of candidates: what the nearest cache of a processor holds is compared twice as fast


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """For each picture its nearest training picture, the root mean square difference of pixels in [0, 1] to it, and
    that over the ``usual`` difference, the median of all candidates."""

    index: Int[np.ndarray, "n"]
    difference: Float[np.ndarray, "n"]
    relative: Float[np.ndarray, "n"]
    usual: Float[np.ndarray, "n"]

    @property
    def of_copies(self) -> Float[np.ndarray, "n"]:
        """The relative distance that copies of the pictures would have, were these trained on: 0 where that tells."""
        return np.where(self.usual > 0, 0.0, np.where(np.isfinite(self.usual), 1.0, np.nan))

    def closest(self, count: int) -> list[tuple[int, int]]:
        """Pairs of a picture and its training picture, those most like a copy first."""
        known = np.flatnonzero(np.isfinite(self.relative))
        order = known[np.lexsort((self.difference[known], self.relative[known]))][:count]
        return [(int(row), int(self.index[row])) for row in order]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Pictures, their features, and the probabilities of their classes where a classifier knows some."""

    images: UInt8[Tensor, "n 3 h w"]
    features: Float[Tensor, "n d"]
    probabilities: Float[Tensor, "n c"] | None = None


@torch.no_grad()
def nearest_training(
    pictures: Seen,
    training: Seen,
    *,
    own: Int[np.ndarray, "n"] | None = None,
    watch: Watch = lambda done, total: None,
) -> Nearest:
    """The nearest training picture of each; ``own`` is where each stands in training itself, which is passed over.

    The relative distance is NaN with fewer than three training pictures.
    """
    count = len(pictures.images)
    wanted = min(CANDIDATES, len(training.images) - (own is not None))
    if wanted < CANDIDATES_AT_LEAST or not count:
        index, unknown = np.zeros(count, dtype=np.int64), np.full(count, np.nan)
        return Nearest(index=index, difference=unknown, relative=unknown.copy(), usual=unknown.copy())
    grey = _is_grey(pictures.images) and _is_grey(training.images)
    grids, training_grids = _grids(pictures.images, grey), _grids(training.images, grey)
    by_features = _candidates((pictures.features,), training.features, wanted, own)
    by_grid = _candidates((grids.flatten(1), grids.flip(3).flatten(1)), training_grids.flatten(1), wanted, own)
    candidates = torch.cat([by_features, by_grid], dim=1)
    index = np.zeros(count, dtype=np.int64)
    difference, relative, all_usual = np.zeros(count), np.zeros(count), np.zeros(count)
    pixels = candidates.shape[1] * _small(pictures.images[:1], grey).numel()
    at_once = max(1, min(PICTURES_AT_ONCE, PIXELS_AT_ONCE // pixels))
    for start in range(0, count, at_once):
        block = slice(start, start + at_once)
        some = candidates[block]
        others = _small(training.images[some.flatten()], grey).unflatten(0, some.shape)
        apart = shifted_differences(_small(pictures.images[block], grey), others)
        least = apart.min(1)
        usual = apart.median(1).values
        index[block] = some.gather(1, least.indices[:, None])[:, 0].numpy()
        difference[block] = least.values.numpy()
        relative[block] = torch.where(usual > 0, least.values / usual, torch.ones_like(usual)).numpy()
        all_usual[block] = usual.numpy()
        watch(min(start + at_once, count), count)
    return Nearest(index=index, difference=difference, relative=relative, usual=all_usual)


def shifted_differences(
    images: Float[Tensor, "b c h w"], others: Float[Tensor, "b k c h w"], shift: int = SHIFT
) -> Float[Tensor, "b k"]:
    """The least root mean square difference over all shifts by up to ``shift`` pixels, mirrored and not.

    What a shift moves out of the picture is not compared: the middle of one picture meets any part of the other.
    """
    height, width = images.shape[2:]
    shift = min(shift, (min(height, width) - 1) // 4)
    rows, columns = height - 2 * shift, width - 2 * shift
    middle = images[:, None, :, shift : shift + rows, shift : shift + columns]
    least = torch.full(others.shape[:2], float("inf"))
    for mirrored in (others, others.flip(4)):
        for top in range(2 * shift + 1):
            for left in range(2 * shift + 1):
                part = mirrored[:, :, :, top : top + rows, left : left + columns]
                least = torch.minimum(least, (part - middle).square().mean((2, 3, 4)))
    return least.sqrt()


def _candidates(
    views: tuple[Float[Tensor, "n d"], ...],
    training: Float[Tensor, "m d"],
    wanted: int,
    own: Int[np.ndarray, "n"] | None,
) -> Int[Tensor, "n k"]:
    """The nearest training pictures of each picture by the nearer of its views, without its own.

    All views of a picture are of one length, so that the squared distance less the squared length has the same order.
    """
    found, lengths, columns = [], training.square().sum(1), training.T
    for start in range(0, len(views[0]), FEATURES_AT_ONCE):
        block = slice(start, start + FEATURES_AT_ONCE)
        apart = torch.addmm(lengths, views[0][block], columns, alpha=-2)
        for view in views[1:]:
            torch.minimum(apart, torch.addmm(lengths, view[block], columns, alpha=-2), out=apart)
        if own is not None:
            apart[torch.arange(len(apart)), torch.from_numpy(own[block])] = float("inf")
        found.append(apart.topk(wanted, largest=False).indices)
    return torch.cat(found)


def _grids(images: UInt8[Tensor, "n 3 h w"], grey: bool) -> Float[Tensor, "n c g g"]:
    """The means of an 8 x 8 grid, some pictures at a time."""
    parts = [
        F.adaptive_avg_pool2d((some[:, :1] if grey else some).float() / 255, GRID)
        for some in images.split(FEATURES_AT_ONCE)
    ]
    return torch.cat(parts)


def _is_grey(images: UInt8[Tensor, "n 3 h w"]) -> bool:
    return bool((images[:, 0] == images[:, 1]).all() and (images[:, 0] == images[:, 2]).all())


def _small(images: UInt8[Tensor, "n 3 h w"], grey: bool) -> Float[Tensor, "n c h2 w2"]:
    """Pictures in [0, 1] at 32 px at most, with one channel where all are grey."""
    seen = (images[:, :1] if grey else images).float() / 255
    longer = max(images.shape[2:])
    if longer <= SIDE_PX:
        return seen
    height, width = (max(1, round(side * SIDE_PX / longer)) for side in images.shape[2:])
    return F.interpolate(seen, (height, width), mode="area")
