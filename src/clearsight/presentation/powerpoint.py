"""Laid-out slides as a PowerPoint file: text boxes, tables, pictures and plots that can all be edited."""

import datetime
import io
from collections.abc import Sequence
from typing import Any

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.oxml.xmlchemy import OxmlElement
from pptx.util import Emu, Pt

from clearsight.presentation.elements import HEIGHT, WIDTH, Box, Cell, Drawing, Line, Page, Picture, Table, Words
from clearsight.presentation.paint import RGB, palette
from clearsight.presentation.shapes import EMU_PER_PX, PT_PER_PX, SANS, draw, plain

SERIF = "Georgia"
TITLE_ONLY, BLANK_STYLE = 5, "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"  # a layout; the table style "No Style, No Grid"
_ALIGNS = {"left": PP_ALIGN.LEFT, "right": PP_ALIGN.RIGHT}


def powerpoint(pages: Sequence[Page], title: str, author: str) -> bytes:
    """The bytes of a .pptx file of laid-out slides, 13.3 x 7.5 inches, with the speaker's notes."""
    deck = Presentation()
    deck.slide_width, deck.slide_height = _emu(WIDTH), _emu(HEIGHT)
    about = deck.core_properties
    about.title, about.author, about.last_modified_by = title[:255], author[:255], author[:255]
    about.created = about.modified = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    for page in pages:
        slide = deck.slides.add_slide(deck.slide_layouts[TITLE_ONLY])
        slide.background.fill.solid()
        slide.background.fill.fore_color.rgb = RGBColor(*palette()["paper"])
        slide.shapes.turbo_add_enabled = True
        for element in page.elements:
            _element(slide.shapes, element)
        slide.notes_slide.notes_text_frame.text = "\n".join(page.notes)
    made = io.BytesIO()
    deck.save(made)
    return made.getvalue()


def _emu(px: float) -> Emu:
    return Emu(round(px * EMU_PER_PX))


def _at(box: Box) -> tuple[Emu, Emu, Emu, Emu]:
    return _emu(box.x), _emu(box.y), _emu(box.w), _emu(box.h)


def _element(shapes: Any, element: Any) -> None:
    if isinstance(element, Words):
        _words(shapes, element)
    elif isinstance(element, Line):
        _bar(shapes, element.box, palette()[element.colour])
    elif isinstance(element, Picture):
        picture = shapes.add_picture(io.BytesIO(element.data), *_at(element.box))
        picture._element.nvPicPr.cNvPr.set("descr", element.alt)
    elif isinstance(element, Drawing):
        draw(shapes, element)
    elif isinstance(element, Table):
        _table(shapes, element)


def _bar(shapes: Any, box: Box, colour: RGB) -> None:
    shape = shapes.add_shape(MSO_SHAPE.RECTANGLE, *_at(box))
    shape.fill.solid()
    shape.fill.fore_color.rgb = RGBColor(*colour)
    shape.line.fill.background()
    plain(shape)


def _words(shapes: Any, words: Words) -> None:
    """A text box; the words that name the slide go into its title, which the outline and screen readers use."""
    if words.title:
        shape = shapes.title
        shape.left, shape.top, shape.width, shape.height = _at(words.box)
    else:
        shape = shapes.add_textbox(*_at(words.box))
    frame = shape.text_frame
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    frame.word_wrap, frame.auto_size, frame.vertical_anchor = True, MSO_AUTO_SIZE.NONE, MSO_ANCHOR.TOP
    for place, text in enumerate(words.paragraphs):
        paragraph = frame.paragraphs[0] if place == 0 else frame.add_paragraph()
        paragraph.alignment = _ALIGNS[words.align]
        paragraph.space_before = Pt(0 if place == 0 else words.gap * PT_PER_PX)
        paragraph.space_after = Pt(0)
        _run(paragraph, text, words.size, SERIF if words.face == "serif" else SANS, words.bold, palette()[words.colour])


def _run(paragraph: Any, text: str, size: float, font: str, bold: bool, colour: RGB) -> None:
    run = paragraph.add_run()
    run.text = text
    run.font.name, run.font.size, run.font.bold = font, Pt(size * PT_PER_PX), bold
    run.font.color.rgb = RGBColor(*colour)


def _table(shapes: Any, table: Table) -> None:
    made = shapes.add_table(len(table.rows), len(table.widths), *_at(table.box)).table
    properties = made._tbl.tblPr
    properties.remove(properties.find(f"{{{properties.nsmap['a']}}}tableStyleId"))
    style = OxmlElement("a:tableStyleId")
    style.text = BLANK_STYLE
    properties.append(style)
    made.first_row, made.horz_banding = table.heading, False
    for place, width in enumerate(table.widths):
        made.columns[place].width = _emu(width)
    for place, height in enumerate(table.heights):
        made.rows[place].height = _emu(height)
    for index, row in enumerate(table.rows):
        line = palette()["ink" if table.heading and index == 0 else "hair"]
        for place, cell in enumerate(row):
            _cell(made.cell(index, place), cell, line)


def _cell(cell: Any, content: Cell, line: RGB) -> None:
    cell.margin_left = cell.margin_top = cell.margin_bottom = 0
    cell.margin_right = _emu(12 if content.align == "right" else 0)
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    paragraph = cell.text_frame.paragraphs[0]
    paragraph.alignment = _ALIGNS[content.align]
    _run(paragraph, content.text, content.size, SANS, content.bold, palette()[content.colour])
    below = OxmlElement("a:lnB")
    below.set("w", "9525")
    fill, colour = OxmlElement("a:solidFill"), OxmlElement("a:srgbClr")
    colour.set("val", f"{line[0]:02X}{line[1]:02X}{line[2]:02X}")
    fill.append(colour)
    below.append(fill)
    cell._tc.get_or_add_tcPr().append(below)
