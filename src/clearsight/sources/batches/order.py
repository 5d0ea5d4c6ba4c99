"""Sampling order and progressive resizing: functions of the seed and the step, shared by all kinds of batches."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Int
from torch import Tensor

from clearsight.ops import views
from clearsight.types import Size, Training


def indices_of(places: Sequence[int], samples: int, seed: int) -> tuple[Int[Tensor, "k"], Int[Tensor, "k"]]:
    """The epoch and the sample at each position of the endless order: every epoch is a new permutation."""
    where = torch.tensor(places)
    epochs = where // samples
    indices = torch.empty_like(where)
    for epoch in epochs.unique().tolist():
        here = epochs == epoch
        indices[here] = order(samples, seed, epoch)[where[here] % samples]
    return epochs, indices


@lru_cache(maxsize=2)
def order(samples: int, seed: int, epoch: int) -> Int[Tensor, "samples"]:
    """The permutation of all samples in one epoch."""
    generator = torch.Generator().manual_seed((seed * 1_000_000_007 + 2**40 + epoch) % 2**63)
    return torch.randperm(samples, generator=generator)


def stage_of(training: Training, canvas: Size, progress: float, multiple: int) -> tuple[Size, float]:
    """The canvas of this part of the run and its scale; a small one is still a multiple of the coarsest stride."""
    if progress >= training.small_share:
        return canvas, 1.0
    steps = max(1, round(max(canvas) * training.small_scale / multiple))
    side = steps * multiple
    return views.canvas_for(canvas, side, multiple), side / max(canvas)
