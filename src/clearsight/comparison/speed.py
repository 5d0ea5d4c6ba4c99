"""Speed and memory of runs: each in a process of its own, interleaved, on the same pictures."""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clearsight.generation.conditions import conditions
from clearsight.generation.sampling import sampled
from clearsight.loading import trained
from clearsight.ops.spread import evenly_spread
from clearsight.run import Run
from clearsight.types import Dataset

PICTURES = 12
ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Milliseconds per picture (the median of some rounds); parameters; memory.

    Pictures to predict are decoded and come in batches of 4; those of a generator are made in one batch. ``memory_mb``
    is the peak of the whole process, its libraries included.
    """

    ms_per_picture: float
    parameters: int
    memory_mb: float | None
    device: str


def speeds(runs: Sequence[Run], pictures: Dataset | None) -> tuple[Speed, ...]:
    """The speed of each run on some of the pictures; generators, which need none, make as many."""
    rows = evenly_spread(0 if pictures is None else len(pictures), PICTURES)
    images = [] if pictures is None else [pictures[index].image.numpy() for index in rows]
    context = get_context("spawn")
    pools = [ProcessPoolExecutor(1, context) for _ in runs]
    try:
        # Not as initargs: a process that dies as it starts would leave us waiting to hand it the pictures for ever.
        for pool, run in zip(pools, runs, strict=True):
            pool.submit(_prepare, run.path, images).result()
        rounds = [[pool.submit(_timed).result() for pool in pools] for _ in range(ROUNDS)]
        return tuple(
            Speed(ms_per_picture=1000 * statistics.median(taken), **pool.submit(_resources).result())
            for taken, pool in zip(zip(*rounds, strict=True), pools, strict=True)
        )
    finally:
        for pool in pools:
            pool.shutdown()


# The state of a process of a pool between two calls: what its run does, and with how many pictures.
_ready: dict[str, Any] = {}


def _prepare(path: Path, images: list[np.ndarray]) -> None:
    run = Run.open(path)
    network = trained.ready(run)
    _ready["parameters"] = sum(parameter.numel() for parameter in network.parameters())
    _ready["work"], _ready["count"] = _work(run, network, [torch.from_numpy(image) for image in images])
    _ready["work"]()


def _work(run: Run, network: Any, images: list[torch.Tensor]) -> tuple[Callable[[], Any], int]:
    """What the run is for, and with how many pictures it does it."""
    if trained.makes_pictures(run.config.model):
        classes = [0] * PICTURES if network.config.conditional else None
        size = network.config.size
        grey, nothing = (torch.zeros(PICTURES, *shape, *size, dtype=torch.uint8) for shape in ((3,), ()))
        given = conditions(network.config.made_from, grey, nothing)
        return lambda: sampled(network, PICTURES, classes=classes, condition=given), PICTURES
    predictor = trained.predictor(run, network)
    return lambda: list(predictor(iter(images))), len(images)


def _timed() -> float:
    """Seconds per picture of one round."""
    began = time.perf_counter()
    _ready["work"]()
    return (time.perf_counter() - began) / _ready["count"]


def _resources() -> dict[str, Any]:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    return {"parameters": _ready["parameters"], "memory_mb": _peak_mb(), "device": device}


def _peak_mb() -> float | None:
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes there, kilobytes elsewhere
