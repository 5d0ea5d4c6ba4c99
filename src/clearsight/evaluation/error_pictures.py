"""Pictures of each error type for the report: a close-up of the object with prediction and ground truth."""

from collections.abc import Iterator

import numpy as np
import torch

from clearsight import drawing
from clearsight.evaluation.close_ups import Matched, close_up, match_picture
from clearsight.files import encoding
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
        matched = match_picture(found, sample.truth, len(names))
        shown = _shown(matched, cause, statistics.threshold)
        if shown is None:
            continue
        predicted, true = (torch.tensor(which, dtype=torch.long) for which in shown)
        picture = close_up(sample.image, matched.found.select(predicted), matched.truth.select(true), names)
        path = f"examples/error-{cause.name.lower()}-{number}.jpg"
        run.write_file(path, encoding.jpeg(picture))
        caption = f"{_words(matched, cause, *shown, names=names)} ({sample.id})"
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


def _shown(matched: Matched, cause: Cause, threshold: float) -> tuple[list[int], list[int]] | None:
    """The detections and objects to draw for the most confident such error of a picture; None where it has none."""
    scores = matched.found.scores.numpy()
    if cause is Cause.MISSED:
        unmatched = np.ones(len(matched.truth), dtype=bool)
        unmatched[matched.met[(matched.met >= 0) & (scores >= threshold)]] = False
        areas = np.where(unmatched, matched.truth.areas.numpy(), -1.0)
        return ([], [int(areas.argmax())]) if unmatched.any() else None
    errors = np.flatnonzero((matched.cause == cause) & (scores >= threshold))
    if not len(errors):
        return None
    found = int(errors[0])
    if cause is Cause.BACKGROUND:
        return [found], []
    if cause is Cause.DUPLICATE:
        about = int(_of_own_class(matched, found).argmax())
        better = np.flatnonzero((matched.met == about) & (matched.cause == Cause.NONE))
        return [*better[:1].tolist(), found], [about]
    return [found], [int(matched.overlap[found].argmax()) if cause is Cause.BOTH else int(matched.met[found])]


def _of_own_class(matched: Matched, found: int) -> np.ndarray:
    """The overlap of a detection with each object of its class; -1 with the others."""
    return np.where(matched.truth.labels.numpy() == int(matched.found.labels[found]), matched.overlap[found], -1.0)


def _words(matched: Matched, cause: Cause, found: list[int], true: list[int], *, names: tuple[str, ...]) -> str:
    """The error in a few words."""
    is_ = drawing.shown(names[int(matched.truth.labels[true[0]])]) if true else ""
    if cause is Cause.MISSED:
        return f"{is_} missed"
    called = (
        f"{drawing.shown(names[int(matched.found.labels[found[-1]])])} {float(matched.found.scores[found[-1]]):.2f}"
    )
    if cause is Cause.BACKGROUND:
        return f"called {called}, no object is labelled here"
    overlap = matched.overlap[found[-1], true[0]]
    return {
        Cause.CLASS: f"called {called}, is {is_}",
        Cause.LOCATION: f"{called}, IoU {overlap:.2f} with the object",
        Cause.BOTH: f"called {called}, IoU {overlap:.2f} with the {is_}",
        Cause.DUPLICATE: f"{called} again, where a better box is",
    }[cause]
