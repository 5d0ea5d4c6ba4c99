"""A model, a task and data make evidence: the same way for every task, and the only way evidence is made."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol

import numpy as np

from clearsight.inference import Predictor
from clearsight.types import UNKNOWN, Dataset, Evidence, Prediction, Sample, Task, Truth

AHEAD = 16  # pictures decoded before they are needed: enough to keep the network busy, few enough for large ones


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The evidence of one pass over a data set, and the predictions and truths it was made of."""

    evidence: Evidence
    predictions: tuple[Prediction, ...]
    truths: tuple[Truth, ...]


def evaluate(
    predictor: Predictor,
    task: Task,
    dataset: Dataset,
    *,
    about: dict[str, str] | None = None,
    watch: Callable[[int, int], None] = lambda done, total: None,
    **options: Any,
) -> Evaluation:
    """Predict on every sample and keep what every later question needs.

    ``about`` is added to what the evidence says of its origin; ``watch(done, total)`` sees the progress; ``options``
    go to the task's statistics (such as the deployed threshold of a detector).
    """
    seen = _Seen()
    predictions: list[Prediction] = []
    for prediction in predictor(seen.images(decoded(dataset))):
        predictions.append(prediction)
        watch(len(predictions), len(dataset))
    return _evaluation(task, dataset, predictions, seen, about or {}, options)


def with_predictions(
    seen: Evaluation, task: Task, class_names: Sequence[str], predictions: Sequence[Prediction], options: dict[str, Any]
) -> Evaluation:
    """The evaluation of other predictions on the same pictures, such as those of a rule that never looks at one."""
    statistics = task.statistics(predictions, seen.truths, class_names, **options)
    evidence = replace(seen.evidence, statistics=statistics)
    return Evaluation(evidence=evidence, predictions=tuple(predictions), truths=seen.truths)


def settled(seen: Evaluation, task: Task, class_names: Sequence[str], options: dict[str, Any]) -> Evaluation:
    """The same evaluation under other options of its statistics, such as the deployed threshold."""
    return with_predictions(seen, task, class_names, seen.predictions, options)


class Samples(Protocol):
    """Anything that gives samples by number."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, index: int) -> Sample: ...


class _Seen:
    """What is kept of samples as their pictures stream past."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.truths: list[Truth] = []
        self.clusters: list[str] = []
        self.groups: list[dict[str, str]] = []

    def add(self, sample: Sample) -> None:
        self.ids.append(sample.id)
        self.truths.append(sample.truth)
        self.clusters.append(sample.cluster or sample.id)
        self.groups.append(dict(sample.groups))

    def images(self, samples: Iterator[Sample]) -> Iterator[Any]:
        for sample in samples:
            self.add(sample)
            yield sample.image


def _evaluation(
    task: Task,
    dataset: Dataset,
    predictions: Sequence[Prediction],
    seen: _Seen,
    about: dict[str, str],
    options: dict[str, Any],
) -> Evaluation:
    attributes = sorted({name for groups in seen.groups for name in groups})
    evidence = Evidence(
        task=task.name,
        statistics=task.statistics(predictions, seen.truths, dataset.class_names, **options),
        ids=tuple(seen.ids),
        clusters=np.unique(np.array(seen.clusters), return_inverse=True)[1].astype(np.int64),
        groups={name: np.array([groups.get(name, UNKNOWN) for groups in seen.groups]) for name in attributes},
        about={"data": dataset.name, "split": dataset.split, "fingerprint": dataset.fingerprint, **about},
    )
    return Evaluation(evidence=evidence, predictions=tuple(predictions), truths=tuple(seen.truths))


def decoded(dataset: Samples, threads: int = 2) -> Iterator[Sample]:
    """All samples in order, decoded a little ahead by threads (decoders release the interpreter)."""
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        indices = iter(range(len(dataset)))
        waiting = [pool.submit(dataset.__getitem__, index) for index in islice(indices, AHEAD)]
        while waiting:
            sample = waiting.pop(0).result()
            waiting += [pool.submit(dataset.__getitem__, index) for index in islice(indices, 1)]
            yield sample
