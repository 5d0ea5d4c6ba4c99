"""COCO JSON: one file of pictures, annotations and categories per split.

``annotations/instances_*.json`` where there are any, else every ``*.json`` with the three lists, in ``annotations/``,
in the folder itself or in folders named after splits. The split comes from the file's name, else from its folder's.
Category ids become class ids in the order of the ids; names identify classes, also between files. "iscrowd" objects are
ignored; areas are kept. A picture without annotations is a picture without objects. Where instances are wanted, the
"segmentation" of each object (polygons or run lengths) is its mask; where class maps are, it is drawn over a class
"background".
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.sources.annotations import coco_outlines, references
from clearsight.sources.annotations.assembling import assemble
from clearsight.sources.annotations.layout import Draft, Layout, Objects, Request, Row, kind_of, split_of
from clearsight.sources.annotations.outlined import OutlinedRow, outlined, with_background
from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.samples.records import Source
from clearsight.types import Boxes, ClassMap, Instances, Size

LISTS = ("images", "annotations", "categories")
ORDER = ("train", "val", "test")


@dataclass(frozen=True)
class CocoJson:
    """The format as ``clearsight.sources.annotations.layout.Format``."""

    embedded: bool = False
    offers: tuple[type, ...] = (Boxes, Instances, ClassMap)
    looked_for: str = "annotations/*.json (COCO)"

    def recognises(self, folder: Path) -> bool:
        """Whether a JSON file in one of the usual places has pictures, annotations and categories."""
        return bool(files_in(folder))

    def read(self, request: Request) -> Source:
        """The data set; raises DataError with all that is wrong with it."""
        problems = Problems()
        assert request.folder is not None
        kind = kind_of(self, request)
        return assemble(self.layout(request.folder, problems, kind), problems, request, "coco", kind)

    def layout(self, folder: Path, problems: Problems, kind: type = Boxes) -> Layout:
        """All pictures of all splits, their boxes in pixels, or their outlines."""
        files = sorted(files_in(folder), key=lambda path: (_rank(_split(path, folder)), path))
        if not files:
            raise DataError(f"no COCO annotations in {shown(folder)}. Looked for: annotations/*.json with {LISTS}.")
        contents = [(path, parsed(path, folder)) for path in files]
        names: list[str] = []
        for path, content in contents:
            names += [name for name in categories(content, _where(path, folder)).values() if name not in names]
        drafts = []
        for path, content in contents:
            drafts += _drafts(content, path, folder, names, problems, kind)
        return Layout(drafts=drafts, class_names=with_background(names) if kind is ClassMap else tuple(names))


COCO = CocoJson()


def files_in(folder: Path) -> list[Path]:
    """The annotation files of a data set."""
    instances = sorted(path for path in (folder / "annotations").glob("instances_*.json") if path.is_file())
    if instances:
        return instances
    places = [folder / "annotations", folder]
    places += sorted(path for path in folder.iterdir() if path.is_dir() and split_of(path.name))
    return [path for place in places for path in sorted(place.glob("*.json")) if _has_lists(path)]


def _has_lists(path: Path) -> bool:
    if not path.is_file():
        return False
    if path.name.startswith("_annotations.coco"):
        return True
    try:
        data = path.read_bytes()
    except OSError:
        # Unreadable, so not recognised: the error of reading then says what was found instead.
        return False
    return all(f'"{name}"'.encode() in data for name in LISTS)


def _split(path: Path, folder: Path) -> str | None:
    return split_of(path.stem) or (split_of(path.parent.name) if path.parent != folder else None)


def pictures_of(path: Path, content: dict[str, Any], folder: Path) -> dict[Path, int | str]:
    """The id of each picture that an annotation file of the data in ``folder`` lists, by the picture's file."""
    images = _images(content, _where(path, folder), Problems())
    places = _places(path, folder, _split(path, folder))
    found: dict[Path, int | str] = {}
    for key, item in images.items():
        name = item.get("file_name")
        inside = references.inner(name) if isinstance(name, str) else None
        file = next((place / inside for place in places if inside and (place / inside).is_file()), None)
        if file is not None:
            found[file] = key
    return found


def _rank(split: str | None) -> int:
    return ORDER.index(split) if split in ORDER else len(ORDER)


def _where(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder))


def parsed(path: Path, folder: Path) -> dict[str, Any]:
    """The content of an annotation file; raises DataError where it is none."""
    where = _where(path, folder)
    try:
        content = json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise DataError(
            f"{where} is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}. "
            "Expected COCO annotations. Export the file again, or repair that line."
        ) from error
    except (ValueError, RecursionError, OSError) as error:
        raise DataError(
            f"{where} cannot be read as JSON: {shown(error)}. Expected COCO annotations in UTF-8. Export it again."
        ) from error
    good = isinstance(content, dict) and all(isinstance(content.get(name), list) for name in LISTS)
    if not good or not all(isinstance(item, dict) for name in LISTS for item in content[name]):
        raise DataError(
            f"{where} is no COCO file of boxes. Expected an object with the lists {', '.join(LISTS)}, each of objects. "
            "Name the format if it is another, such as yolo:FOLDER."
        )
    return content


def categories(content: dict[str, Any], where: str) -> dict[int, str]:
    """Category id -> name, in the order of the ids."""
    ids = [item.get("id") for item in content["categories"]]
    if not all(isinstance(id, int) and not isinstance(id, bool) for id in ids) or len(set(ids)) < len(ids):
        raise DataError(f"the category ids of {where} are not whole numbers, each once. Correct them.")
    ordered = sorted(content["categories"], key=lambda item: item["id"])
    names = references.class_names((item.get("name") for item in ordered), where)
    return dict(zip(sorted(ids), names, strict=True))


def _drafts(
    content: dict[str, Any], path: Path, folder: Path, names: list[str], problems: Problems, kind: type
) -> list[Draft]:
    where = _where(path, folder)
    split = _split(path, folder)
    classes = {id: names.index(name) for id, name in categories(content, where).items()}
    images = _images(content, where, problems)
    rows = _rows(content, images, classes, where, problems, kind is not Boxes)
    places = _places(path, folder, split)
    drafts = []
    for key, item in images.items():
        name = item.get("file_name")
        inside = references.inner(name) if isinstance(name, str) else None
        if inside is None:
            problems.add(references.OUTSIDE, where, f"{key}: {name if isinstance(name, str) else 'no file_name'}")
            continue
        found = [place / inside for place in places if (place / inside).is_file()]
        if not found:
            problems.add("picture missing", where, str(inside))
            continue
        try:
            size = _size(item)
        except ValueError as error:
            problems.add("size that is no number", where, f"{inside}: {error}")
            continue
        place, own = f"{where}, {inside}", rows[key]
        drafts.append(
            Draft(
                id=str(inside.with_suffix("")),
                picture=found[0],
                within=folder,
                split=split,
                truth=Objects.of(own) if kind is Boxes else outlined(own, names, kind, place, problems),
                where=place,
                size=size,
            )
        )
    return drafts


def _images(content: dict[str, Any], where: str, problems: Problems) -> dict[int | str, dict[str, Any]]:
    images: dict[int | str, dict[str, Any]] = {}
    double = set()
    for item in content["images"]:
        id = item.get("id")
        if not isinstance(id, int | str):
            problems.add("picture without an id", where, shown(item.get("file_name")))
        elif id in images:
            double.add(id)
        else:
            images[id] = item
    for id in double:
        # It is ambiguous whose boxes these are.
        problems.add("duplicate id", where, f"{id}: {images.pop(id).get('file_name')} and another picture")
    return images


def _rows(
    content: dict[str, Any],
    images: dict[int | str, dict[str, Any]],
    classes: dict[int, int],
    where: str,
    problems: Problems,
    outlines: bool,
) -> dict[int | str, list[Row]]:
    rows: dict[int | str, list[Row]] = defaultdict(list)
    strays: Counter[str] = Counter()
    known = {item.get("id") for item in content["images"] if isinstance(item.get("id"), int | str)}
    for number, item in enumerate(content["annotations"], start=1):
        image, category = item.get("image_id"), item.get("category_id")
        place = f"annotation {number}"
        if not isinstance(image, int | str) or image not in known:
            strays[shown(image)] += 1
        elif not isinstance(category, int) or category not in classes:
            problems.add("unknown class", where, f"{place}: category_id {shown(category, 40)}")
        elif image in images:
            try:
                row = _row(item, classes[category])
            except ValueError as error:
                problems.add("coordinate that is no number", where, f"{place}: {error}")
                continue
            try:
                rows[image].append(coco_outlines.outlined(row, item, _said(images[image])) if outlines else row)
            except coco_outlines.OutlineError as error:
                problems.add(error.kind, where, f"{place}: {error}")
                rows[image].append(OutlinedRow(**row.__dict__, reported=True))
    for name, count in strays.items():
        problems.add("annotation of no listed picture", where, f"image_id {name}, {count} annotations")
    return rows


def _row(item: dict[str, Any], label: int) -> Row:
    box = item.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise ValueError("no bbox of four numbers")
    x, y, width, height = (references.number(_plain(value)) for value in box)
    area = item.get("area")
    return Row(
        corners=(x, y, x + width, y + height),
        label=label,
        ignored=bool(item.get("iscrowd", 0)),
        area=float("nan") if area is None else references.number(_plain(area)),
    )


def _plain(value: object) -> object:
    # In JSON a number in quotes is a fault, not a number.
    return None if isinstance(value, str) else value


def _size(item: dict[str, Any]) -> Size | None:
    if not item.get("height") or not item.get("width"):
        return None
    return (int(references.number(_plain(item["height"]))), int(references.number(_plain(item["width"]))))


def _said(item: dict[str, Any]) -> Size | None:
    """The size of a picture stated in the file, if it can be read; errors are reported with the picture."""
    try:
        return _size(item)
    except ValueError:
        return None


def _places(path: Path, folder: Path, split: str | None) -> list[Path]:
    """Where the pictures of an annotation file may lie, the most likely folder first."""
    token = next((part for part in path.stem.split("_") if split and split_of(part) == split), split or "")
    words = [word for word in dict.fromkeys([token, split or ""]) if word]
    own = [path.parent] if path.parent not in (folder, folder / "annotations") else []
    named = [folder / outer / word for word in words for outer in ("images", ".", "data")]
    named += [folder / word / "images" for word in words]
    return [place for place in [*own, *named, folder / "images", folder / "data", folder] if place.is_dir()]
