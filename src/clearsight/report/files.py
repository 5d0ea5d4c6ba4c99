"""The report's files in a run folder, each written whole or not at all."""

from pathlib import Path

from clearsight.files import durable
from clearsight.report.model_card import markdown
from clearsight.report.page import html
from clearsight.types import Card


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
