"""Files of predictions, written while predicting: JSON, CSV, COCO, YOLO; and a folder that appears when complete.

Rows are mappings of plain values, pictures are named by ``Seen``; nothing here needs torch, so that exported models
write the same files as runs do.
"""

import contextlib
import csv
import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from clearsight.files import durable
from clearsight.prediction.seen import Row as Row
from clearsight.prediction.seen import Seen as Seen
from clearsight.prediction.yolo_labels import YoloFolder
from clearsight.suggestions import did_you_mean

FORMATS = ("json", "csv", "coco", "yolo")
VIDEOS = frozenset({".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".webm", ".wmv"})
OF_OBJECTS = ("coco", "yolo")
OBJECT_COLUMNS = ("category_name", "score", "x1", "y1", "x2", "y2")


def new_folder(folder: str | Path) -> Path:
    """The folder, if nothing is in it yet; raises ValueError otherwise."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is not empty. Predictions need a folder of their own: choose a new one with --out.")
    return folder


@contextlib.contextmanager
def appearing(folder: Path | None) -> Iterator[Path | None]:
    """A temporary folder to write into that is renamed when the block is done, and removed where it fails."""
    if folder is None:
        yield None
        return
    folder = folder.absolute()
    partial = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}{durable.UNFINISHED}")
    try:
        partial.mkdir(parents=True)
        yield partial
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except OSError as error:
        raise ValueError(durable.failure(folder, error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def formats_of(words: Iterable[str], objects: bool) -> tuple[str, ...]:
    """The formats named, each once; raises ValueError for an unknown one, and for COCO or YOLO where none are found."""
    chosen = tuple(dict.fromkeys(word.strip().lower() for word in words if word.strip()))
    for word in chosen:
        if word not in FORMATS:
            raise ValueError(f"there is no format {word!r}. Expected some of {', '.join(FORMATS)}.")
        if word in OF_OBJECTS and not objects:
            raise ValueError(f"the format {word} holds objects, and this model finds none. Choose json or csv.")
    return chosen


def unique_names(stems: Sequence[str]) -> list[str]:
    """Unique file names: the stems, with their number where several would share one."""
    counts = Counter(stem.casefold() for stem in stems)
    taken = {stem for stem, number in counts.items() if number == 1}
    names = []
    for number, stem in enumerate(stems, 1):
        name = stem
        while counts[stem.casefold()] > 1 and (name == stem or name.casefold() in taken):
            name = f"{name}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def class_ids(names: Iterable[str], class_names: Sequence[str]) -> tuple[int, ...]:
    """The ids of the classes of these names; raises ValueError for a class the model was not trained on."""
    return tuple(_class_id(name, class_names) for name in names)


def _class_id(name: str, class_names: Sequence[str]) -> int:
    if name in class_names:
        return class_names.index(name)
    hint = did_you_mean(name, class_names, f"Classes: {', '.join(class_names)}.")
    raise ValueError(f"there is no class {name!r}. {hint}")


def object_rows(
    xyxy: Sequence[Sequence[float]], scores: Sequence[float], labels: Sequence[int], class_names: Sequence[str]
) -> list[dict[str, Any]]:
    """Objects as COCO results: lists of boxes ``x1 y1 x2 y2`` in px, scores and class ids from 0, best first."""
    return [
        {
            "category_id": label + 1,
            "category_name": class_names[label],
            "bbox": [round(x1, 2), round(y1, 2), round(x2 - x1, 2), round(y2 - y1, 2)],
            "score": round(score, 5),
        }
        for (x1, y1, x2, y2), score, label in zip(xyxy, scores, labels, strict=True)
    ]


class JsonRows:
    """A JSON list, one row a line, written row by row."""

    def __init__(self, path: Path) -> None:
        self.file = open(path, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
        self.opening = "[\n"

    def add(self, row: Row) -> None:
        """Write one row."""
        # File names may hold lone surrogates, which UTF-8 cannot encode: in JSON these become its own escapes.
        self.file.write(self.opening + json.dumps(row, ensure_ascii=False))
        self.opening = ",\n"

    def close(self) -> None:
        """End the list."""
        self.file.write("[]\n" if self.opening == "[\n" else "\n]\n")
        self.file.close()


class CsvRows:
    """A CSV table written row by row; its columns are those of the first row, or ``columns`` where there is none."""

    def __init__(self, path: Path, columns: Sequence[str], leading: Sequence[str] = ()) -> None:
        self.file = open(path, "w", encoding="utf-8", errors="backslashreplace", newline="")  # noqa: SIM115
        self.writer = csv.writer(self.file)
        self.columns, self.leading, self.begun = tuple(columns), tuple(leading), False

    def add(self, row: Row) -> None:
        """Write one row, its nested values as cells of their own."""
        cells = flat(row)
        if not self.begun:
            self.columns = tuple(dict.fromkeys([*self.leading, *cells]))
            self._begin()
        self.writer.writerow([cell(cells.get(name, "")) for name in self.columns])

    def _begin(self) -> None:
        self.writer.writerow([cell(name) for name in self.columns])
        self.begun = True

    def close(self) -> None:
        """End the table, which has a line of column names even where it holds nothing."""
        if not self.begun:
            self.columns = tuple(dict.fromkeys([*self.leading, *self.columns]))
            self._begin()
        self.file.close()


def flat(row: Row) -> dict[str, Any]:
    """A row as cells: boxes as corners at the end, mappings as cells of their own, lists as text; no masks, no ids."""
    cells: dict[str, Any] = {}
    for name, value in sorted(row.items(), key=lambda item: item[0] == "bbox"):
        if name == "bbox":
            x, y, width, height = value
            cells |= {"x1": x, "y1": y, "x2": round(x + width, 2), "y2": round(y + height, 2)}
        elif name in ("image_id", "category_id", "segmentation"):
            continue
        elif isinstance(value, Mapping):
            cells |= value
        else:
            cells[name] = "; ".join(map(str, value)) if isinstance(value, list | tuple) else value
    return cells


def cell(value: Any) -> Any:
    """Text that a spreadsheet does not evaluate as a formula; other values as they are."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


class CocoFile:
    """A COCO file with images, annotations and categories, which annotation tools and pycocotools load."""

    def __init__(self, path: Path, class_names: Sequence[str]) -> None:
        self.path, self.class_names, self.count = path, class_names, 0
        self.images, self.objects = JsonRows(path), JsonRows(path.with_suffix(".annotations"))
        self.images.opening = '{"images": [\n'

    def add(self, seen: Seen, rows: Sequence[Row]) -> None:
        """Write one picture and its objects."""
        height, width = seen.size
        self.images.add({"id": seen.image_id, "file_name": seen.file_name, "height": height, "width": width} | {
            name: value for name, value in seen.row().items() if name in ("frame", "time_s")
        })  # fmt: skip
        for row in rows:
            self.count += 1
            kept = {name: row[name] for name in ("category_id", "bbox", "score", "segmentation", "area") if name in row}
            area = {"area": round(row["bbox"][2] * row["bbox"][3], 2), "iscrowd": 0}
            self.objects.add({"id": self.count, "image_id": seen.image_id, **area, **kept})

    def close(self) -> None:
        """Put the annotations and categories behind the images."""
        self.objects.close()
        categories = [{"id": number, "name": name} for number, name in enumerate(self.class_names, 1)]
        file = self.images.file
        if self.images.opening != ",\n":
            file.write(self.images.opening)
        file.write('\n],\n"annotations": ')
        with open(self.objects.file.name, encoding="utf-8") as annotations:
            shutil.copyfileobj(annotations, file)
        file.write(f',\n"categories": {json.dumps(categories, ensure_ascii=False)}\n}}\n')
        file.close()
        Path(self.objects.file.name).unlink()


class _Closing(Protocol):
    def close(self) -> None: ...


class Tables:
    """All files of rows of one prediction: ``add`` the rows of each picture; the files are complete once closed.

    ``frames`` says whether some rows are of frames of a video; ``objects`` whether the rows are objects.
    """

    def __init__(
        self, folder: Path, formats: Sequence[str], class_names: Sequence[str], *, frames: bool, objects: bool
    ) -> None:
        leading = ("file_name", "frame", "time_s") if frames else ("file_name",)
        columns = OBJECT_COLUMNS if objects else ()
        self.json = JsonRows(folder / "predictions.json") if "json" in formats else None
        self.csv = CsvRows(folder / "predictions.csv", columns, leading) if "csv" in formats else None
        self.coco = CocoFile(folder / "coco.json", class_names) if "coco" in formats else None
        self.yolo = YoloFolder(folder / "labels", class_names) if "yolo" in formats else None

    def add(self, seen: Seen, rows: Sequence[Row]) -> None:
        """Write the rows of one picture; ``outline`` of a row is for YOLO alone."""
        for row in rows:
            whole = seen.row() | {name: value for name, value in row.items() if name != "outline"}
            for of_rows in (self.json, self.csv):
                if of_rows is not None:
                    of_rows.add(whole)
        for of_pictures in (self.coco, self.yolo):
            if of_pictures is not None:
                of_pictures.add(seen, rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        files: list[_Closing | None] = [self.json, self.csv, self.coco, self.yolo]
        with contextlib.ExitStack() as stack:
            for file in files:
                if file is not None:
                    stack.callback(file.close)
