"""Sampling order and progressive resizing: functions of the seed and the step, shared by all kinds of batches."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Int
from torch import Tensor

from clearsight.ops import views
from clearsight.sources.batches.weighting import Weighting
from clearsight.types import Size, Training


def drawn_at(
    places: Sequence[int], samples: int, seed: int, weighting: Weighting
) -> tuple[Int[Tensor, "k"], Int[Tensor, "k"]]:
    """The sample at each position of the endless order, and a number that is another whenever it comes again.

    Every epoch is a new order; where all samples are drawn alike the number is that of the epoch.
    """
    length = weighting.length(samples)
    where = torch.tensor(places)
    epochs = where // length
    indices, turns = torch.empty_like(where), torch.empty_like(where)
    for epoch in epochs.unique().tolist():
        here = epochs == epoch
        drawn, before = order(samples, seed, epoch, weighting)
        indices[here], turns[here] = drawn[where[here] % length], epoch + before[where[here] % length]
    return indices, turns


@lru_cache(maxsize=2)
def order(
    samples: int, seed: int, epoch: int, weighting: Weighting
) -> tuple[Int[Tensor, "length"], Int[Tensor, "length"]]:
    """The samples of one epoch in their order, and how often each was drawn before in it."""
    generator = torch.Generator().manual_seed((seed * 1_000_000_007 + 2**40 + epoch) % 2**63)
    return weighting.drawn(samples, generator)


def stage_of(training: Training, canvas: Size, progress: float, multiple: int) -> tuple[Size, float]:
    """The canvas of this part of the run and its scale; a small one is still a multiple of the coarsest stride."""
    if progress >= training.small_share:
        return canvas, 1.0
    steps = max(1, round(max(canvas) * training.small_scale / multiple))
    side = steps * multiple
    return views.canvas_for(canvas, side, multiple), side / max(canvas)
