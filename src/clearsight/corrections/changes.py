"""One corrected label, whatever the format and the task, and the ground truth that is expected with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import torch

from clearsight.sources.problems import DataError, shown
from clearsight.types import IGNORE, Boxes, ClassMap, Label, Labels, State

Corners = tuple[float, float, float, float]
# A label is found again by its class and its box, which formats round: as far as a reader clips.
SAME_PX = 2.5


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A class that a picture bears, or an object of that class in a box (px, x1 y1 x2 y2)."""

    name: str
    box: Corners | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a label of the picture ``id`` was, and what it becomes.

    Without ``before`` a label is added, without ``after`` it is dropped: an object, a label among several, the class of
    an area, or, where a picture has one class, the picture.
    """

    id: str
    before: Mark | None
    after: Mark | None


@singledispatch
def corrected(truth: Any, changes: Sequence[Change], class_names: Sequence[str]) -> Any:
    """The ground truth with these changes; None where the picture is left out.

    Raises DataError where a changed label is not there, or such a truth cannot be changed.
    """
    raise DataError(f"ground truth of the kind {type(truth).__name__} cannot be corrected here.")


@corrected.register
def _(truth: Label, changes: Sequence[Change], class_names: Sequence[str]) -> Label | None:
    change = changes[-1]
    if change.before is None or change.before.name != class_names[truth.index]:
        raise missing(change)
    return None if change.after is None else Label(index=_index(change.after.name, class_names, change))


@corrected.register
def _(truth: Labels, changes: Sequence[Change], class_names: Sequence[str]) -> Labels:
    states = truth.states.clone()
    for change in changes:
        mark = change.after or change.before
        assert mark is not None
        index = _index(mark.name, class_names, change)
        if change.after is None and states[index] != State.PRESENT:
            raise missing(change)
        states[index] = State.ABSENT if change.after is None else State.PRESENT
    return Labels(states=states)


@corrected.register
def _(truth: ClassMap, changes: Sequence[Change], class_names: Sequence[str]) -> ClassMap:
    labels = truth.labels.clone()
    for change in changes:
        if change.before is None or change.after is not None:
            raise DataError(f"{shown(change.id)}: the class of an area can only be dropped, not drawn anew.")
        own = labels == _index(change.before.name, class_names, change)
        if not bool(own.any()):
            raise missing(change)
        labels[own] = IGNORE
    return ClassMap(labels=labels)


@corrected.register
def _(truth: Boxes, changes: Sequence[Change], class_names: Sequence[str]) -> Boxes:
    boxes, labels = truth.xyxy.clone(), truth.labels.clone()
    kept = torch.ones(len(truth), dtype=torch.bool)
    added: list[Mark] = []
    for change in changes:
        if change.before is None:
            assert change.after is not None and change.after.box is not None
            _index(change.after.name, class_names, change)
            added.append(change.after)
            continue
        index = place_of(change, [class_names[label] for label in truth.labels.tolist()], truth.xyxy.tolist(), kept)
        if change.after is None:
            kept[index] = False
            continue
        labels[index] = _index(change.after.name, class_names, change)
        if change.after.box is not None:
            boxes[index] = torch.tensor(change.after.box)
    more = Boxes.of(
        torch.tensor([mark.box for mark in added]).reshape(-1, 4),
        torch.tensor([class_names.index(mark.name) for mark in added], dtype=torch.long),
    )
    return Boxes.of(
        torch.cat([boxes[kept], more.xyxy]),
        torch.cat([labels[kept], more.labels]),
        torch.cat([truth.ignored[kept], more.ignored]),
    )


def place_of(change: Change, names: Sequence[str], boxes: Sequence[Sequence[float]], free: Any) -> int:
    """The index of the object that a change is about: the nearest of its class among those that are ``free``.

    Raises DataError where there is none.
    """
    assert change.before is not None and change.before.box is not None
    wanted = change.before.box
    apart = [
        (max(abs(one - other) for one, other in zip(box, wanted, strict=True)), index)
        for index, (name, box) in enumerate(zip(names, boxes, strict=True))
        if name == change.before.name and free[index]
    ]
    if not apart or min(apart)[0] > SAME_PX:
        raise missing(change)
    return min(apart)[1]


def missing(change: Change) -> DataError:
    """That the label of a change is not in the data as they are now."""
    label = shown(change.before.name) if change.before is not None else "a label"
    where = f" at {_corners(change.before.box)}" if change.before is not None and change.before.box else ""
    return DataError(
        f"{shown(change.id)} has no label {label}{where} any more: the data were changed since the correction. "
        "Restore them, or undo that correction."
    )


def by_picture(changes: Sequence[Change]) -> Mapping[str, list[Change]]:
    """The changes of each picture, in order."""
    found: dict[str, list[Change]] = {}
    for change in changes:
        found.setdefault(change.id, []).append(change)
    return found


def _index(name: str, class_names: Sequence[str], change: Change) -> int:
    if name not in class_names:
        raise DataError(
            f"{shown(change.id)} is to become {shown(name)}, a class that the data do not have. "
            f"They have: {', '.join(map(shown, list(class_names)[:20]))}. Undo that correction."
        )
    return list(class_names).index(name)


def _corners(box: Corners) -> str:
    return " ".join(f"{side:g}" for side in box)
