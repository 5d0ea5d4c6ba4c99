"""The locations of a data set's pictures and masks, and the mask of each picture."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from clearsight.sources.annotations import references
from clearsight.sources.annotations.layout import split_of
from clearsight.sources.annotations.mask_classes import config_of, parsed
from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.samples.records import SPLIT_WORDS

FOLDERS = (("images", "masks"), ("images", "labels"), ("images", "annotations"), ("JPEGImages", "SegmentationClass"))
ENDINGS = ("_L", "_mask", "_masks", "_label", "_labels", "_gt")
LOSSLESS = frozenset({".png", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm"})
LISTS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A folder of pictures and the folder of their masks; where not ``strict``, pictures may have no mask.

    ``splits`` names the split of each id where there are lists; pictures that are on none are left out.
    """

    pictures: Path
    masks: Path
    split: str | None = None
    strict: bool = True
    splits: dict[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Match:
    """A picture and its mask, and the folders neither may leave."""

    id: str
    picture: Path
    mask: Path
    within: Path
    within_masks: Path
    split: str | None


def pairs(folder: Path, problems: Problems) -> list[Pair]:
    """The folders of pictures with their folders of masks, by split; raises DataError for an invalid declaration."""
    config = config_of(folder)
    declared = _declared(config, folder, problems) if config else []
    if declared:
        return declared
    named = [
        Pair(pictures=place, masks=folder / f"{place.name}_labels", split=split_of(place.name))
        for place in _splits(folder)
    ]
    return beside(folder, FOLDERS) + [pair for pair in named if _holds_masks(pair.masks)]


def beside(folder: Path, names: Sequence[tuple[str, str]]) -> list[Pair]:
    """Folders of pictures and of masks with such names, in the folder, within its splits or with splits within."""
    found = [
        Pair(pictures=place / images, masks=place / masks, split=split_of(place.name))
        for place in _splits(folder)
        for images, masks in names
    ]
    for images, masks in names:
        inside = sorted((folder / images).iterdir()) if (folder / images).is_dir() else []
        split = [path for path in inside if path.is_dir() and split_of(path.name)]
        found += [
            Pair(pictures=path, masks=folder / masks / path.name, split=split_of(path.name)) for path in split
        ] or [_whole(folder, images, masks)]
    return [pair for pair in found if pair.pictures.is_dir() and _holds_masks(pair.masks)]


def matched(pair: Pair, folder: Path, problems: Problems) -> list[Match]:
    """The pictures of a pair of folders with their masks, by name; what has no partner is a problem or a note."""
    pictures = _by_id(pair.pictures, problems, folder)
    masks = _by_id(pair.masks, problems, folder)
    for id in [id for id in masks if id not in pictures]:
        short = next((id.removesuffix(end) for end in ENDINGS if id.endswith(end)), id)
        if short in pictures and short not in masks:
            masks[short] = masks.pop(id)
    wanted = pictures.keys() if pair.splits is None else pair.splits.keys()
    for id in sorted(wanted - masks.keys()) if pair.strict or pair.splits is not None else ():
        where = shown_place(pictures[id], folder) if id in pictures else id
        problems.add("picture without a mask", where, f"looked in {shown_place(pair.masks, folder)}")
    unmatched = sorted(masks.keys() - pictures.keys())
    for id in unmatched:
        problems.add("mask without a picture", shown_place(masks[id], folder), f"looked for {PurePosixPath(id).name}.*")
    left_out = len(pictures) - len((pictures.keys() & masks.keys()) if pair.splits is None else pair.splits)
    if left_out > 0 and not pair.strict:
        problems.note(f"{left_out} pictures of {pair.pictures.name} have no mask, or are on no list, and were left out")
    return [
        Match(
            id=id,
            picture=pictures[id],
            mask=masks[id],
            within=pair.pictures,
            within_masks=pair.masks,
            split=pair.split if pair.splits is None else pair.splits[id],
        )
        for id in sorted(wanted & pictures.keys() & masks.keys())
    ]


def shown_place(path: Path, folder: Path) -> str:
    """The path for messages: relative to the data folder where it lies inside."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _splits(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and split_of(path.name))


def _whole(folder: Path, images: str, masks: str) -> Pair:
    """One folder of pictures for all splits; in Pascal VOC's many have no mask, and lists name those that have."""
    voc = masks == "SegmentationClass"
    return Pair(pictures=folder / images, masks=folder / masks, strict=not voc, splits=_lists(folder) if voc else None)


def _lists(folder: Path) -> dict[str, str] | None:
    splits: dict[str, str] = {}
    for name in LISTS:
        path = folder / "ImageSets" / "Segmentation" / f"{name}.txt"
        if path.is_file():
            try:
                ids = references.text(path).split()
            except ValueError as error:
                raise DataError(f"{path.name} cannot be read: {error}. Expected one picture id a line.") from error
            splits |= {id: name for id in ids if id not in splits}
    return splits or None


def _holds_masks(folder: Path) -> bool:
    return folder.is_dir() and any(path.suffix.lower() in LOSSLESS for path in folder.rglob("*"))


def _by_id(folder: Path, problems: Problems, root: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in references.pictures_in(folder, deep=True):
        id = path.relative_to(folder).with_suffix("").as_posix()
        if id in found:
            problems.add("duplicate id", shown_place(path, root), f"beside {found[id].name}")
        else:
            found[id] = path
    return found


def _declared(config: Path, folder: Path, problems: Problems) -> list[Pair]:
    content = parsed(config)
    found = []
    for word, split in SPLIT_WORDS.items():
        entry = content.get(word)
        if not isinstance(entry, dict):
            continue
        places = [_place(entry.get(kind), folder, config.name) for kind in ("images", "masks")]
        if not all(place.is_dir() for place in places):
            problems.note(f"{config.name} declares {word}: folders that do not exist")
            continue
        # A folder of pictures that other kinds of annotation share may hold more than have a mask.
        strict = places[0].is_relative_to(folder)
        found.append(Pair(pictures=places[0], masks=places[1], split=split, strict=strict))
    return found


def _place(entry: object, folder: Path, where: str) -> Path:
    """A declared folder, in the data folder or beside it."""
    steps = PurePosixPath(str(entry or "").replace("\\", "/"))
    place = Path(os.path.normpath(folder / steps))
    if not entry or steps.is_absolute() or not place.is_relative_to(folder.parent):
        raise DataError(
            f"{where} declares the folder {shown(entry)!r}. Expected images: and masks: for each split, as relative "
            f"paths in or beside {shown(folder.name)}."
        )
    return place
