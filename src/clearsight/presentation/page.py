"""Laid-out slides as one HTML page: keys go through them, it prints one to a page, and it loads nothing."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from clearsight.presentation.elements import WIDTH, Box, Drawing, Element, Line, Page, Picture, Table, Words
from clearsight.report.page import digest, embedded, stylesheet, templates
from clearsight.report.plots import drawn
from clearsight.report.svg import tag

_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    elements: list[Markup]
    notes: tuple[str, ...]


def html(pages: Sequence[Page], title: str) -> str:
    """The page of laid-out slides: one file with its style and its script, whose policy forbids everything else."""
    rules: list[str] = []
    shown = [
        _Drawn(
            elements=[_element(one, f"e{number}-{place}", rules) for place, one in enumerate(page.elements)],
            notes=page.notes,
        )
        for number, page in enumerate(pages, start=1)
    ]
    style = "".join((stylesheet("colours"), stylesheet("plot"), embedded(_HERE / "slides.css"), *rules))
    script = embedded(_HERE / "slides.js")
    return templates(_HERE).get_template("page.html.jinja").render(
        title=title, pages=shown, style=Markup(style), style_digest=digest(style), script=Markup(script),
        script_digest=digest(script),
    ).lstrip() + "\n"  # fmt: skip


def _element(element: Element, key: str, rules: list[str]) -> Markup:
    """The element, and the rules of its place and sizes: a page that forbids inline styles has them in its sheet."""
    rules.append(f"#{key}{{{_place(element.box)}{_type(element)}}}\n")
    if isinstance(element, Words):
        return _words(element, key, rules)
    if isinstance(element, Line):
        return tag("div", id=key, class_=f"fill-{element.colour}")
    if isinstance(element, Picture):
        source = f"data:{element.media};base64,{base64.b64encode(element.data).decode('ascii')}"
        return tag("div", Markup('<img src="{}" alt="{}">').format(source, element.alt), id=key)
    if isinstance(element, Drawing):
        return tag("div", drawn(element.finding, "wide", element.key), id=key)
    return _table(element, key, rules)


def _place(box: Box) -> str:
    places = {"left": box.x, "top": box.y, "width": box.w, "height": box.h}
    return "".join(f"{name}:{_units(value)};" for name, value in places.items())


def _units(px: float) -> str:
    return f"{100 * px / WIDTH:.3f}cqw"


def _type(element: Element) -> str:
    return f"font-size:{_units(element.size)};" if isinstance(element, Words) else ""


def _words(element: Words, key: str, rules: list[str]) -> Markup:
    kinds = ["words", element.face, element.colour, *(["bold"] if element.bold else []), element.align]
    if element.title:
        return tag("h2", " ".join(element.paragraphs), id=key, class_=" ".join(kinds))
    if element.gap:
        rules.append(f"#{key} p+p{{margin-top:{_units(element.gap)};}}\n")
    return tag("div", *[tag("p", text) for text in element.paragraphs], id=key, class_=" ".join(kinds))


def _table(table: Table, key: str, rules: list[str]) -> Markup:
    columns = [Markup('<col id="{}">').format(f"{key}-c{place}") for place in range(len(table.widths))]
    rules += [f"#{key}-c{place}{{width:{_units(width)};}}\n" for place, width in enumerate(table.widths)]
    rules += [f"#{key}-r{place}{{height:{_units(height)};}}\n" for place, height in enumerate(table.heights)]
    sizes = {cell.size for row in table.rows for cell in row}
    rules += [f"#{key} .s{size:g}{{font-size:{_units(size)};}}\n" for size in sorted(sizes)]
    rows = []
    for place, row in enumerate(table.rows):
        head = table.heading and place == 0
        cells = [
            tag(
                "th" if head else "td", cell.text, scope="col" if head else None,
                class_=" ".join((f"s{cell.size:g}", cell.colour, cell.align, *(["bold"] if cell.bold else []))),
            )
            for cell in row
        ]  # fmt: skip
        rows.append(tag("tr", *cells, id=f"{key}-r{place}"))
    return tag("table", tag("colgroup", *columns), tag("tbody", *rows), id=key)
