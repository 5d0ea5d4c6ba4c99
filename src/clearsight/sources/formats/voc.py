"""Pascal VOC: one XML file of boxes per picture, and a list of pictures per split.

Coordinates are 1-based and include their last pixel, so ``xmin = xmax`` is a box one pixel wide. Where any corner of
the set is below 1 it cannot be so counted: the whole set is then taken as 0-based corner points, and a note says so.

A picture belongs to the XML file of its own name, whatever ``<filename>`` says, unless only ``<filename>`` names a
picture. Pictures without an XML file are not annotated and left out (a note counts them); pictures that a list names
must have one. An XML file without objects is a picture without objects. "difficult" objects are ignored.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from clearsight.sources.annotations import references
from clearsight.sources.annotations.assembling import assemble
from clearsight.sources.annotations.layout import Draft, Layout, Objects, Request, Row, split_of
from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.samples.records import Source
from clearsight.types import Boxes, Size

XML_FOLDERS = ("Annotations", "annotations", ".")
PICTURE_FOLDERS = ("JPEGImages", "images", "Images", ".")
LISTS = ("train", "val", "trainval", "test")
SECOND_COLUMN = re.compile(r"\s+(-1|0|1)$")
CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """One XML file as it stands: file name, size, and class name, corners and "difficult" of each object."""

    path: Path
    filename: str
    size: Size | None
    names: tuple[str, ...] = ()
    corners: tuple[tuple[float, ...], ...] = ()
    difficult: tuple[bool, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Part:
    """One folder of XML files, the folders its pictures may lie in, and the split it stands for, if any."""

    xmls: list[Path]
    folders: list[Path]
    split: str | None = None


@dataclass(frozen=True, kw_only=True)
class Match:
    """An annotation, its picture and its split."""

    annotation: Annotation
    picture: Path
    split: str | None


@dataclass(frozen=True)
class PascalVoc:
    """The format as ``clearsight.sources.annotations.layout.Format``."""

    embedded: bool = False
    offers: tuple[type, ...] = (Boxes,)
    looked_for: str = "Annotations/*.xml (Pascal VOC)"

    def recognises(self, folder: Path) -> bool:
        """Whether there are XML files in Annotations/, in the folder itself, or in folders named after splits."""
        return bool(_parts(folder))

    def read(self, request: Request) -> Source:
        """The data set; raises DataError with all that is wrong with it."""
        problems = Problems()
        assert request.folder is not None
        return assemble(self.layout(request.folder, problems), problems, request, "voc")

    def layout(self, folder: Path, problems: Problems) -> Layout:
        """All annotated pictures, their boxes in pixels, 0-based."""
        matches = matches_in(folder, problems)
        annotations = [match.annotation for match in matches]
        names = tuple(sorted({name for annotation in annotations for name in annotation.names}))
        if not names and not problems.faults:
            raise DataError(
                f"no annotation in {shown(folder)} holds an object. "
                "Expected <object> elements with <name> and <bndbox>. Add them, or export the files again."
            )
        shift = shift_of(annotations, problems)
        drafts = [
            Draft(
                id=match.picture.stem,
                picture=match.picture,
                within=folder,
                split=match.split,
                truth=_objects(match.annotation, names, shift),
                where=str(match.annotation.path.relative_to(folder)),
                size=match.annotation.size,
            )
            for match in matches
        ]
        return Layout(drafts=drafts, class_names=names)


VOC = PascalVoc()


def matches_in(folder: Path, problems: Problems) -> list[Match]:
    """Every readable annotation with its picture and split."""
    lists = _lists(folder, problems)
    return [match for part in _parts(folder) for match in _matched(part, folder, lists, problems)]


def _parts(folder: Path) -> list[Part]:
    whole = _part(folder, None)
    if whole:
        return [whole]
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and split_of(path.name))
    return [part for path in inner if (part := _part(path, split_of(path.name)))]


def _part(folder: Path, split: str | None) -> Part | None:
    for name in XML_FOLDERS:
        place = folder / name
        if not place.is_dir():
            continue
        xmls = sorted(path for path in place.iterdir() if path.suffix.lower() == ".xml" and path.name[0] != ".")
        # Outside a folder named for it, an XML file may be anything.
        if xmls and (name != "." or any(_is_annotation(path) for path in xmls[:5])):
            return Part(xmls=xmls, folders=[folder / inner for inner in PICTURE_FOLDERS] + [place], split=split)
    return None


def _is_annotation(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return b"<annotation" in file.read(4096)


def _matched(part: Part, root: Path, lists: dict[str, str], problems: Problems) -> list[Match]:
    """Each readable annotation with its picture and split; with lists, only what they name."""
    files = [
        path for folder in dict.fromkeys(part.folders) if folder.is_dir() for path in references.pictures_in(folder)
    ]
    by_stem: dict[str, Path] = {}
    for path in files:
        first = by_stem.setdefault(path.stem, path)
        if first.parent == path.parent and first != path and (path.stem in lists or not lists):
            problems.add("duplicate id", str(path.relative_to(root)), f"beside {first.name}")
    by_name = {path.name: path for path in reversed(files)}
    matches = []
    xmls = [xml for xml in part.xmls if not lists or xml.stem in lists]
    for xml in xmls:
        where = str(xml.relative_to(root))
        annotation = _annotation(xml, where, problems)
        picture = _picture(annotation, where, by_stem, by_name, problems) if annotation else None
        if annotation and picture:
            split = lists.get(xml.stem, part.split)
            matches.append(Match(annotation=annotation, picture=picture, split=split))
    for id in sorted(lists.keys() - {xml.stem for xml in xmls}):
        problems.add("picture without an annotation", f"ImageSets/Main/{lists[id]}.txt", id)
    if len(xmls) < len(part.xmls):
        count = len(part.xmls) - len(xmls)
        problems.note(f"{count} annotations are in no list of ImageSets/Main and were left out")
    unannotated = by_stem.keys() - {xml.stem for xml in part.xmls} - {match.picture.stem for match in matches}
    if unannotated:
        problems.note(f"{len(unannotated)} pictures have no annotation file and were left out")
    return matches


def _picture(
    annotation: Annotation, where: str, by_stem: dict[str, Path], by_name: dict[str, Path], problems: Problems
) -> Path | None:
    named = references.inner(annotation.filename) if annotation.filename else None
    if annotation.filename and named is None:
        problems.add(references.OUTSIDE, where, annotation.filename)
        return None
    own = by_stem.get(annotation.path.stem)
    other = (by_name.get(named.name) or by_stem.get(named.name)) if named else None
    if own and other and own != other:
        problems.add("two pictures for one annotation", where, f"{own.name} by its name, {other.name} by its text")
        return None
    if not own and not other:
        problems.add("picture missing", where, named.name if named else annotation.path.stem)
    return own or other


def _annotation(path: Path, where: str, problems: Problems) -> Annotation | None:
    kind = "unreadable annotation"
    try:
        if path.stat().st_size > references.BYTE_LIMIT:
            raise ValueError("far too long")
        root = fromstring(path.read_bytes(), forbid_dtd=True)
    except DefusedXmlException as error:
        problems.add("annotation with entities or a document type (refused)", where, type(error).__name__)
        return None
    except (ParseError, ValueError, LookupError, OSError) as error:
        problems.add(kind, where, str(error))
        return None
    try:
        size = _size(root)
    except ValueError as error:
        problems.add("size that is no number", where, str(error))
        return None
    names, corners, difficult = [], [], []
    for index, item in enumerate(root.findall("object")):
        name = (item.findtext("name") or "").strip()
        try:
            box = tuple(references.number(item.findtext(f"bndbox/{corner}")) for corner in CORNERS)
        except ValueError as error:
            problems.add("coordinate that is no number", where, f"object {index + 1}: {error}")
            continue
        if not name:
            problems.add("unknown class", where, f"object {index + 1} has no name")
            continue
        names.append(name)
        corners.append(box)
        difficult.append((item.findtext("difficult") or "0").strip() not in ("0", "", "false", "False"))
    return Annotation(
        path=path,
        filename=(root.findtext("filename") or "").strip(),
        size=size,
        names=tuple(names),
        corners=tuple(corners),
        difficult=tuple(difficult),
    )


def _size(root: Element) -> Size | None:
    words = (root.findtext("size/height"), root.findtext("size/width"))
    if not all(words):
        return None
    height, width = (int(references.number(word)) for word in words)
    # Some tools write 0 where the size is unknown.
    return (height, width) if height and width else None


def _lists(folder: Path, problems: Problems) -> dict[str, str]:
    """Picture id -> split from ImageSets/Main, or nothing; "trainval" counts only where train and val are absent."""
    main = folder / "ImageSets" / "Main"
    present = [name for name in LISTS if (main / f"{name}.txt").is_file()]
    if "train" in present or "val" in present:
        present = [name for name in present if name != "trainval"]
    splits: dict[str, str] = {}
    for name in present:
        where = f"ImageSets/Main/{name}.txt"
        try:
            lines = references.text(main / f"{name}.txt").splitlines()
        except ValueError as error:
            raise DataError(f"{where} cannot be read: {error}. Expected one picture id a line.") from error
        for line in filter(str.strip, lines):
            # Some lists have a second column: whether the picture shows a class.
            id = SECOND_COLUMN.sub("", line.strip())
            split = "train" if name == "trainval" else name
            if references.inner(id) is None:
                problems.add(references.OUTSIDE, where, id)
            elif id in splits:
                again = "duplicate id" if splits[id] == split else "picture in two splits"
                problems.add(again, where, f"{id}, also in {splits[id]}")
            else:
                splits[id] = split
    return splits


def shift_of(annotations: list[Annotation], problems: Problems) -> float:
    """What the numbers of a file are too large by, as pixels count here: 1, or 0 where the set counts from 0."""
    return 0.0 if _zero_based(annotations, problems) else 1.0


def _zero_based(annotations: list[Annotation], problems: Problems) -> bool:
    low = [a for a in annotations if any(0 <= value < 1 for box in a.corners for value in box[:2])]
    if low:
        problems.note(
            f"{len(low)} annotations have corners below 1 (first: {shown(low[0].path.name)}): "
            "the whole set is taken as counting pixels from 0"
        )
    return bool(low)


def _objects(annotation: Annotation, names: tuple[str, ...], shift: float) -> Objects:
    rows = []
    for name, box, difficult in zip(annotation.names, annotation.corners, annotation.difficult, strict=True):
        corners = (box[0] - shift, box[1] - shift, box[2], box[3])
        rows.append(Row(corners=corners, label=names.index(name), ignored=difficult))
    return Objects.of(rows)
