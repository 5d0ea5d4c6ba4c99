"""Boxes that are likely missing, of a wrong class, or badly placed: where a trained run confidently disagrees.

A detection counts from the score on that the run was deployed with. Every entry is a question to a person, not a
verdict: the model is wrong as well, and it has learnt from these very labels.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from clearsight.console.progress import stage
from clearsight.evaluation import evaluator
from clearsight.evaluation.close_ups import Looked, look
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.ops import boxes as box_ops
from clearsight.ops.error_causes import FOREGROUND, Cause
from clearsight.run import Run
from clearsight.sources import DataError, Source
from clearsight.types import Boxes, Dataset, Detections, Sample

Kind = Literal["missing box", "wrong class", "misplaced box"]
KINDS: tuple[Kind, ...] = ("missing box", "wrong class", "misplaced box")
WELL_PLACED = 0.75


@dataclass(frozen=True, kw_only=True)
class LikelyProblem:
    """A label a person should look at. ``box`` is where (px, x1 y1 x2 y2): the label's, or a missing one's as found.

    ``labelled`` is the class as labelled ("" where a box is missing), ``found`` the class the run says, ``score`` how
    surely, ``found_box`` where, and ``overlap`` the IoU of both boxes, or for a missing one the best with any label.
    ``row`` is the place of the picture in its split.
    """

    kind: Kind
    split: str
    id: str
    row: int
    box: tuple[float, float, float, float]
    labelled: str
    found: str
    score: float
    found_box: tuple[float, float, float, float]
    overlap: float


def likely_problems(run: Run, source: Source, quiet: bool = True) -> tuple[LikelyProblem, ...]:
    """Every likely problem of the boxes in all splits, by kind, the surest first.

    Raises ValueError where the data hold no boxes, the run is no detector, or it does not know the classes.
    """
    if not issubclass(source.truth, Boxes) or not issubclass(trained.task_of(run.config).truth_type, Boxes):
        raise DataError(
            f"likely problems are looked for among boxes, and {run.path} does {run.config.task} on {source.format} "
            "data. Expected data with boxes and a run that finds objects. Leave --run out, or name such a run."
        )
    source = source.aligned(run.config.class_names)
    names, problems = source.class_names, []
    least = float(trained.deployed(run.config).get("threshold", 0.5))
    predictor = trained.predictor(run)
    for split, dataset in source.splits.items():
        with stage(f"looking for likely problems: {split}", quiet) as watch:
            for row, (sample, found) in enumerate(_predicted(predictor, dataset)):
                assert isinstance(sample.truth, Boxes)
                looked = look(found, sample.truth, len(names))
                problems += [
                    replace(one, split=split, id=sample.id, row=row) for one in problems_of(looked, least, names)
                ]
                watch(row + 1, len(dataset))
    return tuple(sorted(problems, key=lambda one: (KINDS.index(one.kind), -_sureness(one))))


def _sureness(one: LikelyProblem) -> float:
    return one.score * (WELL_PLACED - one.overlap) if one.kind == "misplaced box" else one.score


def _predicted(predictor: Predictor, dataset: Dataset) -> Iterator[tuple[Sample, Detections]]:
    waiting: deque[Sample] = deque()

    def images() -> Iterator[Tensor]:
        for sample in evaluator.decoded(dataset):
            waiting.append(sample)
            yield sample.image

    for found in predictor(images()):
        assert isinstance(found, Detections)
        yield waiting.popleft(), found


def problems_of(looked: Looked, least: float, names: tuple[str, ...]) -> Iterator[LikelyProblem]:
    """The likely problems of one picture, by the detections of the score ``least`` or more."""
    label, score = looked.found.labels.numpy(), looked.found.scores.numpy()
    objects = looked.truth.labels.numpy()
    met_rightly = np.zeros(len(objects), dtype=bool)
    met_rightly[looked.met[(looked.met >= 0) & (looked.cause == Cause.NONE)]] = True
    for one in np.flatnonzero(score >= least).tolist():
        cause, about = Cause(looked.cause[one]), int(looked.met[one])
        best = float(looked.overlap[one].max(initial=0.0))
        if cause is Cause.NONE and about >= 0:
            if looked.overlap[one, about] < WELL_PLACED:
                yield _problem("misplaced box", looked, one, about, names)
        elif cause is Cause.CLASS:
            same = (label == objects[about]) & (looked.overlap[:, about] >= FOREGROUND)
            if score[same].max(initial=0.0) < score[one]:
                yield _problem("wrong class", looked, one, about, names)
        elif cause in (Cause.BACKGROUND, Cause.LOCATION, Cause.BOTH) and best < FOREGROUND:
            near = int(looked.overlap[one].argmax()) if len(objects) else -1
            free = cause is Cause.BACKGROUND or met_rightly[near]
            if free and not _said_better(looked, one):
                yield _problem("missing box", looked, one, None, names)


def _said_better(looked: Looked, one: int) -> bool:
    """Whether a surer detection lies on the same thing."""
    surer = looked.found.xyxy[:one]
    return bool((box_ops.iou(surer, looked.found.xyxy[one][None]) >= FOREGROUND).any())


def _problem(kind: Kind, looked: Looked, one: int, about: int | None, names: tuple[str, ...]) -> LikelyProblem:
    found = _corners(looked.found.xyxy[one])
    return LikelyProblem(
        kind=kind,
        split="",
        id="",
        row=-1,
        box=found if about is None else _corners(looked.truth.xyxy[about]),
        labelled="" if about is None else names[int(looked.truth.labels[about])],
        found=names[int(looked.found.labels[one])],
        score=float(looked.found.scores[one]),
        found_box=found,
        overlap=float(looked.overlap[one].max(initial=0.0) if about is None else looked.overlap[one, about]),
    )


def _corners(box: torch.Tensor) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (round(side, 1) for side in box.tolist())
    return x1, y1, x2, y2
