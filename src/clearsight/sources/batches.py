"""Batches of random views, each a pure function of the seed and the step, made ahead of time by a thread."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import torch

from clearsight.ops import views
from clearsight.sources.augment import random_view, relight
from clearsight.types import FLIPS, Batch, Dataset, Size, Training


@dataclass(frozen=True, kw_only=True)
class Batches:
    """The training batches of a data set.

    Every epoch is a new order of all samples. ``rank`` of ``world`` processes each take their share of every batch, so
    the batch as a whole is the same however many share it. During the first ``training.small_share`` of the run the
    pictures are ``training.small_scale`` times smaller, which is faster and costs little.
    """

    dataset: Dataset
    training: Training
    canvas: Size
    seed: int = 0
    rank: int = 0
    world: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Batches that show every sample once, the last one filled up from the next order."""
        return -(-len(self.dataset) // self.training.batch_size)

    def batch(self, step: int, progress: float) -> Batch:
        """The batch of a step; ``progress`` in [0, 1] tells how far the run is."""
        canvas, scale = self._stage(progress)
        zoom = (self.training.zoom[0] * scale, self.training.zoom[1] * scale)
        symmetries = FLIPS.get(self.training.flips, self.dataset.symmetries)
        first = step * self.training.batch_size
        mine = range(first + self.rank, first + self.training.batch_size, self.world)
        samples = [
            random_view(self.dataset[self._index(k)], canvas, zoom, symmetries, self._generator(k)) for k in mine
        ]
        images = torch.stack([sample.image for sample in samples]).contiguous(memory_format=torch.channels_last)
        lit = relight(images.float().div_(255), self.training.brightness, [self._generator(-1 - k) for k in mine])
        return Batch(images=lit, truths=[sample.truth for sample in samples], ids=[sample.id for sample in samples])

    def _stage(self, progress: float) -> tuple[Size, float]:
        """The canvas of this part of the run and its scale; a small one still fits the coarsest stride exactly."""
        if progress >= self.training.small_share:
            return self.canvas, 1.0
        steps = max(1, round(max(self.canvas) * self.training.small_scale / views.MULTIPLE))
        side = steps * views.MULTIPLE
        return views.canvas_for(self.canvas, side), side / max(self.canvas)

    def _index(self, k: int) -> int:
        epoch, place = divmod(k, len(self.dataset))
        return _order(len(self.dataset), self.seed, epoch)[place]

    def _generator(self, k: int) -> torch.Generator:
        return torch.Generator().manual_seed((self.seed * 1_000_000_007 + k) % 2**63)


@lru_cache(maxsize=2)
def _order(samples: int, seed: int, epoch: int) -> list[int]:
    """The order of all samples in one epoch."""
    generator = torch.Generator().manual_seed((seed * 1_000_000_007 + 2**40 + epoch) % 2**63)
    return torch.randperm(samples, generator=generator).tolist()


def ahead(make: Callable[[int], Batch], first: int, depth: int = 2) -> Iterator[Batch]:
    """The batches of step ``first`` and on, without end, ``depth`` of them being made while one is used.

    For training on a GPU. On a CPU a second thread takes from the first what it gives: there ``at_once`` is quicker.
    """
    with ThreadPoolExecutor(
        1, thread_name_prefix="batches", initializer=torch.set_num_threads, initargs=(1,)
    ) as thread:
        waiting: list[Future[Batch]] = [thread.submit(make, first + k) for k in range(depth)]
        step = first + depth
        try:
            while True:
                batch = waiting.pop(0).result()
                waiting.append(thread.submit(make, step))
                step += 1
                yield batch
        finally:
            for future in waiting:
                future.cancel()


def at_once(make: Callable[[int], Batch], first: int) -> Iterator[Batch]:
    """The batches of step ``first`` and on, without end, each made when it is needed."""
    for step in count(first):
        yield make(step)
