"""One folder of pictures per class, with or without a folder per split around them.

A class is a folder that holds pictures, named by its path: ``cat``, or ``animals/cat`` where folders are nested. Where
all folders at the top are named after splits (train, val, valid, test, ...), the classes are the folders within.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clearsight.sources.annotations import references
from clearsight.sources.annotations.assembling import assemble
from clearsight.sources.annotations.layout import Draft, Layout, Request
from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.samples import pictures
from clearsight.sources.samples.records import SPLIT_WORDS, Source
from clearsight.types import Label, Picture

# Folders that other layouts put pictures, masks and annotations in.
NOT_CLASSES = frozenset(
    {"annotations", "annotation", "imagesets", "jpegimages", "segmentationclass", "segmentationobject"}
    | {"images", "image", "labels", "masks", "mask", "imgs", "img"}
    | {"instances", "pngimages", "pedmasks", "leftimg8bit", "gtfine"}
)
NOT_BESIDE = frozenset({".parquet", ".json", ".yaml", ".yml", ".xml"})


@dataclass(frozen=True)
class ClassFolders:
    """The format as ``clearsight.sources.annotations.layout.Format``."""

    embedded: bool = False
    offers: tuple[type, ...] = (Label,)
    looked_for: str = "one folder of pictures for each class"

    def recognises(self, folder: Path) -> bool:
        """Whether folders hold pictures, and none is named as other layouts name theirs."""
        if not folder.is_dir():
            return False
        roots = roots_of(folder)
        beside = {path.suffix.lower() for path in folder.iterdir() if not path.is_dir()}
        if NOT_BESIDE & beside or any(_holds_pictures(root) for root in (folder, *(root for root, _ in roots))):
            return False
        inner = [path for root, _ in roots for path in _folders(root)]
        if any(path.name.lower() in NOT_CLASSES for path in inner):
            return False
        return any(_is_picture(path) for one in inner for path in one.rglob("*"))

    def read(self, request: Request) -> Source:
        """The data set; raises DataError with all that is wrong with it."""
        problems = Problems()
        assert request.folder is not None
        least = 1 if Picture in request.wanted else 2
        layout = self.layout(request.folder, problems, least)
        return assemble(layout, problems, request, "class-folders", truth=Label)

    def layout(self, folder: Path, problems: Problems, least: int = 2) -> Layout:
        """All pictures with the class of their folder; raises DataError for fewer than ``least`` classes."""
        places = [(root, place, split) for root, split in roots_of(folder) for place in _leaves(root, problems, folder)]
        names = tuple(sorted({place.relative_to(root).as_posix() for root, place, _ in places}))
        if len(names) < least and not problems.faults:
            raise DataError(
                f"{shown(folder)} holds pictures of {'one class only: ' + shown(names[0]) if names else 'no class'}. "
                "Expected one folder for each of at least two classes. Add a folder of pictures of something else."
            )
        index = {name: label for label, name in enumerate(names)}
        drafts: list[Draft] = []
        for root, place, split in places:
            label = Label(index=index[place.relative_to(root).as_posix()])
            drafts += _drafts(references.pictures_in(place), root, split, label, folder)
        return Layout(drafts=drafts, class_names=names)


CLASS_FOLDERS = ClassFolders()


def _drafts(files: list[Path], root: Path, split: str | None, label: Label, folder: Path) -> Iterator[Draft]:
    stems = Counter(path.stem for path in files)
    for path in files:
        id = path.relative_to(root)
        yield Draft(
            id=(id if stems[path.stem] > 1 else id.with_suffix("")).as_posix(),
            picture=path,
            within=folder,
            split=split,
            truth=label,
            where=str(path.relative_to(folder)),
        )


def roots_of(folder: Path) -> list[tuple[Path, str | None]]:
    """The folders whose folders are classes, and their splits."""
    inner = _folders(folder)
    if inner and all(path.name.lower() in SPLIT_WORDS for path in inner):
        return [(path, SPLIT_WORDS[path.name.lower()]) for path in inner]
    return [(folder, None)]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))


def _leaves(root: Path, problems: Problems, folder: Path) -> Iterator[Path]:
    """The folders below that hold pictures; those that hold neither pictures nor folders are faults."""
    for place in _folders(root):
        inner, own = _folders(place), _holds_pictures(place)
        if own:
            yield place
        elif not inner:
            files = sum(1 for path in place.iterdir() if not path.name.startswith("."))
            problems.add("class folder without pictures", str(place.relative_to(folder)), f"{files} other files")
        yield from _leaves(place, problems, folder)


def _holds_pictures(folder: Path) -> bool:
    return any(_is_picture(path) for path in folder.iterdir())


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in pictures.SUFFIXES and not path.name.startswith(".")
