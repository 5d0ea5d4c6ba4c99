"""Batches of augmented samples, each a pure function of the seed and the step, prefetched by a thread."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count

import torch

from clearsight.ops import views
from clearsight.sources.batches.augmentation import colour_jitter, mixup, random_view, recolour
from clearsight.sources.batches.order import drawn_at, stage_of
from clearsight.sources.batches.weighting import Weighting
from clearsight.types import FLIPS, Batch, Dataset, Size, Training


@dataclass(frozen=True, kw_only=True)
class Batches:
    """The training batches of a data set.

    Every epoch is a new order of all samples, drawn by their ``weighting``. ``rank`` of ``world`` processes each take
    their share of every batch, so the batch as a whole is the same however many share it. Canvases are in multiples of
    ``multiple`` px. During the first ``training.small_share`` of the run the pictures are ``training.small_scale``
    times smaller, which is faster and costs little.
    """

    dataset: Dataset
    training: Training
    canvas: Size
    seed: int = 0
    rank: int = 0
    world: int = 1
    multiple: int = views.MULTIPLE
    weighting: Weighting = field(default_factory=Weighting)

    def __post_init__(self) -> None:
        self.weighting.check(len(self.dataset))

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch, which shows every sample once unless weighted; the last is filled up from the next."""
        return -(-self.weighting.length(len(self.dataset)) // self.training.batch_size)

    def batch(self, step: int, progress: float) -> Batch:
        """The batch of a step; ``progress`` in [0, 1] is that of the run."""
        canvas, scale = stage_of(self.training, self.canvas, progress, self.multiple)
        zoom = (self.training.zoom[0] * scale, self.training.zoom[1] * scale)
        symmetries = FLIPS.get(self.training.flips, self.dataset.symmetries)
        first = step * self.training.batch_size
        mine = range(first + self.rank, first + self.training.batch_size, self.world)
        rows = drawn_at(mine, len(self.dataset), self.seed, self.weighting)[0].tolist()
        samples = [
            random_view(self.dataset[row], canvas, zoom, symmetries, self._generator(k))
            for k, row in zip(mine, rows, strict=True)
        ]
        images = torch.stack([sample.image for sample in samples]).contiguous(memory_format=torch.channels_last)
        generators = [self._generator(-1 - k) for k in mine]
        images = colour_jitter(images.float().div_(255), self.training.brightness, generators)
        if self.training.colour:
            draws = torch.stack([torch.rand(5, generator=generator) for generator in generators])
            images = recolour(images, self.training.colour, draws)
        truths = [sample.truth for sample in samples]
        batch = Batch(
            images=images,
            truths=truths,
            ids=[sample.id for sample in samples],
            progress=progress,
            weights=self.weighting.loss_weights(rows, truths),
        )
        return mixup(batch, self.training.mixup, self._generator(-1 - first))

    def _generator(self, k: int) -> torch.Generator:
        return torch.Generator().manual_seed((self.seed * 1_000_000_007 + k) % 2**63)


def ahead(make: Callable[[int], Batch], first: int, depth: int = 2) -> Iterator[Batch]:
    """The batches of step ``first`` and on, without end, with ``depth`` of them prefetched.

    For training on a GPU. On a CPU a second thread competes with the first: there ``at_once`` is faster.
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
