"""A data set written anew with corrected labels, in its own format, beside the one it is of, which is not touched.

What was written is read again by the reader of its format and compared with what is expected, label by label, before it
takes its name: a data set that is there is the old one with exactly these corrections.
"""

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight import sources
from clearsight.corrections import class_folders, class_maps, coco_json, picture_tables, voc_xml, yolo_text
from clearsight.corrections.changes import Change, by_picture, corrected
from clearsight.corrections.copies import Copy
from clearsight.files import durable
from clearsight.sources import DataError, Record, Source, records_of
from clearsight.sources.annotations import attributes as tables
from clearsight.sources.problems import listed, shown
from clearsight.sources.samples.clustering import NONE
from clearsight.sources.samples.fingerprint import of_truth
from clearsight.sources.tables.compressed import stem_of
from clearsight.types import Boxes, ClassMap, Instances, Label, Labels

Writer = Callable[[Copy], None]
WRITERS: Mapping[tuple[str, type], Writer] = {
    ("class-folders", Label): class_folders.write,
    ("image-table", Label): picture_tables.write,
    ("image-table", Labels): picture_tables.write,
    ("yolo", Boxes): yolo_text.write,
    ("yolo", Instances): yolo_text.write,
    ("voc", Boxes): voc_xml.write,
    ("coco", Boxes): coco_json.write,
    ("coco", Instances): coco_json.write,
    ("masks", ClassMap): class_maps.write,
}
ROOM = 1.02  # a copy takes what the data take, and a little more


@dataclass(frozen=True, kw_only=True)
class Written:
    """A corrected data set: where it is, and how many labels of how many pictures are other than before."""

    path: str
    changes: int
    pictures: int
    left_out: int


@dataclass(frozen=True, kw_only=True)
class Data:
    """How the data are read that are to be corrected: see ``sources.read``."""

    place: str
    kind: type
    attributes: Path | None = None
    target: str | None = None
    skip_bad: bool = False

    def read(self, place: str | None = None, attributes: Path | None = None) -> Source:
        """The data with the splits of their layout alone, or other data read in the same way."""
        return sources.read(
            self.place if place is None else place,
            attributes=self.attributes if place is None else attributes,
            skip_bad=self.skip_bad,
            held_out=0.0,
            wanted=(self.kind,),
            target=self.target,
            cluster=NONE,
        )


def check_can_be_written(format: str, kind: type) -> None:
    """Raise DataError, naming the formats that can, where corrected data of a format cannot be written."""
    if (format, kind) not in WRITERS:
        known = ", ".join(sorted({name for name, _ in WRITERS}))
        raise DataError(
            f"corrected labels cannot be written as {format} data of this kind. These can: {known} (classes of "
            "pictures, labels, boxes, and masks of which a class is dropped). The decisions are kept in their file."
        )


def write(data: Data, changes: Sequence[Change], out: Path | str | None = None) -> Written:
    """Write the data set with these changes to ``out``, or else beside it as ``NAME-corrected``.

    Raises:
        ValueError: there is nothing to change, ``out`` is not new or lies within the data, the format cannot be
            written, a label is no longer there, the disk is full; nothing is left then.
    """
    if not changes:
        raise ValueError("there is no correction to write: no doubted label was accepted or dropped yet.")
    source = data.read()
    check_can_be_written(source.format, source.truth)
    root = _root(data.place)
    target = Path(os.path.abspath(out)) if out is not None else beside(data.place)
    _check(root, target)
    records = {record.id: record for dataset in source.splits.values() for record in records_of(dataset)}
    chosen = by_picture(changes)
    lost = [shown(id) for id in chosen if id not in records]
    if lost:
        raise DataError(
            f"{len(lost)} corrected pictures are no longer in {shown(root)}:\n{listed(lost)}\nRestore them."
        )
    expected, left_out = _expected(source, records, chosen)
    unfinished = target.parent / f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}{durable.UNFINISHED}"
    try:
        place = _copied(root, unfinished, records)
        attributes = _with_attributes(data, unfinished)
        copy = Copy(
            root=root,
            place=place,
            kind=source.truth,
            class_names=source.class_names,
            records=records,
            changes=chosen,
            target=data.target,
        )
        WRITERS[source.format, source.truth](copy)
        _compare(expected, data.read(f"{source.format}:{place}", attributes))
        os.replace(unfinished, target)
    except OSError as error:
        raise ValueError(durable.failure(target, error)) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Written(path=str(target), changes=len(changes), pictures=len(chosen), left_out=left_out)


def beside(place: str) -> Path:
    """Where corrected data are written unless another folder is named; raises DataError for an embedded set."""
    root = _root(place)
    return root.with_name(f"{stem_of(root) if root.is_file() else root.name}-corrected")


def _root(place: str) -> Path:
    """The folder, or the file of a table, without the format in front of it; raises DataError for an embedded set."""
    for path in (Path(place), Path(place.partition(":")[2])):
        if path.name and path.exists():
            return path.resolve() if ".." in path.parts else path.absolute()
    raise DataError(f"{shown(place)} is embedded, so there is no folder to copy. Its labels cannot be corrected.")


def _check(root: Path, target: Path) -> None:
    """Raise ValueError where the target is there already, lies within the data, or the disk is too small."""
    if target.exists():
        raise ValueError(f"{target} is there already. Corrected data are written to a new folder: choose another.")
    if target.is_relative_to(root):
        raise ValueError(f"{target} lies within the data, which are never changed. Choose a folder outside {root}.")
    if not target.parent.is_dir():
        raise ValueError(f"there is no folder {target.parent} to write {target.name} into. Make it, or choose another.")


def _copied(root: Path, unfinished: Path, records: Mapping[str, Record]) -> Path:
    """A copy of the folder, or of the table and the pictures that it names; where that is. Links are followed."""
    if root.is_dir():
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
        _check_room(size, unfinished.parent)
        shutil.copytree(root, unfinished)
        return unfinished
    pictures = [record.picture for record in records.values() if isinstance(record.picture, Path)]
    _check_room(root.stat().st_size + sum(path.stat().st_size for path in pictures), unfinished.parent)
    unfinished.mkdir()
    shutil.copy2(root, unfinished / root.name)
    for picture in pictures:
        if not picture.is_relative_to(root.parent):
            raise DataError(
                f"{shown(picture)} lies outside the folder of {shown(root.name)}, so a copy would not hold it. Move "
                "the pictures beside the table, or below it."
            )
        place = unfinished / picture.relative_to(root.parent)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(picture, place)
    return unfinished / root.name


def _check_room(size: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if size * ROOM > free:
        raise ValueError(
            f"a copy takes {size / 1e9:.2f} GB, and {free / 1e9:.2f} GB are free in {folder}. Free some space, or "
            "choose another disk."
        )


def _with_attributes(data: Data, unfinished: Path) -> Path | None:
    """The table of attributes in the copy, where one lay elsewhere: the corrected data need no other."""
    if data.attributes is None or tables.beside(unfinished) is not None:
        return None
    name = data.attributes.name
    place = unfinished / f"attributes{name[len(stem_of(data.attributes)) :]}"
    shutil.copy2(data.attributes, place)
    return place


def _expected(
    source: Source, records: Mapping[str, Record], changes: Mapping[str, list[Change]]
) -> tuple[Counter[str], int]:
    """What a reader must find: every picture with its ground truth, those with changes with theirs; how many go."""
    found: Counter[str] = Counter()
    left_out = 0
    for id, record in records.items():
        truth = record.boxes() if source.truth is Instances else record.truth
        if id in changes:
            truth = corrected(truth if source.truth is Instances else record.answer(), changes[id], source.class_names)
        if truth is None:
            left_out += 1
        else:
            found[_told(record, truth, source.class_names)] += 1
    return found, left_out


def _compare(expected: Counter[str], source: Source) -> None:
    """Raise ValueError where the data as read are not what was expected: nothing takes the name of the data then."""
    found: Counter[str] = Counter()
    for dataset in source.splits.values():
        for record in records_of(dataset):
            truth = record.boxes() if source.truth is Instances else record.truth
            word = _told(record, truth, source.class_names)
            if source.truth is ClassMap and word not in expected:  # a mask that was changed: by its pixels
                word = _told(record, record.answer(), source.class_names)
            found[word] += 1
    if found != expected:
        wrong = (expected - found) + (found - expected)
        raise ValueError(
            f"the corrected data did not read back as they should: {sum(wrong.values())} pictures differ. Nothing was "
            "written. The labels may have been changed since they were judged: evaluate the run again."
        )


def _told(record: Record, truth: object, class_names: Sequence[str]) -> str:
    """All that must agree of a picture, in words: its file, split and groups, and its ground truth by class names."""
    about = f"{record.digest} {record.split} {sorted(record.groups.items())}"
    if isinstance(truth, Label):
        return f"{about} {class_names[truth.index]}"
    if isinstance(truth, Labels):
        return f"{about} {sorted(zip(class_names, truth.states.tolist(), strict=True))}"
    if isinstance(truth, Boxes):
        parts = zip(truth.labels.tolist(), truth.xyxy.tolist(), truth.ignored.tolist(), strict=True)
        return f"{about} {sorted((class_names[k], [round(side, 2) + 0.0 for side in box], no) for k, box, no in parts)}"
    return f"{about} {of_truth(truth)}"
