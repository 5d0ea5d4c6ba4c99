"""Which precision a network trains in here: bfloat16 where the processor is really quicker with it, found by trying."""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import cast

import torch
from torch import nn

from clearsight.inference.allocation import keep_freed_memory
from clearsight.loading.trained import has_bf16
from clearsight.types import Adversarial, Batch, Generator, Model, Training

FABRIC_NAMES = {"float32": "32-true", "bfloat16": "bf16-mixed"}
QUICKER = 0.95  # bfloat16 must save this much to be worth its rounding
PIXELS = 2**18  # of the pictures of a step that is tried; more of them tell nothing more
FEWEST_PICTURES = 2  # whatever their size: one picture is no batch to a norm
FEWEST_ROUNDS, MOST_ROUNDS = 3, 12
TRIAL_S = 2.0  # after the fewest rounds no more time than this goes into more of them


def precision_for(network: Model | Generator, training: Training, first_batch: Callable[[], Batch]) -> str:
    """Fabric's name of the precision: "bf16-mixed" or "32-true".

    Processors with bfloat16 instructions differ: some train with it at 1.5 times the speed of float32, some at 0.8.
    On a CPU both are tried for a few steps on pictures of the first batch, every player's where there are two; a GPU
    with bfloat16 is always quicker. A run remembers what was chosen. The steps are those of training: channels last,
    and freed memory kept, without which the pages of large batches take longer than their arithmetic and either
    precision may seem the quicker one.
    """
    assert isinstance(network, nn.Module)
    if training.precision != "auto":
        return FABRIC_NAMES[training.precision]
    if torch.cuda.is_available() or not has_bf16():
        return "bf16-mixed" if has_bf16() else "32-true"
    keep_freed_memory()
    patch_px = getattr(getattr(network, "config", None), "patch_px", None)  # some learn from parts of pictures
    batch = _few_of(first_batch(), patch_px)
    trial = deepcopy(network).train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    # How many steps are tried depends on the time they take: what they draw must not move the run's own draws.
    with torch.random.fork_rng(devices=[]):
        return _quicker(lambda lower: _step(trial, batch, lower))


def _few_of(batch: Batch, patch_px: int | None = None) -> Batch:
    """The first pictures of a batch; of each a step sees the whole, or a square of ``patch_px``."""
    height, width = (min(side, patch_px or side) for side in batch.images.shape[2:])
    few = slice(max(FEWEST_PICTURES, PIXELS // (height * width)))
    return replace(
        batch, images=batch.images[few].contiguous(memory_format=torch.channels_last),
        truths=batch.truths[few], others=None if batch.others is None else batch.others[few], ids=batch.ids[few],
        weights=None if batch.weights is None else batch.weights[few],
        other_weights=None if batch.other_weights is None else batch.other_weights[few],
    )  # fmt: skip


def _quicker(seconds_of: Callable[[bool], float]) -> str:
    """Fabric's name of the precision whose steps take less time; True asks for a step in bfloat16."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    began = time.perf_counter()
    for number in range(MOST_ROUNDS):
        if number >= FEWEST_ROUNDS and time.perf_counter() - began > TRIAL_S:
            break
        for lower in seconds:
            seconds[lower].append(seconds_of(lower))
    # The least of each: the first steps prepare kernels and memory, and other programs only ever slow a step down.
    return "bf16-mixed" if min(seconds[True]) < QUICKER * min(seconds[False]) else "32-true"


def _step(network: nn.Module, batch: Batch, lower: bool) -> float:
    """Seconds of the losses and their gradient."""
    began = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=lower):
        if isinstance(network, Adversarial):
            losses = [value for turn in network.turns for one in turn for value in network.losses(batch, one).values()]
        else:
            losses = list(cast(Generator, network).losses(batch).values())
    torch.stack([value.float() for value in losses]).sum().backward()
    network.zero_grad(set_to_none=True)
    return time.perf_counter() - began
