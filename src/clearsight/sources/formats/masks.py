"""Pictures beside masks whose values or colours are the classes of the pixels.

``<split>/images`` + ``<split>/masks``, ``images/<split>`` + ``masks/<split>``, ``images`` + ``masks``, ``<split>`` +
``<split>_labels``, ``JPEGImages`` + ``SegmentationClass`` (with the lists of ``ImageSets/Segmentation``), or the
folders a ``config.yaml`` declares. Masks are single-channel pictures of class numbers, or coloured with a table of
colours. What the numbers mean stands in ``classes.txt``, a table or the YAML file (see ``mask_classes``).

255 is ignored. If a plain list names n classes and the only other value in all masks is n, that is taken as
unlabelled and a note says so. Every mask is opened and checked once; class maps are read again when they are needed.
"""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from clearsight.sources.annotations import mask_folders
from clearsight.sources.annotations.assembling import assemble
from clearsight.sources.annotations.class_maps import MaskPicture, labels_of
from clearsight.sources.annotations.layout import Draft, Layout, Request
from clearsight.sources.annotations.mask_classes import MaskClasses, classes_of
from clearsight.sources.annotations.mask_folders import Match
from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.samples import fingerprint, pictures
from clearsight.sources.samples.records import Source
from clearsight.types import ClassMap, Size

OUTSIDE_LIST = "mask value outside the class list"
OUTSIDE_TABLE = "mask colour outside the table"


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A mask file as read once: its size, its hash, and the pixels of each undeclared value."""

    size: Size | None = None
    digest: str = ""
    unknown: dict[str, int] = field(default_factory=dict)
    problem: pictures.PictureError | None = None


@dataclass(frozen=True)
class PicturesAndMasks:
    """The format as ``clearsight.sources.annotations.layout.Format``."""

    embedded: bool = False
    offers: tuple[type, ...] = (ClassMap,)
    looked_for: str = "images/ beside masks/ with classes.txt (class maps)"

    def recognises(self, folder: Path) -> bool:
        """Whether there are folders of pictures with folders of masks."""
        return folder.is_dir() and bool(mask_folders.pairs(folder, Problems()))

    def read(self, request: Request) -> Source:
        """The data set; raises DataError with all that is wrong with it."""
        problems = Problems()
        assert request.folder is not None
        return assemble(self.layout(request.folder, problems), problems, request, "masks", ClassMap)

    def layout(self, folder: Path, problems: Problems) -> Layout:
        """All pictures with their masks, each mask opened once."""
        pairs = mask_folders.pairs(folder, problems)
        if not pairs:
            raise DataError(
                f"no folder of pictures beside a folder of masks in {shown(folder)}. "
                "Looked for: images/ and masks/, in the folder or in one for each split; JPEGImages/ and "
                "SegmentationClass/; config.yaml with images: and masks: for each split."
            )
        classes = classes_of(folder)
        matches = [match for pair in pairs for match in mask_folders.matched(pair, folder, problems)]
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            seen = list(pool.map(lambda match: _look(match, classes), matches))
        classes = _settled(classes, seen, problems)
        drafts = [
            draft
            for match, look in zip(matches, seen, strict=True)
            if (draft := _draft(match, look, classes, folder, problems))
        ]
        return Layout(drafts=drafts, class_names=classes.names)


MASKS = PicturesAndMasks()


def _look(match: Match, classes: MaskClasses) -> Checked:
    if not match.mask.resolve().is_relative_to(match.within_masks.resolve()):
        outside = pictures.PictureError("mask outside the data folder", "by a symbolic link")
        return Checked(problem=outside)
    try:
        data = pictures.content(match.mask)
        labels, unknown = labels_of(data, classes)
    except pictures.PictureError as error:
        return Checked(problem=error)
    height, width = labels.shape
    return Checked(size=(height, width), digest=fingerprint.of_bytes(data), unknown=unknown)


def _settled(classes: MaskClasses, seen: list[Checked], problems: Problems) -> MaskClasses:
    """The classes with the value after the last taken as unlabelled, where it is the only undeclared one."""
    unknown: Counter[str] = Counter()
    for look in seen:
        unknown.update(look.unknown)
    after = len(classes.values)
    if not classes.counted or list(unknown) != [str(after)]:
        return classes
    holding = sum(bool(look.unknown) for look in seen)
    problems.note(
        f"{classes.where} names {after} classes (0 to {after - 1}); the value {after}, in {holding} masks, "
        "was taken as unlabelled and is ignored"
    )
    return classes.without(after)


def _draft(match: Match, look: Checked, classes: MaskClasses, folder: Path, problems: Problems) -> Draft | None:
    where = mask_folders.shown_place(match.mask, folder)
    if look.problem is not None:
        problems.add(look.problem.kind, where, look.problem.detail)
        return None
    named = {str(value) for value in classes.values}
    unknown = {value: count for value, count in look.unknown.items() if value not in named}
    if unknown:
        coloured = any("," in value for value in unknown)
        values = "; ".join(f"{value} ({count} px)" for value, count in list(unknown.items())[:8])
        more = f"; and {len(unknown) - 8} more" if len(unknown) > 8 else ""
        expected = f"{classes.where} has {len(classes.names)} classes"
        problems.add(OUTSIDE_TABLE if coloured else OUTSIDE_LIST, where, f"{values}{more}; {expected}")
        return None
    meaning = [f"{value}:{label}" for part in (classes.values, classes.colours) for value, label in part.items()]
    return Draft(
        id=match.id,
        picture=match.picture,
        within=match.within,
        split=match.split,
        truth=MaskPicture(match.mask, classes, fingerprint.of_words([look.digest, *sorted(meaning)])),
        where=where,
        size=look.size,
    )
