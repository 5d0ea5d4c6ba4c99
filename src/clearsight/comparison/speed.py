"""Speed and memory of runs: each in a process of its own, interleaved, on the same pictures."""

import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clearsight.loading import trained
from clearsight.ops.spread import evenly_spread
from clearsight.run import Run
from clearsight.types import Dataset

PICTURES = 12
ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Milliseconds per picture, decoded, of batches of 4 (the median of some rounds); parameters; memory.

    ``memory_mb`` is the peak of the whole predicting process, its libraries included.
    """

    ms_per_picture: float
    parameters: int
    memory_mb: float | None
    device: str


def speeds(runs: Sequence[Run], pictures: Dataset) -> tuple[Speed, ...]:
    """The speed of each run on some of the pictures."""
    images = [pictures[index].image.numpy() for index in evenly_spread(len(pictures), PICTURES)]
    context = get_context("spawn")
    pools = [ProcessPoolExecutor(1, context, _prepare, (run.path, images)) for run in runs]
    try:
        rounds = [[pool.submit(_timed).result() for pool in pools] for _ in range(ROUNDS)]
        return tuple(
            Speed(ms_per_picture=1000 * statistics.median(taken), **pool.submit(_resources).result())
            for taken, pool in zip(zip(*rounds, strict=True), pools, strict=True)
        )
    finally:
        for pool in pools:
            pool.shutdown()


# The state of a process of a pool between two calls: its run, ready to predict, and the pictures.
_ready: dict[str, Any] = {}


def _prepare(path: Path, images: list[np.ndarray]) -> None:
    run = Run.open(path)
    network = trained.load(run)
    _ready["parameters"] = sum(parameter.numel() for parameter in network.parameters())  # type: ignore[attr-defined]
    _ready["predictor"] = trained.predictor(run, network)
    _ready["images"] = [torch.from_numpy(image) for image in images]
    list(_ready["predictor"](iter(_ready["images"])))


def _timed() -> float:
    """Seconds per picture of one round."""
    began = time.perf_counter()
    list(_ready["predictor"](iter(_ready["images"])))
    return (time.perf_counter() - began) / len(_ready["images"])


def _resources() -> dict[str, Any]:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    return {"parameters": _ready["parameters"], "memory_mb": _peak_mb(), "device": device}


def _peak_mb() -> float | None:
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes there, kilobytes elsewhere
