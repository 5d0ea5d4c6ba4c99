"""The locations of pictures and their instance PNGs, the meaning of ids, and the ids an annotation lists."""

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clearsight.sources.annotations import mask_folders, references
from clearsight.sources.annotations.layout import split_of
from clearsight.sources.annotations.mask_folders import Match, Pair
from clearsight.sources.problems import DataError, Problems, shown

PLAIN = (("images", "instances"),)
PENN_FUDAN = (("PNGImages", "PedMasks"),)
PICTURE_END, IDS_END = "_leftImg8bit.png", "_gtFine_instanceIds.png"
# Cityscapes' published ids of the classes that have instances.
THINGS = {24: "person", 25: "rider", 26: "car", 27: "truck", 28: "bus", 31: "train", 32: "motorcycle", 33: "bicycle"}
THOUSAND = 1000
ONE_CLASS = "object"
COUNTED = re.compile(r"Objects with ground truth\s*:\s*(\d+)")


@dataclass(frozen=True, kw_only=True)
class IdClasses:
    """The meaning of ids: class names, and the class id of each number; None where all objects are of the one class.

    An id from 1000 on may be a class number * 1000 + the object's own. With ``groups``, as in Cityscapes, a class
    number alone is a group of objects that were not separated, and other ids are no objects.
    """

    names: tuple[str, ...]
    numbers: Mapping[int, int] | None = None
    groups: bool = False

    def of(self, id: int) -> int | None:
        """The class id of an object; None where unknown."""
        if self.numbers is None:
            return 0
        return self.numbers.get(id, self.numbers.get(id // THOUSAND) if id >= THOUSAND else None)


@dataclass(frozen=True, kw_only=True)
class Annotated:
    """A picture and its instance PNG; the ``listed`` ids (with their classes, None where unknown) or the number of
    objects, where an annotation states it."""

    match: Match
    listed: Mapping[int, int | None] | None = None
    count: int | None = None
    groups: Mapping[str, str] = field(default_factory=dict)


def recognised(folder: Path) -> bool:
    """Whether the folder is laid out in one of the three ways."""
    cityscapes = (folder / "leftImg8bit").is_dir() and (folder / "gtFine").is_dir()
    return cityscapes or bool(mask_folders.beside(folder, PENN_FUDAN + PLAIN))


def found(folder: Path, problems: Problems) -> tuple[list[Annotated], IdClasses]:
    """All pictures with their instance PNGs, and what the ids mean; raises DataError for lists that are none."""
    if (folder / "gtFine").is_dir():
        numbers = {number: index for index, number in enumerate(THINGS)}
        classes = IdClasses(names=tuple(THINGS.values()), numbers=numbers, groups=True)
        return _cityscapes(folder, problems), classes
    if pairs := mask_folders.beside(folder, PENN_FUDAN):
        matches = _matched(pairs, folder, problems)
        annotated = [Annotated(match=one, count=_counted(one, folder, problems)) for one in matches]
        return annotated, IdClasses(names=("person",))
    pairs = mask_folders.beside(folder, PLAIN)
    if not pairs:
        raise DataError(
            f"no instance PNGs in {shown(folder)}. Looked for: images/ beside instances/, in the folder or in one for "
            "each split; PNGImages/ and PedMasks/; leftImg8bit/ and gtFine/."
        )
    return _plain(folder, _matched(pairs, folder, problems))


def _matched(pairs: list[Pair], folder: Path, problems: Problems) -> list[Match]:
    return [match for pair in pairs for match in mask_folders.matched(pair, folder, problems)]


def _counted(match: Match, folder: Path, problems: Problems) -> int | None:
    """The number of objects stated in the picture's text annotation, if any."""
    path = folder / "Annotation" / f"{match.id}.txt"
    if not path.is_file():
        return None
    try:
        stated = COUNTED.search(references.text(path))
    except ValueError as error:
        problems.add("unreadable annotation", mask_folders.shown_place(path, folder), str(error))
        return None
    return int(stated[1][:9]) if stated else None


def _cityscapes(folder: Path, problems: Problems) -> list[Annotated]:
    annotated = []
    for place in sorted(path for path in (folder / "gtFine").iterdir() if path.is_dir() and split_of(path.name)):
        beside = folder / "leftImg8bit" / place.name
        masks = {_key(path, place, IDS_END): path for path in sorted(place.rglob(f"*{IDS_END}"))}
        pictures = {_key(path, beside, PICTURE_END): path for path in sorted(beside.rglob(f"*{PICTURE_END}"))}
        for key in sorted(pictures.keys() - masks.keys()):
            where = mask_folders.shown_place(pictures[key], folder)
            problems.add("picture without a mask", where, f"looked for {Path(key).name}{IDS_END}")
        for key in sorted(masks.keys() - pictures.keys()):
            where = mask_folders.shown_place(masks[key], folder)
            problems.add("mask without a picture", where, f"looked for {Path(key).name}{PICTURE_END}")
        for key in sorted(masks.keys() & pictures.keys()):
            match = Match(
                id=Path(key).name,
                picture=pictures[key],
                mask=masks[key],
                within=beside,
                within_masks=place,
                split=split_of(place.name),
            )
            city = Path(key).parent.name
            annotated.append(Annotated(match=match, groups={"city": city} if city else {}))
    return annotated


def _key(path: Path, place: Path, end: str) -> str:
    return path.relative_to(place).as_posix().removesuffix(end)


def _plain(folder: Path, matches: list[Match]) -> tuple[list[Annotated], IdClasses]:
    classes = _classes(folder / "classes.csv")
    path = folder / "instances.csv"
    if not path.is_file():
        return [Annotated(match=match) for match in matches], classes
    listed: dict[str, dict[int, int | None]] = defaultdict(dict)
    rows = _rows(path, "picture,id or picture,id,class", (2, 3), 1)
    words = sorted({row[2] for row in rows if len(row) > 2 and row[2]})
    if words:
        classes = IdClasses(names=references.class_names(words, path.name), numbers={})
    known = {name for match in matches for name in _names(match)}
    for picture, id, *word in rows:
        name = references.inner(picture)
        if name is None or name.as_posix() not in known:
            raise DataError(
                f"{path.name} lists {shown(picture)}, which is no picture with an instance PNG. Expected the names of "
                "files in images/. Correct the name, or remove the line."
            )
        listed[name.as_posix()][int(id)] = classes.names.index(word[0]) if words and word and word[0] else None
    return [Annotated(match=match, listed=_of_names(match, listed)) for match in matches], classes


def _names(match: Match) -> tuple[str, str]:
    """What a list may call a picture: its id, or its file."""
    return match.id, match.picture.relative_to(match.within).as_posix()


def _of_names(match: Match, listed: Mapping[str, Mapping[int, int | None]]) -> dict[int, int | None]:
    return {id: label for name in _names(match) for id, label in listed.get(name, {}).items()}


def _classes(path: Path) -> IdClasses:
    if not path.is_file():
        return IdClasses(names=(ONE_CLASS,))
    numbers = {int(id): word for id, word in _rows(path, "id,class", (2,), 0)}
    names = references.class_names(dict.fromkeys(numbers.values()), path.name)
    return IdClasses(names=names, numbers={id: names.index(word) for id, word in numbers.items()})


def _rows(path: Path, expected: str, lengths: tuple[int, ...], number: int) -> list[list[str]]:
    """The lines of a list, without its header; the column ``number`` holds whole numbers from 1."""
    try:
        rows = [[word.strip() for word in row] for row in csv.reader(references.text(path).splitlines(), strict=True)]
    except (ValueError, csv.Error) as error:
        raise DataError(f"{path.name} cannot be read: {error}. Expected lines such as {expected}.") from error
    rows = [row for row in rows if any(row)]
    # A first line without a number is a header.
    rows = rows[1:] if rows and len(rows[0]) > number and not rows[0][number].isdecimal() else rows
    for row in rows:
        if len(row) not in lengths or not re.fullmatch(r"0*[1-9]\d{0,8}", row[number], re.ASCII):
            raise DataError(f"{path.name} holds the line {shown(','.join(row), 60)!r}. Expected lines {expected}.")
    return rows
