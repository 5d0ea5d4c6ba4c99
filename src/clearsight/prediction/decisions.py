"""Decisions of a policy as files and drawings: one row for every picture, and a line below each overlay."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from clearsight.prediction.writing import CsvRows, JsonRows, Seen
from clearsight.types import Decision

COLUMNS = ("file_name", "decision", "reason")
COLOURS = {True: "#00664b", False: "#9c4400"}  # white text on either has a contrast above 6
FRAME_LINES = 2


class DecisionTables(contextlib.ExitStack):
    """``decisions.json`` and ``decisions.csv``, a row for each picture; ``add`` as they come."""

    def __init__(self, folder: Path, formats: Sequence[str]) -> None:
        super().__init__()
        self.files: list[JsonRows | CsvRows] = []
        if "json" in formats:
            self.files.append(JsonRows(folder / "decisions.json"))
        if "csv" in formats:
            self.files.append(CsvRows(folder / "decisions.csv", COLUMNS))
        for file in self.files:
            self.callback(file.close)

    def add(self, seen: Seen, decision: Decision) -> None:
        """Write the decision on one picture."""
        for file in self.files:
            file.add(seen.row() | decision.cells())


def with_decision(picture: Image.Image, decision: Decision, *, frame: bool = False) -> Image.Image:
    """The drawn picture with the decision and its reason below; of a ``frame`` always as high as all others."""
    size = max(11, round(max(picture.size) / 44))
    font = ImageFont.load_default(size)
    words = f"{decision.said}: {decision.reason}"
    draw = ImageDraw.Draw(picture)
    lines = _wrapped(words, picture.width - 12, lambda text: draw.textlength(text, font=font))
    if frame:
        lines = [*lines, "", ""][:FRAME_LINES]
    height = round(1.5 * size)
    # Videos have even sides.
    whole = Image.new("RGB", (picture.width, (picture.height + height * len(lines) + 7) // 2 * 2), "black")
    whole.paste(picture, (0, 0))
    draw = ImageDraw.Draw(whole)
    draw.rectangle((0, picture.height, whole.width, whole.height), fill=COLOURS[decision.alone])
    for number, line in enumerate(lines):
        draw.text((6, picture.height + 3 + number * height), line, fill="white", font=font)
    return whole


def _wrapped(words: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """The words in lines of at most that width; a word that is wider has a line of its own."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if not lines[-1] or measure(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
