"""A run as a notebook shows it: its scores with their intervals, its warnings, its cost, a picture, its report."""

import os
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from clearsight.quantities import number
from clearsight.report.opening import opening
from clearsight.report.page import bill
from clearsight.report.pictures import shown
from clearsight.report.svg import tag
from clearsight.report.wording import cells_of, cleaned, visible
from clearsight.types import Card

MOST_SCORES = 5
_KINDS = ("made", "worst", "best", "typical")
# Inline, since a notebook has no style sheet of ours; colours of the text are the notebook's own, light or dark.
_FRAME = "border-top:3px solid currentColor;padding:8px 0 4px;max-width:760px;line-height:1.45"
_CELL = "text-align:left;padding:2px 16px 2px 0;border-bottom:1px solid rgba(128,128,128,.25)"
_WARNING = "border-left:4px solid #c4560f;padding-left:10px;margin:6px 0;font-weight:600"


def html(folder: Path, state: str, card: Card | None) -> str:
    """The run of a folder as HTML, everything in it escaped; ``card`` is None where the run has none yet."""
    name = visible(folder.resolve().name)
    if card is None:
        said = f"{visible(state)}; it has no report yet"
        return str(tag("div", tag("b", name), " ", said, style=_FRAME))
    card = cleaned(card)
    first = opening(card.findings)
    parts = [
        *([tag("div", first, style=_WARNING)] if first else []),
        tag("div", tag("b", card.title), " ", tag("span", f"{name}, {visible(state)}", style="opacity:.7")),
        *[tag("div", warning, style=_WARNING) for warning in card.warnings],
        tag("div", card.summary, style="margin:4px 0"),
        _scores(card),
        *_cost(card),
        *_picture(card, folder),
        *_link(folder),
    ]
    return str(tag("div", *parts, style=_FRAME))


def _scores(card: Card) -> Markup:
    found = [one for one in card.findings if one.question == "what it does" and number(one.value) is not None]
    heads = [tag("th", text, style=_CELL) for text in ("score", "value", "interval", "n")]
    rows = [tag("tr", *[tag("td", text, style=_CELL) for text in cells_of(one)]) for one in found[:MOST_SCORES]]
    return tag("table", tag("tr", *heads), *rows, style="border-collapse:collapse;margin:6px 0") if rows else Markup()


def _cost(card: Card) -> list[Markup]:
    if card.cost is None:
        return []
    (_, time), (_, energy), _, (_, emissions) = bill(card.cost).rows
    stated = "" if card.cost.zone is None else f" {emissions}."
    return [tag("div", f"{time}. {energy}.{stated}", style="opacity:.7")]


def _picture(card: Card, folder: Path) -> list[Markup]:
    """The picture it does worst on, or one that it made."""
    example = next((one for kind in _KINDS for one in card.examples if one.kind == kind), None)
    if example is None:
        return []
    picture = shown(example, folder)
    if picture.source is None:
        return []
    image = Markup('<img src="{}" alt="{}" style="max-width:360px;display:block;margin-top:8px">').format(
        picture.source, picture.caption
    )
    return [image, tag("div", f"{example.kind}: {picture.caption}", style="font-size:90%;opacity:.7")]


def _link(folder: Path) -> list[Markup]:
    page = folder / "report.html"
    if not page.is_file():
        return []
    place = os.path.relpath(page, Path.cwd()) if page.resolve().drive == Path.cwd().drive else str(page.resolve())
    return [tag("a", "The whole report", href=quote(Path(place).as_posix()), target="_blank")]
