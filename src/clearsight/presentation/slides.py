"""What a slide is: a kicker, a sentence, one thing to see, and what the speaker should know."""

from dataclasses import dataclass

from clearsight.report.pictures import Shown
from clearsight.types import Finding


@dataclass(frozen=True, kw_only=True)
class Opening:
    """The first slide: what the deck is about in a sentence or two, and who stands behind it."""

    summary: str
    signed: str


@dataclass(frozen=True, kw_only=True)
class Statements:
    """Sentences one below the other; ``grave`` for what must be read before any score."""

    items: tuple[str, ...]
    grave: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Names and what they say, as two columns; with a picture beside them where there is one."""

    rows: tuple[tuple[str, str], ...]
    picture: Shown | None = None


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table: headings, rows of cells, which columns hold numbers, and how many rows were left out."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    left_out: int = 0


@dataclass(frozen=True, kw_only=True)
class Plotted:
    """A finding with a plot: the number in large, what stands behind it, and the plot of ``finding``."""

    finding: Finding
    value: str | None
    behind: tuple[str, ...]
    verdict: str = ""
    reading: str = ""


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Pictures of the run with their captions."""

    pictures: tuple[Shown, ...]


Body = Opening | Statements | Facts | Grid | Plotted | Gallery


@dataclass(frozen=True, kw_only=True)
class Slide:
    """One slide; ``notes`` are paragraphs for the speaker: every number with its n, interval, method and limits."""

    kicker: str
    title: str
    body: Body
    notes: tuple[str, ...] = ()
