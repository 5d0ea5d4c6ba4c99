"""YOLO text files: one line ``class x y w h`` or one polygon per object, in shares of the picture.

Polygons become boxes where boxes are wanted, masks where instances are, and are drawn over a class "background" where
class maps are.

``data.yaml`` (or any ``*.yaml`` with ``names``) declares the classes and the folders of pictures of each split; without
one, ``classes.txt`` names the classes and ``images/<split>`` or ``<split>/images`` are the folders. Labels lie in
``labels/`` where the pictures lie in ``images/``, or beside them.

A picture without a text file, or with an empty one, is a picture without objects: so it is in this format. A text file
without a picture is a missing picture. Declared folders may be, or lie behind, symbolic links and may be siblings of
the data folder (``../images``), no further; pictures may not leave them. A declared folder that is absent is noted.
Where two splits declare the same folder it is read once, as "train".
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.ops import masks
from clearsight.sources.annotations import references
from clearsight.sources.annotations.assembling import assemble
from clearsight.sources.annotations.layout import Draft, Layout, Objects, Request, Row, kind_of
from clearsight.sources.annotations.outlined import OutlinedRow, outlined, with_background
from clearsight.sources.annotations.yolo_config import Config, Place, configured, find_config
from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.samples.records import Source
from clearsight.types import Boxes, ClassMap, Instances

MINIMUM = 5
NOT_LABELS = ("classes.txt", "labels.txt", "README")


@dataclass(frozen=True)
class YoloText:
    """The format as ``clearsight.sources.annotations.layout.Format``."""

    embedded: bool = False
    offers: tuple[type, ...] = (Boxes, Instances, ClassMap)
    looked_for: str = "labels/*.txt with data.yaml or classes.txt (YOLO)"

    def recognises(self, folder: Path) -> bool:
        """Whether there are label files where this format has them."""
        places = [folder / "labels", *(inner / "labels" for inner in sorted(folder.iterdir()) if inner.is_dir())]
        if any(place.is_dir() and next(place.rglob("*.txt"), None) for place in places):
            return True
        declared = find_config(folder)
        return declared is not None and declared.suffix != ".txt" and bool(next(folder.rglob("*.txt"), None))

    def read(self, request: Request) -> Source:
        """The data set; raises DataError with all that is wrong with it."""
        problems = Problems()
        assert request.folder is not None
        kind = kind_of(self, request)
        return assemble(self.layout(request.folder, problems, kind), problems, request, "yolo", kind)

    def layout(self, folder: Path, problems: Problems, kind: type = Boxes) -> Layout:
        """All pictures of all declared folders, their boxes as shares of the picture, or their outlines."""
        config = configured(folder, problems)
        drafts: list[Draft] = []
        labelled = 0
        for place in config.places:
            files = pictures_of(place, problems)
            labels = {label_file(place, path): path for path in files}
            labelled += sum(label.is_file() for label in labels)
            _orphans(place, set(labels), folder, problems)
            for label, path in labels.items():
                drafts.append(_draft(label, path, place, folder, config, problems, kind))
        if not labelled:
            raise DataError(
                f"none of the {len(drafts)} pictures that {shown(config.where)} declares has a label file. "
                f"Looked in: {', '.join(shown(place.labels) for place in config.places)}. "
                "Put one .txt file for each picture with objects there."
            )
        names = with_background(config.class_names) if kind is ClassMap else config.class_names
        return Layout(drafts=drafts, class_names=names)


YOLO = YoloText()


def pictures_of(place: Place, problems: Problems) -> list[Path]:
    """The picture files of a place, each id once."""
    files = references.pictures_in(place.pictures, deep=True) if place.listed is None else place.listed
    first: dict[str, Path] = {}
    kept = []
    for path in files:
        id = str(path.relative_to(place.pictures).with_suffix(""))
        if id in first:
            problems.add("duplicate id", str(path.relative_to(place.pictures)), f"beside {first[id].name}")
            continue
        first[id] = path
        kept.append(path)
    return kept


def label_file(place: Place, picture: Path) -> Path:
    """The text file of a picture's labels, which may not be there."""
    inside = picture.relative_to(place.pictures).with_suffix(".txt")
    beside = picture.with_suffix(".txt")
    return beside if not (place.labels / inside).is_file() and beside.is_file() else place.labels / inside


def _orphans(place: Place, expected: set[Path], folder: Path, problems: Problems) -> None:
    if place.listed is not None or not place.labels.is_dir():
        return
    for label in sorted(place.labels.rglob("*.txt")):
        if label not in expected and not label.name.startswith(NOT_LABELS):
            problems.add("picture missing", _where(label, folder), f"no {label.stem}.* in {place.pictures.name}")


def _draft(
    label: Path, picture: Path, place: Place, folder: Path, config: Config, problems: Problems, kind: type
) -> Draft:
    where = _where(label, folder)
    rows: list[Row] = []
    if label.is_file():
        try:
            lines = references.text(label).splitlines()
        except ValueError as error:
            problems.add("unreadable annotation", where, str(error))
            lines = []
        for number, line in enumerate(lines, start=1):
            if line.strip():
                row = _row(line.split(), f"line {number}", where, config, problems)
                rows += [row] if row else []
    return Draft(
        id=picture.relative_to(place.pictures).with_suffix("").as_posix(),
        picture=picture,
        within=place.pictures,
        split=place.split,
        truth=Objects.of(rows, relative=True)
        if kind is Boxes
        else outlined(rows, config.class_names, kind, where, problems, relative=True),
        where=where,
    )


def _row(words: list[str], line: str, where: str, config: Config, problems: Problems) -> Row | None:
    try:
        label, *values = (references.number(word) for word in words)
    except ValueError as error:
        problems.add("coordinate that is no number", where, f"{line}: {error}")
        return None
    if label not in config.ids:
        problems.add("unknown class", where, f"{line}: {words[0]}")
        return None
    if len(words) == MINIMUM:
        x, y, width, height = values
        corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        return Row(corners=corners, label=config.ids[label])
    if len(values) < 6 or len(values) % 2:
        problems.add("line of the wrong length", where, f"{line}: {len(words)} values")
        return None
    xs, ys = values[::2], values[1::2]
    polygon = np.array([xs, ys]).T
    corners = (min(xs), min(ys), max(xs), max(ys))
    return OutlinedRow(corners=corners, label=config.ids[label], area=masks.area(polygon), polygons=(polygon,))


def _where(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
