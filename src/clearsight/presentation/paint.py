"""What the elements of a plot are drawn with in PowerPoint: the rules of ``report/plot.css``, by element and class.

Transparent colours are mixed with the paper behind them, so that every program shows the same; only the bands around
curves, which lie over each other, are transparent.
"""

import functools
import re
from dataclasses import dataclass

from clearsight.report.page import stylesheet

RGB = tuple[int, int, int]
BAND = 0.13  # how much of what lies behind a band it covers
SMALL = ("tick", "axis", "note", "hint", "quiet")


@dataclass(frozen=True, kw_only=True)
class Stroke:
    """A line: its colour, its width in px of the drawing, and whether it is dashed."""

    colour: RGB
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Type:
    """How a text is set."""

    colour: RGB
    size: float
    bold: bool = False
    italic: bool = False


@functools.cache
def palette() -> dict[str, RGB]:
    """The light colours of the report by name: "ink", "blue", "tone-0"."""
    found = re.findall(r"--([\w-]+): #([0-9a-f]{6});", stylesheet("colours"))
    return {name: (int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)) for name, code in found}


def mixed(colour: RGB, share: float) -> RGB:
    """A colour on paper, of which only a share covers it."""
    red, green, blue = (
        round(share * one + (1 - share) * paper) for one, paper in zip(colour, palette()["paper"], strict=True)
    )
    return red, green, blue


def type_of(kinds: frozenset[str]) -> Type:
    """The type of a text with these classes."""
    colours, tone = palette(), _tone(kinds)
    name = "ink"
    if kinds & {"tick", "axis", "note", "hint", "few"}:
        name = "faint"
    name = "soft" if "quiet" in kinds else "blue" if "ours" in kinds else "paper" if "strong" in kinds else tone or name
    bold = bool(kinds & {"number", "overall", "ours", "name"})
    return Type(colour=colours[name], size=11.5 if kinds & set(SMALL) else 13.0, bold=bold, italic="few" in kinds)


def stroke_of(kinds: frozenset[str], opacity: float) -> Stroke:
    """The line of an element with these classes."""
    colours = palette()
    if "whisker" in kinds:
        return Stroke(colour=mixed(colours["ink" if "overall" in kinds else "blue"], 0.45), width=3)
    if "reference" in kinds:
        return Stroke(colour=colours["soft"], dashed=True)
    if "expected" in kinds:
        return Stroke(colour=colours["tone-1"], width=2)
    if "stem" in kinds:
        return Stroke(colour=colours["blue"], width=2) if "ours" in kinds else Stroke(colour=colours["grey"])
    if "line" in kinds:
        tone = colours[_tone(kinds) or "tone-0"]
        return Stroke(colour=mixed(tone, opacity), width=2, dashed="again" in kinds)
    return Stroke(colour=colours["hair" if "grid" in kinds else "grey"])


def fill_of(kinds: frozenset[str], opacity: float, on_grey_stem: bool) -> RGB:
    """The area of an element with these classes; the dot at the end of a stem that is not ours is grey."""
    colours = palette()
    if "band" in kinds:
        return colours[_tone(kinds) or "tone-0"]
    if "dot" in kinds:
        grey = on_grey_stem and "ours" not in kinds
        return colours["ink" if "overall" in kinds else "grey" if grey else "blue"]
    if "cell" in kinds:
        name = "blue" if "right" in kinds else "red" if "wrong" in kinds else "hair"
        return mixed(colours[name], opacity)
    if "point" in kinds:
        return colours[_tone(kinds) or "tone-0"]
    return colours["blue" if "ours" in kinds else "grey"]


def _tone(kinds: frozenset[str]) -> str | None:
    return next((kind for kind in kinds if kind.startswith("tone-")), None)
