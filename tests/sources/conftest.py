"""Writers of small data sets in each format, independent of the readers."""

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest
from PIL import Image

Box = tuple[str, float, float, float, float]


@dataclass(frozen=True)
class Item:
    """One picture to write: stem, (height, width), boxes as name and 0-based corners, split."""

    id: str
    size: tuple[int, int] = (40, 60)
    boxes: tuple[Box, ...] = (("cat", 5, 6, 25, 30),)
    split: str = "train"
    difficult: tuple[int, ...] = field(default=())


class Writers:
    """What writes each format."""

    names = ("voc", "coco", "yolo")

    def picture(self, path: Path, size: tuple[int, int] = (40, 60)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(random.Random(str(path)).getrandbits(32)).integers(0, 256, (4, 4, 3), np.uint8)
        image = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BICUBIC)
        image.save(path)
        return path

    def write(self, format: str, folder: Path, items: list[Item]) -> Path:
        getattr(self, format)(folder, items)
        return folder

    def xml(self, item: Item, filename: str | None = None, size: tuple[int, int] | None = None) -> str:
        objects = "".join(
            f"<object><name>{escape(name)}</name><difficult>{int(i in item.difficult)}</difficult><bndbox>"
            f"<xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
            for i, (name, x1, y1, x2, y2) in enumerate(item.boxes)
        )
        height, width = size or item.size
        return (
            f"<annotation><filename>{filename or item.id + '.png'}</filename>"
            f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>{objects}</annotation>"
        )

    def voc(self, folder: Path, items: list[Item]) -> None:
        (folder / "Annotations").mkdir(parents=True, exist_ok=True)
        (folder / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
        for item in items:
            self.picture(folder / "JPEGImages" / f"{item.id}.png", item.size)
            (folder / "Annotations" / f"{item.id}.xml").write_text(self.xml(item), encoding="utf-8")
        for split in {item.split for item in items}:
            lines = "".join(f"{item.id}\n" for item in items if item.split == split)
            (folder / "ImageSets" / "Main" / f"{split}.txt").write_text(lines)

    def coco(self, folder: Path, items: list[Item]) -> None:
        names = sorted({box[0] for item in items for box in item.boxes})
        ids = {name: 7 * index + 3 for index, name in enumerate(names)}
        (folder / "annotations").mkdir(parents=True, exist_ok=True)
        for split in {item.split for item in items}:
            images, annotations = [], []
            for number, item in enumerate((item for item in items if item.split == split), start=10):
                self.picture(folder / split / f"{item.id}.png", item.size)
                height, width = item.size
                images.append({"id": number, "file_name": f"{item.id}.png", "height": height, "width": width})
                for index, (name, x1, y1, x2, y2) in enumerate(item.boxes):
                    annotations.append(
                        {
                            "id": len(annotations) + 1,
                            "image_id": number,
                            "category_id": ids[name],
                            "bbox": [x1, y1, x2 - x1, y2 - y1],
                            "area": (x2 - x1) * (y2 - y1) / 2,
                            "iscrowd": int(index in item.difficult),
                        }
                    )
            categories = [{"id": ids[name], "name": name} for name in reversed(names)]
            content = {"images": images, "annotations": annotations, "categories": categories}
            (folder / "annotations" / f"instances_{split}2017.json").write_text(json.dumps(content))

    def yolo(self, folder: Path, items: list[Item]) -> None:
        names = sorted({box[0] for item in items for box in item.boxes})
        lines = ["path: .", "names:", *(f"  {index}: {json.dumps(name)}" for index, name in enumerate(names))]
        for split in sorted({item.split for item in items}):
            lines.append(f"{split}: images/{split}")
        for item in items:
            self.picture(folder / "images" / item.split / f"{item.id}.png", item.size)
            label = folder / "labels" / item.split / f"{item.id}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            height, width = item.size
            label.write_text(
                "".join(
                    f"{names.index(name)} {(x1 + x2) / 2 / width!r} {(y1 + y2) / 2 / height!r} "
                    f"{(x2 - x1) / width!r} {(y2 - y1) / height!r}\n"
                    for name, x1, y1, x2, y2 in item.boxes
                )
            )
        (folder / "data.yaml").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(scope="session")
def writers() -> Writers:
    return Writers()


@pytest.fixture(scope="session")
def item() -> type[Item]:
    return Item


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("CLEARSIGHT_CACHE", str(folder))
    monkeypatch.delenv("CLEARSIGHT_CACHE_GB", raising=False)
    return folder
