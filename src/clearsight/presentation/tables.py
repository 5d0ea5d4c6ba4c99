"""Tables laid out: columns that share the width, rows that share the height, cells shortened to what is left."""

from collections.abc import Sequence

from clearsight.presentation.elements import Align, Box, Cell, Table
from clearsight.presentation.fitting import LINE, cut, fitted, lines_of, measured
from clearsight.presentation.slides import Grid

NAME_PX, MOST_NAME = 18.0, 250.0
FACT_SIZES = (22.0, 20.0, 18.0, 16.0)
PAD = 14.0  # above and below the text of a row, together
GUTTER = 18.0
HEADING_PX, CELL_PX = 16.0, 19.0
HEADING, ROW = 34.0, 46.0


def facts_table(facts: Sequence[tuple[str, str]], box: Box) -> Table:
    """Names at the left, texts of several lines at the right; the longest texts give way where room is short."""
    names = min(max((measured(name, NAME_PX) for name, _ in facts), default=0.0) + GUTTER + 4, MOST_NAME)
    width = box.w - names - 4
    size = FACT_SIZES[-1]
    for size in FACT_SIZES:
        texts = [lines_of(text, width, size) for _, text in facts]
        if _height(texts, size) <= box.h:
            break
    while _height(texts, size) > box.h:
        longest = max(texts, key=len)
        if len(longest) == 1:  # so many facts that even one line each is too much
            texts.pop()
            continue
        short, _ = fitted(" ".join(longest), (width, (len(longest) - 1) * size * LINE), (size,))
        longest[:] = lines_of(short, width, size)[: len(longest) - 1]
    rows = tuple(
        (
            Cell(text=cut(name, names - GUTTER, NAME_PX), size=NAME_PX, colour="faint"),
            Cell(text=" ".join(text), size=size),
        )
        for (name, _), text in zip(facts, texts, strict=False)
    )
    heights = tuple(max(1, len(text)) * size * LINE + PAD for text in texts)
    place = Box(x=box.x, y=box.y, w=box.w, h=sum(heights))
    return Table(box=place, widths=(names, box.w - names), heights=heights, rows=rows)


def _height(texts: Sequence[Sequence[str]], size: float) -> float:
    return sum(max(1, len(text)) * size * LINE + PAD for text in texts)


def grid_table(body: Grid, box: Box) -> Table:
    """One line of text to a cell, the first column in bold, numbers at the right."""
    wanted = [
        max(measured(heading, HEADING_PX), *(measured(row[column], CELL_PX, bold=column == 0) for row in body.rows))
        + GUTTER
        + 1
        for column, heading in enumerate(body.headings)
    ]
    widths = shares(wanted, box.w)
    headings = tuple(
        Cell(text=cut(text, width - GUTTER, HEADING_PX), size=HEADING_PX, colour="faint", align=_side(numeric))
        for text, width, numeric in zip(body.headings, widths, body.numeric, strict=True)
    )
    rows = [
        tuple(_cell(*one) for one in zip(row, widths, body.numeric, range(len(row)), strict=True)) for row in body.rows
    ]
    row = min(ROW, (box.h - HEADING) / max(1, len(rows)))
    heights = (HEADING, *[row] * len(rows))
    place = Box(x=box.x, y=box.y, w=box.w, h=sum(heights))
    return Table(box=place, widths=widths, heights=heights, rows=(headings, *rows), heading=True)


def _cell(text: str, width: float, numeric: bool, column: int) -> Cell:
    bold = column == 0
    return Cell(text=cut(text, width - GUTTER, CELL_PX, bold=bold), size=CELL_PX, bold=bold, align=_side(numeric))


def _side(numeric: bool) -> Align:
    return "right" if numeric else "left"


def shares(wanted: Sequence[float], room: float) -> tuple[float, ...]:
    """Widths that fill the room: what is spare goes to the first column; what lacks is taken from the widest ones."""
    spare = room - sum(wanted)
    if spare >= 0:
        return (wanted[0] + spare, *wanted[1:])
    low, high = 0.0, max(wanted)
    for _ in range(60):  # the width that none may exceed, so that all have room
        most = (low + high) / 2
        low, high = (low, most) if sum(min(width, most) for width in wanted) > room else (most, high)
    return tuple(min(width, low) for width in wanted)
