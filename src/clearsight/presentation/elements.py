"""What a laid-out slide is made of: boxes with a place in px on a page of 1280 x 720, which both writers draw."""

from dataclasses import dataclass
from typing import Literal

from clearsight.presentation.fitting import Face
from clearsight.types import Finding

WIDTH, HEIGHT = 1280.0, 720.0
Colour = Literal["ink", "soft", "faint", "blue", "red", "green"]
Align = Literal["left", "right"]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A place: left, top, width and height in px."""

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, kw_only=True)
class Words:
    """Paragraphs in a box, each already short enough; ``title`` marks the one that names the slide."""

    box: Box
    paragraphs: tuple[str, ...]
    size: float
    face: Face = "sans"
    bold: bool = False
    colour: Colour = "ink"
    align: Align = "left"
    gap: float = 0.0
    title: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """A filled bar: a rule where it is thin."""

    box: Box
    colour: Literal["ink", "rule", "red"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell of a table: its lines of text and how they are set."""

    text: str
    size: float
    bold: bool = False
    colour: Colour = "ink"
    align: Align = "left"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells in rows, below each a hairline; ``widths`` of the columns and ``heights`` of the rows fill the box."""

    box: Box
    widths: tuple[float, ...]
    heights: tuple[float, ...]
    rows: tuple[tuple[Cell, ...], ...]
    heading: bool = False


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture that fills its box, which has its shape; ``media`` is its media type, ``alt`` says what it shows."""

    box: Box
    data: bytes
    media: str
    alt: str


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """The plot of a finding in its wide form, in a box of its shape; ``key`` is unique in the deck."""

    box: Box
    finding: Finding
    key: str


Element = Words | Line | Table | Picture | Drawing


@dataclass(frozen=True, kw_only=True)
class Page:
    """A laid-out slide: its elements from back to front, and the speaker's notes."""

    title: str
    elements: tuple[Element, ...]
    notes: tuple[str, ...]
