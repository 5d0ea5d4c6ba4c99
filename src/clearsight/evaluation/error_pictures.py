"""Pictures of each kind of error for the report: the object close up, what was said of it, and what is true."""

import io
from collections.abc import Iterator

import numpy as np
import torch

from clearsight import drawing
from clearsight.evaluation.close_ups import Looked, close_up, look
from clearsight.inference.predictor import Predictor
from clearsight.metrics.detection import DetectionStatistics
from clearsight.metrics.error_costs import CAUSES, missed, objects
from clearsight.ops.error_causes import Cause
from clearsight.run import Run
from clearsight.types import Boxes, Dataset, Detections, Evidence, Example

EACH = 3
TITLES = {
    Cause.CLASS: "Wrong class",
    Cause.LOCATION: "Poor localisation",
    Cause.BOTH: "Wrong class, poor localisation",
    Cause.DUPLICATE: "Duplicate",
    Cause.BACKGROUND: "Background",
    Cause.MISSED: "Missed",
}


def error_pictures(run: Run, dataset: Dataset, judged: Evidence, predictor: Predictor) -> list[Example]:
    """Up to three close-ups of each cause of error, the most confident first, written into the run folder."""
    statistics = judged.statistics
    if not isinstance(statistics, DetectionStatistics) or statistics.cause is None:
        return []
    names, examples = run.config.class_names, []
    for cause, row, number in _picked(statistics):
        sample = dataset[row]
        (found,) = predictor([sample.image])
        if not (isinstance(found, Detections) and isinstance(sample.truth, Boxes)):
            continue
        looked = look(found, sample.truth, len(names))
        shown = _shown(looked, cause, statistics.threshold)
        if shown is None:
            continue
        said, true = (torch.tensor(which, dtype=torch.long) for which in shown)
        picture = close_up(sample.image, looked.found.select(said), looked.truth.select(true), names)
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=88)
        path = f"examples/error-{cause.name.lower()}-{number}.jpg"
        run.write_file(path, file.getvalue())
        caption = f"{_words(looked, cause, *shown, names=names)} ({sample.id})"
        examples.append(Example(path=path, caption=caption, kind="error", about=TITLES[cause]))
    return examples


def _picked(statistics: DetectionStatistics) -> Iterator[tuple[Cause, int, int]]:
    """For each cause the pictures with its most confident errors, numbered from 1; of missed ones any."""
    assert statistics.cause is not None
    for cause in CAUSES:
        if cause is Cause.MISSED:
            rows = objects(statistics)[0][missed(statistics, statistics.threshold)]
        else:
            errors = np.flatnonzero((statistics.cause == cause) & (statistics.score >= statistics.threshold))
            rows = statistics.row[errors[np.argsort(-statistics.score[errors], kind="stable")]]
        for number, row in enumerate(list(dict.fromkeys(rows.tolist()))[:EACH], 1):
            yield cause, row, number


def _shown(looked: Looked, cause: Cause, threshold: float) -> tuple[list[int], list[int]] | None:
    """The detections and objects to draw for the gravest such error of a picture; None where it has none."""
    scores = looked.found.scores.numpy()
    if cause is Cause.MISSED:
        free = np.ones(len(looked.truth), dtype=bool)
        free[looked.met[(looked.met >= 0) & (scores >= threshold)]] = False
        areas = np.where(free, looked.truth.areas.numpy(), -1.0)
        return ([], [int(areas.argmax())]) if free.any() else None
    errors = np.flatnonzero((looked.cause == cause) & (scores >= threshold))
    if not len(errors):
        return None
    said = int(errors[0])
    if cause is Cause.BACKGROUND:
        return [said], []
    if cause is Cause.DUPLICATE:
        about = int(_of_own_class(looked, said).argmax())
        better = np.flatnonzero((looked.met == about) & (looked.cause == Cause.NONE))
        return [*better[:1].tolist(), said], [about]
    return [said], [int(looked.overlap[said].argmax()) if cause is Cause.BOTH else int(looked.met[said])]


def _of_own_class(looked: Looked, said: int) -> np.ndarray:
    """The overlap of a detection with each object of its class; -1 with the others."""
    return np.where(looked.truth.labels.numpy() == int(looked.found.labels[said]), looked.overlap[said], -1.0)


def _words(looked: Looked, cause: Cause, said: list[int], true: list[int], *, names: tuple[str, ...]) -> str:
    """The error in a few words."""
    is_ = drawing.shown(names[int(looked.truth.labels[true[0]])]) if true else ""
    if cause is Cause.MISSED:
        return f"{is_} missed"
    called = f"{drawing.shown(names[int(looked.found.labels[said[-1]])])} {float(looked.found.scores[said[-1]]):.2f}"
    if cause is Cause.BACKGROUND:
        return f"called {called}, nobody labelled an object here"
    overlap = looked.overlap[said[-1], true[0]]
    return {
        Cause.CLASS: f"called {called}, is {is_}",
        Cause.LOCATION: f"{called}, IoU {overlap:.2f} with the object",
        Cause.BOTH: f"called {called}, IoU {overlap:.2f} with the {is_}",
        Cause.DUPLICATE: f"{called} again, where a better box is",
    }[cause]
