"""Evaluation: the evidence of a model on a data set, computed in one way for every task."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import Any, Protocol

import numpy as np

from clearsight.sources import records_of
from clearsight.types import UNKNOWN, Dataset, Evidence, Prediction, Sample, Size, Task, Truth

AHEAD = 16  # pictures decoded in advance: enough to keep the network busy, few enough for large ones
PART = 64  # predictions kept until they are counted: class maps of a whole data set would not fit in memory


def evaluate(
    predictor: Callable[[Iterator[Any]], Iterator[Prediction]],
    task: Task,
    dataset: Dataset,
    *,
    about: dict[str, str] | None = None,
    watch: Callable[[int, int], None] = lambda done, total: None,
    **options: Any,
) -> Evidence:
    """Predict on every sample and keep the statistics that every metric and audit needs.

    ``predictor`` gives one prediction for each picture, in order: a ``Predictor``, or any such function.
    ``about`` is added to the origin stated in the evidence; ``watch(done, total)`` is called with the progress;
    ``options`` go to the task's statistics (such as the deployed threshold of a detector).
    """
    info, truths = _SampleInfo(), deque[Truth]()
    predictions = predictor(info.images(decoded(dataset), truths))
    statistics = _counted(task, dataset, predictions, truths, watch, options)
    return _evidence(task, dataset, statistics, info, about or {})


def of_rule(
    rule: Callable[[Size], Prediction], evidence: Evidence, task: Task, dataset: Dataset, sizes: Sequence[Size]
) -> Evidence:
    """The evidence of a baseline that uses the size of a picture only, with ids and groups of another's evidence."""
    records = iter(records_of(dataset))
    truths: deque[Truth] = deque()

    def predictions() -> Iterator[Prediction]:
        for size in sizes:
            truths.append(next(records).answer())
            yield rule(size)

    statistics = _counted(task, dataset, predictions(), truths, lambda done, total: None, {})
    return replace(evidence, statistics=statistics)


def _counted(
    task: Task,
    dataset: Dataset,
    predictions: Iterator[Prediction],
    truths: deque[Truth],
    watch: Callable[[int, int], None],
    options: dict[str, Any],
) -> Any:
    """The statistics of predictions as they come, a part at a time."""
    parts = []
    done = 0
    while part := list(islice(predictions, PART)):
        matching = [truths.popleft() for _ in part]
        parts.append(task.statistics(part, matching, dataset.class_names, **options))
        done += len(part)
        watch(done, len(dataset))
    return task.statistics_type.joined(parts) if parts else task.statistics([], [], dataset.class_names, **options)  # type: ignore[attr-defined]


class Samples(Protocol):
    """Any sequence of samples."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, index: int) -> Sample: ...


class _SampleInfo:
    """Ids, clusters and groups of samples, kept as their pictures stream past."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.clusters: list[str] = []
        self.groups: list[dict[str, str]] = []

    def add(self, sample: Sample) -> None:
        self.ids.append(sample.id)
        self.clusters.append(sample.cluster or sample.id)
        self.groups.append(dict(sample.groups))

    def images(self, samples: Iterator[Sample], truths: deque[Truth]) -> Iterator[Any]:
        for sample in samples:
            self.add(sample)
            truths.append(sample.truth)
            yield sample.image


def _evidence(task: Task, dataset: Dataset, statistics: Any, info: _SampleInfo, about: dict[str, str]) -> Evidence:
    attributes = sorted({name for groups in info.groups for name in groups})
    return Evidence(
        task=task.name,
        statistics=statistics,
        ids=tuple(info.ids),
        clusters=np.unique(np.array(info.clusters), return_inverse=True)[1].astype(np.int64),
        groups={name: np.array([groups.get(name, UNKNOWN) for groups in info.groups]) for name in attributes},
        about={"data": dataset.name, "split": dataset.split, "fingerprint": dataset.fingerprint, **about},
    )


def decoded(dataset: Samples, threads: int = 2) -> Iterator[Sample]:
    """All samples in order, decoded a little ahead by threads (decoders release the interpreter)."""
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        indices = iter(range(len(dataset)))
        waiting = [pool.submit(dataset.__getitem__, index) for index in islice(indices, AHEAD)]
        while waiting:
            sample = waiting.pop(0).result()
            waiting += [pool.submit(dataset.__getitem__, index) for index in islice(indices, 1)]
            yield sample
