"""Corrected YOLO text files: lines changed, added and dropped; all other lines stay as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight.corrections.changes import Change, Corners, place_of
from clearsight.corrections.copies import Copy
from clearsight.files import durable
from clearsight.sources.annotations import references
from clearsight.sources.annotations.yolo_config import Config, configured
from clearsight.sources.formats.yolo import label_file, pictures_of
from clearsight.sources.problems import DataError, Problems, shown
from clearsight.types import Instances, Size


@dataclass(frozen=True, kw_only=True)
class Line:
    """One object of a label file: which line, its class, its box in pixels, and whether it has an outline."""

    number: int
    name: str
    box: Corners
    outlined: bool


def write(copy: Copy) -> None:
    """Change the label file of each picture."""
    config = configured(copy.place, Problems())
    labels = {
        picture: label_file(place, picture) for place in config.places for picture in pictures_of(place, Problems())
    }
    for id, changes in copy.changes.items():
        size = copy.records[id].size
        assert size is not None
        _write(labels[copy.picture(id)], changes, size, config, copy.kind)


def _write(path: Path, changes: Sequence[Change], size: Size, config: Config, kind: type) -> None:
    text = references.text(path).splitlines() if path.is_file() else []
    lines = [line for number, words in enumerate(text) if (line := _line(number, words, size, config))]
    free = [True] * len(lines)
    new: dict[int, str | None] = {}
    added = []
    for change in changes:
        if change.before is None:
            if kind is Instances:
                raise DataError(f"{shown(change.id)}: an object with an outline cannot be added from a box alone.")
            assert change.after is not None and change.after.box is not None
            added.append(_words(change.after.name, change.after.box, size, config))
            continue
        index = place_of(change, [line.name for line in lines], [line.box for line in lines], free)
        free[index] = False
        new[lines[index].number] = _changed(text[lines[index].number], lines[index], change, size, config)
    kept = [new.get(number, line) for number, line in enumerate(text)]
    content = [line for line in [*kept, *added] if line is not None]
    path.parent.mkdir(parents=True, exist_ok=True)
    durable.write_bytes(path, "".join(f"{line}\n" for line in content).encode("utf-8"))


def _changed(text: str, line: Line, change: Change, size: Size, config: Config) -> str | None:
    after = change.after
    if after is None:
        return None
    if after.box is None:
        return " ".join([_number(after.name, config), *text.split()[1:]])
    if line.outlined:
        raise DataError(f"{shown(change.id)}: the outline of an object cannot be moved by its box. Drop it instead.")
    return _words(after.name, after.box, size, config)


def _line(number: int, text: str, size: Size, config: Config) -> Line | None:
    """The object of a line; None for a line without one, which the reader reports."""
    words = text.split()
    try:
        label, *values = (references.number(word) for word in words)
    except ValueError:
        return None
    if label not in config.ids or len(words) < 5 or (len(words) > 5 and len(words) % 2 == 0):
        return None
    if len(words) == 5:
        x, y, width, height = values
        shares = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    else:
        shares = (min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2]))
    high, wide = size
    box = (shares[0] * wide, shares[1] * high, shares[2] * wide, shares[3] * high)
    return Line(number=number, name=config.class_names[config.ids[label]], box=box, outlined=len(words) > 5)


def _words(name: str, box: Corners, size: Size, config: Config) -> str:
    (x1, y1, x2, y2), (high, wide) = box, size
    shares = ((x1 + x2) / 2 / wide, (y1 + y2) / 2 / high, (x2 - x1) / wide, (y2 - y1) / high)
    return " ".join([_number(name, config), *(f"{share:.10g}" for share in shares)])


def _number(name: str, config: Config) -> str:
    index = config.class_names.index(name)
    return f"{next(number for number, place in config.ids.items() if place == index):g}"
