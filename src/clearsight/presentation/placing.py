"""A slide laid out: every text, plot, table and picture in a box where it fits."""

import base64
import io
import re
from collections.abc import Sequence

from PIL import Image

from clearsight.presentation.elements import (
    WIDTH,
    Box,
    Colour,
    Drawing,
    Element,
    Line,
    Page,
    Picture,
    Words,
)
from clearsight.presentation.fitting import LINE, cut, fitted, fitted_together, lines_of
from clearsight.presentation.slides import Facts, Gallery, Grid, Opening, Plotted, Slide, Statements
from clearsight.presentation.tables import facts_table, grid_table
from clearsight.report.pictures import Shown
from clearsight.report.plots import drawn
from clearsight.report.wording import VERDICTS

SIDE = 72.0
INNER = WIDTH - 2 * SIDE
TITLE_TOP, FOOT = 80.0, 652.0
TITLES = (38, 34, 30, 27, 24)
BODY = (26, 24, 22, 20, 18)
_VERDICTS: dict[str, Colour] = {VERDICTS["fail"]: "red", VERDICTS["pass"]: "green"}
_MEDIA = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif"}  # PowerPoint does not show the others
LARGEST_PLOT = 1.85  # how much larger than on the page of the report


def placed(slides: Sequence[Slide], name: str) -> tuple[Page, ...]:
    """The slides as pages; ``name`` stands at the foot of each."""
    return tuple(_page(slide, name, index, len(slides)) for index, slide in enumerate(slides, start=1))


def _page(slide: Slide, name: str, index: int, count: int) -> Page:
    elements: list[Element] = [Line(box=Box(x=SIDE, y=36, w=INNER, h=3), colour="ink")]
    kicker = cut(slide.kicker, INNER, 17, bold=True)
    box = Box(x=SIDE, y=48, w=INNER, h=24)
    elements.append(Words(box=box, paragraphs=(kicker,), size=17, bold=True, colour="soft"))
    if isinstance(slide.body, Opening):
        elements += _opening(slide.title, slide.body)
    else:
        title, size = fitted(slide.title, (INNER, 108), TITLES, "serif", bold=True)
        height = len(lines_of(title, INNER, size, "serif", bold=True)) * size * LINE
        box = Box(x=SIDE, y=TITLE_TOP, w=INNER, h=height)
        elements.append(Words(box=box, paragraphs=(title,), size=size, face="serif", bold=True, title=True))
        top = TITLE_TOP + height + 30
        elements += _body(slide, Box(x=SIDE, y=top, w=INNER, h=FOOT - top), f"plot-{index}")
    elements += _foot(name, f"{index} / {count}")
    return Page(title=slide.title, elements=tuple(elements), notes=slide.notes)


def _foot(name: str, place: str) -> list[Element]:
    shown = cut(name, INNER - 120, 14)
    return [
        Words(box=Box(x=SIDE, y=678, w=INNER - 110, h=20), paragraphs=(shown,), size=14, colour="faint"),
        Words(
            box=Box(x=WIDTH - SIDE - 100, y=678, w=100, h=20), paragraphs=(place,), size=14, colour="faint",
            align="right",
        ),
    ]  # fmt: skip


def _opening(title: str, body: Opening) -> list[Element]:
    shown, size = fitted(title, (INNER, 200), (64, 56, 48, 40, 34), "serif", bold=True)
    height = len(lines_of(shown, INNER, size, "serif", bold=True)) * size * LINE
    room = Box(x=SIDE, y=150 + height + 28, w=INNER - 150, h=570 - 150 - height - 28)
    summary, small = fitted(body.summary, (room.w, room.h), (28, 26, 24, 22, 20), "serif")
    signed = Words(box=Box(x=SIDE, y=600, w=INNER, h=28), paragraphs=(cut(body.signed, INNER, 20),), size=20)
    box = Box(x=SIDE, y=150, w=INNER, h=height)
    return [
        Words(box=box, paragraphs=(shown,), size=size, face="serif", bold=True, title=True),
        Words(box=room, paragraphs=(summary,), size=small, face="serif", colour="soft"),
        *([signed] if body.signed else []),
    ]


def _body(slide: Slide, room: Box, key: str) -> list[Element]:
    body = slide.body
    if isinstance(body, Statements):
        return _statements(body, room)
    if isinstance(body, Facts):
        return _facts(body, room)
    if isinstance(body, Grid):
        return _grid(body, room)
    if isinstance(body, Plotted):
        return _plotted(body, room, key)
    assert isinstance(body, Gallery)
    return _gallery(body, room)


def _statements(body: Statements, room: Box) -> list[Element]:
    width, gap = room.w - 28, 16.0
    texts, size, left_out = fitted_together(body.items, (width, room.h - 40), BODY, gap)
    if left_out:
        texts.append(f"And {left_out} more in the report.")
    used = sum(len(lines_of(text, width, size)) for text in texts) * size * LINE + gap * (len(texts) - 1)
    box = Box(x=room.x + 24, y=room.y, w=width + 4, h=used)
    rule = Line(box=Box(x=room.x, y=room.y, w=4, h=used), colour="red" if body.grave else "rule")
    return [rule, Words(box=box, paragraphs=tuple(texts), size=size, gap=gap)]


def _facts(body: Facts, room: Box) -> list[Element]:
    beside = Box(x=room.x + room.w - 400, y=room.y + 6, w=400, h=room.h - 40)
    picture = _fitting(body.picture, beside) if body.picture is not None else []
    box = Box(x=room.x, y=room.y, w=room.w - (440 if picture else 0), h=room.h)
    return [facts_table(body.rows, box), *picture]


def _grid(body: Grid, room: Box) -> list[Element]:
    table = grid_table(body, Box(x=room.x, y=room.y, w=room.w, h=room.h - 34))
    if not body.left_out:
        return [table]
    text = f"{body.left_out} more {'row is' if body.left_out == 1 else 'rows are'} in the report."
    box = Box(x=room.x, y=room.y + table.box.h + 8, w=room.w, h=22)
    return [table, Words(box=box, paragraphs=(text,), size=16, colour="faint")]


def _plotted(body: Plotted, room: Box, key: str) -> list[Element]:
    """At the left the number, what stands behind it, and how to read the plot, which has the rest of the room."""
    column, y = 250.0, room.y
    found: list[Element] = []
    if body.value is not None:
        value, size = fitted(body.value, (column, 76), (60, 52, 44, 36, 28), "serif", bold=True)
        box = Box(x=room.x, y=y, w=column, h=78)
        found.append(Words(box=box, paragraphs=(value,), size=size, face="serif", bold=True, colour="blue"))
        y += 84
    reading, small = fitted(body.reading, (column, 150), (16, 15, 14))
    below = len(lines_of(reading, column, small)) * small * LINE
    texts, size, _ = fitted_together(body.behind, (column, FOOT - y - below - 60), (20, 18, 16), 8)
    used = sum(len(lines_of(text, column, size)) for text in texts) * size * LINE + 8 * (len(texts) - 1)
    box = Box(x=room.x, y=y, w=column, h=used)
    found.append(Words(box=box, paragraphs=tuple(texts), size=size, gap=8, colour="soft"))
    if body.verdict:
        box = Box(x=room.x, y=y + used + 10, w=column, h=26)
        colour = _VERDICTS.get(body.verdict, "soft")
        found.append(Words(box=box, paragraphs=(body.verdict,), size=20, bold=True, colour=colour))
    if reading:
        box = Box(x=room.x, y=FOOT - below, w=column, h=below)
        found.append(Words(box=box, paragraphs=(reading,), size=small, colour="faint"))
    plot = Box(x=room.x + column + 36, y=room.y, w=room.w - column - 36, h=room.h)
    width, height = _size_of(str(drawn(body.finding, "wide", key)))
    scale = min(plot.w / width, plot.h / height, LARGEST_PLOT)
    box = Box(x=plot.x, y=plot.y, w=scale * width, h=scale * height)
    return [*found, Drawing(box=box, finding=body.finding, key=key)]


def _size_of(svg: str) -> tuple[float, float]:
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert found is not None
    return float(found[1]), float(found[2])


def _gallery(body: Gallery, room: Box) -> list[Element]:
    """Pictures side by side, each with its caption below it."""
    count = len(body.pictures)
    columns = count if count <= 3 else 3 if count <= 6 else 4
    lines, caption = -(-count // columns), 46.0
    width, height = (room.w - 28 * (columns - 1)) / columns, (room.h - 14 * (lines - 1)) / lines
    found: list[Element] = []
    for index, picture in enumerate(body.pictures):
        x, y = room.x + index % columns * (width + 28), room.y + index // columns * (height + 14)
        shown = _fitting(picture, Box(x=x, y=y, w=width, h=height - caption))
        text, size = fitted(picture.caption, (width, 40), (16, 15, 14))
        box = Box(x=x, y=shown[0].box.y + shown[0].box.h + 5, w=width, h=41)
        found += [*shown, Words(box=box, paragraphs=(text,), size=size, colour="faint")]
    return found


def _fitting(picture: Shown, room: Box) -> list[Element]:
    """The picture as large as the room allows, in its own shape; or why it is not there."""
    if picture.source is None:
        text, size = fitted(picture.trouble, (room.w, room.h), (18, 16))
        return [Words(box=room, paragraphs=(text,), size=size, colour="faint")]
    data = base64.b64decode(picture.source.partition(",")[2])
    try:
        with Image.open(io.BytesIO(data)) as opened:
            width, height = opened.size
            media = _MEDIA.get(opened.format or "")
            if media is None:
                converted = io.BytesIO()
                opened.convert("RGB").save(converted, "PNG")
                data, media = converted.getvalue(), "image/png"
    except (OSError, ValueError, Image.DecompressionBombError):
        return [Words(box=room, paragraphs=("Its file cannot be read.",), size=18, colour="faint")]
    scale = min(room.w / width, room.h / height)
    box = Box(x=room.x, y=room.y, w=scale * width, h=scale * height)
    return [Picture(box=box, data=data, media=media, alt=picture.caption)]
