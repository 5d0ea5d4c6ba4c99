"""Boxes that are likely missing, of a wrong class, or poorly localised: where a trained model confidently disagrees.

A detection counts from the deployed score threshold on. Every entry is a question to a person, not a verdict: the
model makes errors too, and it was trained on these very labels.
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
from clearsight.evaluation.close_ups import Matched, match_picture
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.ops import boxes as box_ops
from clearsight.ops.error_causes import FOREGROUND, Cause
from clearsight.run import Run
from clearsight.sources import DataError, Source
from clearsight.types import Boxes, Dataset, Detections, Sample

Kind = Literal["missing box", "wrong class", "misplaced box"]
KINDS: tuple[Kind, ...] = ("missing box", "wrong class", "misplaced box")
WELL_LOCALISED = 0.75


@dataclass(frozen=True, kw_only=True)
class LikelyProblem:
    """A label to review. ``box`` (px, x1 y1 x2 y2) is the label's, or a missing one's as detected.

    ``labelled`` is the class as labelled ("" where a box is missing); ``found``, ``score`` and ``found_box`` are the
    predicted class, its score and box; ``overlap`` is the IoU of both boxes, or for a missing one the highest with any
    label. ``row`` is the index of the picture in its split.
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
    """Every likely problem of the boxes in all splits, by kind, the most confident first.

    Raises ValueError where the data hold no boxes, the run is no detector, or it does not know the classes.
    """
    if not issubclass(source.truth, Boxes) or not issubclass(trained.task_of(run.config).truth_type, Boxes):
        raise DataError(
            f"label problems are searched for among boxes, and {run.path} does {run.config.task} on {source.format} "
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
                matched = match_picture(found, sample.truth, len(names))
                problems += [
                    replace(one, split=split, id=sample.id, row=row) for one in problems_of(matched, least, names)
                ]
                watch(row + 1, len(dataset))
    return tuple(sorted(problems, key=lambda one: (KINDS.index(one.kind), -_confidence(one))))


def _confidence(one: LikelyProblem) -> float:
    return one.score * (WELL_LOCALISED - one.overlap) if one.kind == "misplaced box" else one.score


def _predicted(predictor: Predictor, dataset: Dataset) -> Iterator[tuple[Sample, Detections]]:
    waiting: deque[Sample] = deque()

    def images() -> Iterator[Tensor]:
        for sample in evaluator.decoded(dataset):
            waiting.append(sample)
            yield sample.image

    for found in predictor(images()):
        assert isinstance(found, Detections)
        yield waiting.popleft(), found


def problems_of(matched: Matched, least: float, names: tuple[str, ...]) -> Iterator[LikelyProblem]:
    """The likely problems of one picture, by the detections of the score ``least`` or more."""
    label, score = matched.found.labels.numpy(), matched.found.scores.numpy()
    objects = matched.truth.labels.numpy()
    matched_correctly = np.zeros(len(objects), dtype=bool)
    matched_correctly[matched.met[(matched.met >= 0) & (matched.cause == Cause.NONE)]] = True
    for one in np.flatnonzero(score >= least).tolist():
        cause, about = Cause(matched.cause[one]), int(matched.met[one])
        best = float(matched.overlap[one].max(initial=0.0))
        if cause is Cause.NONE and about >= 0:
            if matched.overlap[one, about] < WELL_LOCALISED:
                yield _problem("misplaced box", matched, one, about, names)
        elif cause is Cause.CLASS:
            same = (label == objects[about]) & (matched.overlap[:, about] >= FOREGROUND)
            if score[same].max(initial=0.0) < score[one]:
                yield _problem("wrong class", matched, one, about, names)
        elif cause in (Cause.BACKGROUND, Cause.LOCATION, Cause.BOTH) and best < FOREGROUND:
            near = int(matched.overlap[one].argmax()) if len(objects) else -1
            unlabelled = cause is Cause.BACKGROUND or matched_correctly[near]
            if unlabelled and not _has_better(matched, one):
                yield _problem("missing box", matched, one, None, names)


def _has_better(matched: Matched, one: int) -> bool:
    """Whether a detection of higher score overlaps it."""
    better = matched.found.xyxy[:one]
    return bool((box_ops.iou(better, matched.found.xyxy[one][None]) >= FOREGROUND).any())


def _problem(kind: Kind, matched: Matched, one: int, about: int | None, names: tuple[str, ...]) -> LikelyProblem:
    found = _corners(matched.found.xyxy[one])
    return LikelyProblem(
        kind=kind,
        split="",
        id="",
        row=-1,
        box=found if about is None else _corners(matched.truth.xyxy[about]),
        labelled="" if about is None else names[int(matched.truth.labels[about])],
        found=names[int(matched.found.labels[one])],
        score=float(matched.found.scores[one]),
        found_box=found,
        overlap=float(matched.overlap[one].max(initial=0.0) if about is None else matched.overlap[one, about]),
    )


def _corners(box: torch.Tensor) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (round(side, 1) for side in box.tolist())
    return x1, y1, x2, y2
