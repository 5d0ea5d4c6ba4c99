"""The report's files in a run folder, each written whole or not at all."""

import os
from pathlib import Path

from clearsight.report.model_card import markdown
from clearsight.report.page import html
from clearsight.types import Card


def write(card: Card, folder: Path) -> tuple[Path, ...]:
    """Write ``report.html`` and ``model-card.md`` into the run folder and return their paths.

    Raises ValueError where the series of a finding does not fit its plot, OSError where the folder cannot be written.
    """
    folder = Path(folder)
    texts = {"report.html": html(card, folder), "model-card.md": markdown(card)}
    return tuple(_replace(folder / name, text) for name, text in texts.items())


def _replace(place: Path, text: str) -> Path:
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        with open(part, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return place
