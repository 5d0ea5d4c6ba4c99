"""Corrected COCO files: annotations changed, added and dropped; everything else stays as it is."""

import json
from pathlib import Path
from typing import Any

from clearsight.corrections.changes import Change, Corners, place_of
from clearsight.corrections.copies import Copy
from clearsight.files import durable
from clearsight.sources.formats.coco import categories, files_in, parsed, pictures_of
from clearsight.sources.problems import DataError, shown
from clearsight.types import Instances


def write(copy: Copy) -> None:
    """Change the annotations of each picture in the file that lists it."""
    wanted = {copy.picture(id): changes for id, changes in copy.changes.items()}
    for path in files_in(copy.place):
        content = parsed(path, copy.place)
        images = pictures_of(path, content, copy.place)
        own = {images[picture]: changes for picture, changes in wanted.items() if picture in images}
        if not own:
            continue
        ids = {name: id for id, name in categories(content, str(path.name)).items()}
        for image, changes in own.items():
            _change(content, image, changes, ids, copy.kind)
        _write(path, content)


def _change(content: dict[str, Any], image: int | str, changes: list[Change], ids: dict[str, int], kind: type) -> None:
    names = {id: name for name, id in ids.items()}
    items = [
        item
        for item in content["annotations"]
        if item.get("image_id") == image and item.get("category_id") in names and isinstance(item.get("bbox"), list)
    ]
    of_class = [names[item["category_id"]] for item in items]
    boxes = [_corners(item["bbox"]) for item in items]
    free = [True] * len(items)
    for change in changes:
        after = change.after
        if change.before is None:
            if kind is Instances:
                raise DataError(f"{shown(change.id)}: an object with an outline cannot be added from a box alone.")
            assert after is not None and after.box is not None
            number = max((item["id"] for item in content["annotations"] if isinstance(item.get("id"), int)), default=0)
            item = {"id": number + 1, "image_id": image, "category_id": ids[after.name], "iscrowd": 0}
            content["annotations"].append(item | _placed(after.box))
            continue
        index = place_of(change, of_class, boxes, free)
        free[index] = False
        item = items[index]
        if after is None:
            content["annotations"] = [one for one in content["annotations"] if one is not item]
            continue
        item["category_id"] = ids[after.name]
        if after.box is not None:
            if kind is Instances:
                raise DataError(f"{shown(change.id)}: an object with an outline cannot be moved by its box. Drop it.")
            item.pop("segmentation", None)  # the outline of another place
            item.update(_placed(after.box))


def _corners(bbox: list[float]) -> Corners:
    x, y, width, height = bbox
    return (x, y, x + width, y + height)


def _placed(box: Corners) -> dict[str, Any]:
    x1, y1, x2, y2 = box
    return {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}


def _write(path: Path, content: dict[str, Any]) -> None:
    durable.write_bytes(path, json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogateescape"))
