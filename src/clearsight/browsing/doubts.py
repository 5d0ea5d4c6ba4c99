"""What a person is asked about the labels of a picture: each doubt, and what accepting it changes.

Which pictures have doubts is told by the evaluation alone. Those about boxes are found when the picture is looked at,
since an evaluation keeps no boxes: the network answers once more then, as it does for the drawing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from jaxtyping import Float

from clearsight.corrections.changes import Change, Corners, Mark
from clearsight.drawing import shown
from clearsight.evaluation.close_ups import Matched, match_picture
from clearsight.label_checks import doubted
from clearsight.label_checks.doubted import Doubted
from clearsight.label_checks.page import words as words_of
from clearsight.label_checks.problems import WELL_LOCALISED, LikelyProblem, problems_of
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.detection import ALL, DetectionStatistics
from clearsight.metrics.error_costs import missed, objects
from clearsight.metrics.labels import MultiLabelStatistics
from clearsight.metrics.segmentation import SegmentationStatistics
from clearsight.ops.error_causes import Cause
from clearsight.types import Boxes, Detections, Prediction, Size, Truth

NOT_FOUND = "not found"
Look = Callable[[], tuple[Truth, Prediction | None, Size]]


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A question about one label, in ``words``; ``accept`` is the change if the doubt is right.

    ``dropped`` is the change if neither the label nor the answer is; None where that makes no sense. ``boxes`` are
    those of the label and of the answer, in pixels, where there are any. ``key`` names the label for good.
    """

    key: str
    id: str
    kind: str
    words: str
    proposal: str
    accept: Change
    dropped: Change | None = None
    boxes: tuple[Corners | None, Corners | None] = (None, None)


@singledispatch
def doubted_in(statistics: Any) -> Doubted | None:
    """The labels that an evaluation alone speaks against, found in all of it at once; None for other kinds of truth."""
    return None


doubted_in.register(ClassificationStatistics, doubted.classes)
doubted_in.register(MultiLabelStatistics, doubted.labels)
doubted_in.register(SegmentationStatistics, doubted.areas)


@singledispatch
def strength(statistics: Any) -> Float[np.ndarray, "images"] | None:
    """How strongly the labels of each picture may be doubted, NaN where they are not; None for other kinds of truth."""
    found = doubted_in(statistics)
    return None if found is None else found.strongest(statistics.images)


@strength.register
def _(statistics: DetectionStatistics) -> Float[np.ndarray, "images"] | None:
    """By the most confident box that is wrong or badly placed; 0 where objects are missed and nothing else."""
    if statistics.cause is None:
        return None
    shown_ = (statistics.score >= statistics.threshold) & ~statistics.ignored[ALL, 0]
    matched = statistics.matched[ALL, 0]
    wrong = ~np.isin(statistics.cause, (Cause.NONE, Cause.DUPLICATE))
    chosen = shown_ & (wrong | (matched & (statistics.overlap < WELL_LOCALISED)))
    found = np.full(statistics.images, -np.inf)
    found[objects(statistics)[0][missed(statistics, statistics.threshold)]] = 0.0
    np.maximum.at(found, statistics.row[chosen], statistics.score[chosen].astype(np.float64))
    return np.where(np.isinf(found), np.nan, found)


@singledispatch
def doubts_of(statistics: Any, found: Doubted | None, row: int, id: str, look: Look) -> list[Doubt]:
    """The doubts about the labels of one picture.

    ``found`` is what ``doubted_in`` gives of the evaluation; ``look`` gives the picture's truth, the answer (None
    without) and its size.
    """
    return []


@doubts_of.register
def _(statistics: ClassificationStatistics, found: Doubted, row: int, id: str, look: Look) -> list[Doubt]:
    names, result = statistics.class_names, []
    for place in np.flatnonzero(found.row == row).tolist():
        before, after = (Mark(name=names[int(which[place])]) for which in (found.labelled, found.proposed))
        result.append(
            Doubt(
                key=f"{id}|class",
                id=id,
                kind="wrong class",
                words=f"Labelled {shown(before.name)}, predicted {shown(after.name)} {found.score[place]:.2f}",
                proposal=f"It is {shown(after.name)}",
                accept=Change(id=id, before=before, after=after),
                dropped=Change(id=id, before=before, after=None),
            )
        )
    return result


@doubts_of.register
def _(statistics: MultiLabelStatistics, found: Doubted, row: int, id: str, look: Look) -> list[Doubt]:
    result = []
    for place in np.flatnonzero(found.row == row).tolist():
        name, absent = statistics.class_names[int(found.labelled[place])], bool(found.absent[place])
        mark = Mark(name=name)
        said = ("present", "absent") if absent else ("absent", "present")
        result.append(
            Doubt(
                key=f"{id}|{name}",
                id=id,
                kind="wrong label",
                words=f"{shown(name)} is labelled {said[0]}, predicted {said[1]} {found.score[place]:.2f}",
                proposal=f"{shown(name)} is {said[1]}",
                accept=Change(id=id, before=mark if absent else None, after=None if absent else mark),
            )
        )
    return result


@doubts_of.register
def _(statistics: SegmentationStatistics, found: Doubted, row: int, id: str, look: Look) -> list[Doubt]:
    names, result = statistics.class_names, []
    for place in np.flatnonzero(found.row == row).tolist():
        name, other = (names[int(which[place])] for which in (found.labelled, found.proposed))
        result.append(
            Doubt(
                key=f"{id}|{name}",
                id=id,
                kind="doubted area",
                words=f"Of the area labelled {shown(name)}, {found.score[place]:.0%} is predicted as {shown(other)}",
                proposal=f"Do not judge the area labelled {shown(name)}",
                accept=Change(id=id, before=Mark(name=name), after=None),
            )
        )
    return result


@doubts_of.register
def _(statistics: DetectionStatistics, found: None, row: int, id: str, look: Look) -> list[Doubt]:
    truth, answer, size = look()
    if not (isinstance(truth, Boxes) and isinstance(answer, Detections)):
        return []
    names = statistics.class_names
    matched = match_picture(answer, truth, len(names))
    problems = list(problems_of(matched, statistics.threshold, names))
    boxed = [_of_problem(one, id, size) for one in problems]
    return boxed + _not_found(matched, statistics.threshold, names, id)


def _of_problem(one: LikelyProblem, id: str, size: Size) -> Doubt:
    found, label = _whole(one.found_box, size), Mark(name=one.labelled, box=one.box)
    if one.kind == "missing box":
        accept = Change(id=id, before=None, after=Mark(name=one.found, box=found))
        return Doubt(
            key=_key(id, one.kind, one.found, one.found_box),
            id=id,
            kind=one.kind,
            words=_sentence(words_of(one)),
            proposal=f"Add this {shown(one.found)}",
            accept=accept,
            boxes=(None, one.found_box),
        )
    moved = one.kind == "misplaced box"
    return Doubt(
        key=_key(id, "label", one.labelled, one.box),
        id=id,
        kind=one.kind,
        words=_sentence(words_of(one)),
        proposal="Move it to the detection" if moved else f"It is {shown(one.found)}",
        accept=Change(id=id, before=label, after=Mark(name=one.found, box=found if moved else None)),
        dropped=Change(id=id, before=label, after=None),
        boxes=(one.box, one.found_box),
    )


def _not_found(matched: Matched, least: float, names: Sequence[str], id: str) -> list[Doubt]:
    """Objects that no box shown is right, or nearly right, about: there may be nothing where the label is."""
    free = np.ones(len(matched.truth), dtype=bool)
    shown_ = matched.found.scores.numpy() >= least
    free[matched.met[(matched.met >= 0) & shown_]] = False
    result = []
    for index in np.flatnonzero(free).tolist():
        x1, y1, x2, y2 = (round(side, 1) for side in matched.truth.xyxy[index].tolist())
        name, box = names[int(matched.truth.labels[index])], (x1, y1, x2, y2)
        result.append(
            Doubt(
                key=_key(id, "label", name, box),
                id=id,
                kind=NOT_FOUND,
                words=f"Labelled {shown(name)}, nothing was found there",
                proposal="There is no such object: drop the label",
                accept=Change(id=id, before=Mark(name=name, box=box), after=None),
                boxes=(box, None),
            )
        )
    return result


def _key(id: str, kind: str, name: str, box: Corners) -> str:
    return f"{id}|{kind}|{name}|{' '.join(f'{side:.0f}' for side in box)}"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _whole(box: Corners, size: Size) -> Corners:
    """A box in whole pixels within the picture, of one at least: what every format holds exactly."""
    x1, x2 = _side(box[0], box[2], size[1])
    y1, y2 = _side(box[1], box[3], size[0])
    return (x1, y1, x2, y2)


def _side(low: float, high: float, most: int) -> tuple[float, float]:
    start = min(max(0, round(low)), most - 1)
    return float(start), float(min(max(start + 1, round(high)), most))
