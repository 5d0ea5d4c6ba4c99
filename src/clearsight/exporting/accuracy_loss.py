"""What an exported detector loses against its run: the headline metric of both on the same pictures, paired."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.evaluation import evaluator
from clearsight.exported import ExportedDetector
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.metrics import resample
from clearsight.run import Run
from clearsight.sources import PictureDataset
from clearsight.types import Dataset, Detections, Evidence

JUDGED, REPLICATES = 500, 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccuracyLoss:
    """A metric of the run and of the exported model on the same ``n`` pictures, and ``exported - run``.

    ``interval`` is the difference's 95% interval over clusters of pictures, None where there are too few of them.
    """

    metric: str
    run: float
    exported: float
    difference: float
    interval: tuple[float, float] | None
    n: int
    clusters: int
    split: str

    def __str__(self) -> str:
        spread = "too few pictures for an interval"
        if self.interval is not None:
            spread = f"95% interval {self.interval[0]:+.4f} to {self.interval[1]:+.4f}"
        return (
            f"{self.metric} {self.run:.4f} of the run, {self.exported:.4f} exported: {self.difference:+.4f} "
            f"({spread}, paired, {self.n} pictures of the split {self.split})"
        )


def accuracy_loss(run: Run, predictor: Predictor, detector: ExportedDetector, dataset: Dataset) -> AccuracyLoss:
    """Judge both on the pictures of a split, at most 500 of them, evenly spread."""
    pictures = _spread(dataset)
    old = _judged(run, predictor, pictures)
    new = _judged(run, cast(Predictor, _AsPredictor(detector)), pictures)
    metric = old.statistics.metrics()[0]
    gap = resample.change(metric, old, new, resample.cluster_weights(old.clusters, REPLICATES, 0))
    return AccuracyLoss(
        metric=metric.name, run=gap.second.value, exported=gap.first.value, difference=gap.value, interval=gap.interval,
        n=len(old.ids), clusters=len(np.unique(old.clusters)), split=dataset.split,
    )  # fmt: skip


def _judged(run: Run, predictor: Predictor, pictures: Dataset) -> Evidence:
    task, settled = trained.task_of(run.config), trained.deployed(run.config)
    return evaluator.evaluate(predictor, task, pictures, **settled)


def _spread(dataset: Dataset) -> Dataset:
    if len(dataset) <= JUDGED or not isinstance(dataset, PictureDataset):
        return dataset
    chosen = tuple(dataset.records[index * len(dataset) // JUDGED] for index in range(JUDGED))
    return dataclasses.replace(dataset, records=chosen)


class _AsPredictor:
    """An exported detector where a predictor is expected: pictures as tensors, detections with all their scores."""

    def __init__(self, detector: ExportedDetector) -> None:
        self.detector = detector

    def __call__(self, images: Iterable[UInt8[Tensor, "3 h w"]]) -> Iterator[Any]:
        for image in images:
            found = self.detector(np.ascontiguousarray(image.permute(1, 2, 0).numpy()), min_score=0.0)
            yield Detections(
                xyxy=torch.from_numpy(found.boxes),
                scores=torch.from_numpy(found.scores),
                labels=torch.from_numpy(found.labels),
            )
