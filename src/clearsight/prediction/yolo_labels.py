"""Labels in the format of YOLO: a text file for each picture, a line for each object."""

import json
from collections.abc import Sequence
from pathlib import Path

from clearsight.prediction.seen import Row, Seen


class YoloFolder:
    """A text file for each picture, a line for each object: class, box or outline in shares of the sides, score."""

    def __init__(self, folder: Path, class_names: Sequence[str]) -> None:
        self.folder = folder
        folder.mkdir()
        names = "".join(f"  {number}: {json.dumps(name)}\n" for number, name in enumerate(class_names))
        (folder / "classes.yaml").write_text(f"names:\n{names}", "utf-8", "backslashreplace")

    def add(self, seen: Seen, rows: Sequence[Row]) -> None:
        """Write the file of one picture, empty where nothing was found."""
        text = "".join(yolo_line(row, seen.size) for row in rows)
        path = self.folder / f"{seen.name}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "ascii")

    def close(self) -> None:
        """Nothing is left open."""


def yolo_line(row: Row, size: tuple[int, int]) -> str:
    """``class cx cy w h score``, or ``class x y x y ... score`` where the row has an ``outline`` of corners in px."""
    height, width = size
    if row.get("outline"):
        numbers = [share for x, y in row["outline"] for share in (x / width, y / height)]
    else:
        x, y, w, h = row["bbox"]
        numbers = [(x + w / 2) / width, (y + h / 2) / height, w / width, h / height]
    return " ".join([str(row["category_id"] - 1), *(f"{number:.6f}" for number in numbers), f"{row['score']:.5f}\n"])
