"""The report's files in a run folder, each written whole or not at all."""

from collections.abc import Mapping
from pathlib import Path

from clearsight.files import durable
from clearsight.report.model_card import markdown
from clearsight.report.page import html
from clearsight.types import Card, Question


def write(card: Card, folder: Path) -> tuple[Path, ...]:
    """Write ``report.html`` and ``model-card.md`` into the run folder and return their paths.

    Both are made before the first is written. Raises ValueError where the series of a finding does not fit its plot, or
    the folder cannot be written.
    """
    folder = Path(folder)
    texts = {"report.html": html(card, folder), "model-card.md": markdown(card)}
    for name, text in texts.items():
        durable.write_bytes(folder / name, text.encode("utf-8"))
    return tuple(folder / name for name in texts)


def check_new(place: Path | str | None) -> None:
    """Raises ValueError where a page could not be written as a new file; None is no page."""
    if place is not None and Path(place).exists():
        raise ValueError(f"{place} exists. A page is written into a new file: choose another with --out.")


def write_page(card: Card, place: Path, asked: Mapping[Question, str], kind: str, folder: Path | None = None) -> Path:
    """Write the card as one page to ``place``, whole or not at all; its pictures are read from ``folder``.

    Raises ValueError where the series of a finding does not fit its plot, or the place cannot be written.
    """
    page = html(card, place.parent if folder is None else folder, asked, kind)
    durable.write_named(place, page.encode("utf-8"))
    return place
