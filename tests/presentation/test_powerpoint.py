"""The PowerPoint file, read back by python-pptx: titles, notes, tables, pictures, and plots as shapes."""

import io
import re

import pytest
from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE

from clearsight.presentation.elements import Drawing, Picture, Table
from clearsight.presentation.paint import fill_of, palette, stroke_of, type_of
from clearsight.presentation.powerpoint import powerpoint
from clearsight.report.page import stylesheet
from clearsight.report.plots import drawn


@pytest.fixture(scope="module")
def pages(card, paged):
    return paged(card)


@pytest.fixture(scope="module")
def opened(pages, card):
    return Presentation(io.BytesIO(powerpoint(pages, card.title, "A. Person")))


def test_every_slide_has_its_title_and_its_notes(opened, pages):
    assert len(opened.slides) == len(pages) and opened.core_properties.author == "A. Person"
    assert (opened.slide_width, opened.slide_height) == (12192000, 6858000)
    for slide, page in zip(opened.slides, pages, strict=True):
        assert slide.shapes.title.text == page.title or slide.shapes.title.text.endswith("…")
        assert slide.notes_slide.notes_text_frame.text == "\n".join(page.notes)


def test_tables_are_tables_and_pictures_have_words(opened, pages):
    for slide, page in zip(opened.slides, pages, strict=True):
        tables = [shape.table for shape in slide.shapes if shape.has_table]
        wanted = [one for one in page.elements if isinstance(one, Table)]
        assert [[[cell.text for cell in row] for row in one.rows] for one in wanted] == [
            [[cell.text for cell in row.cells] for row in table.rows] for table in tables
        ]
        pictures = [shape for shape in slide.shapes if shape.shape_type == MSO_SHAPE_TYPE.PICTURE]
        alts = [shape._element.nvPicPr.cNvPr.get("descr") for shape in pictures]
        assert alts == [one.alt for one in page.elements if isinstance(one, Picture)]


def test_every_mark_of_a_plot_is_a_shape_in_its_place(opened, pages):
    """The oracle is the drawing itself: as many circles, and each text at its place on the slide."""
    seen = 0
    for slide, page in zip(opened.slides, pages, strict=True):
        for drawing in (one for one in page.elements if isinstance(one, Drawing)):
            svg = str(drawn(drawing.finding, "wide", drawing.key))
            ovals = [shape for shape in slide.shapes if "Oval" in shape.name]
            assert len(ovals) == svg.count("<circle")
            left, top = drawing.box.x * 9525, drawing.box.y * 9525
            for oval in ovals:
                assert left - 99 <= oval.left and oval.left + oval.width <= left + drawing.box.w * 9525 + 99
                assert top - 99 <= oval.top and oval.top + oval.height <= top + drawing.box.h * 9525 + 99
            texts = {re.sub("<title>.*?</title>", "", text) for text in re.findall(r"<text[^>]*>(.*?)</text>", svg)}
            assert texts <= {shape.text_frame.text for shape in slide.shapes if shape.has_text_frame}
            seen += 1
    assert seen >= 6


def test_nothing_has_the_shadow_or_the_colours_of_the_theme(opened):
    for slide in opened.slides:
        assert not slide.shapes._spTree.xpath(".//p:style")


def test_the_palette_is_that_of_the_style_sheet():
    assert palette()["blue"] == (0x0F, 0x5F, 0x9E) and palette()["paper"] == (0xFD, 0xFC, 0xF9)
    names = set(re.findall(r"var\(--([\w-]+)\)", stylesheet("plot"))) - {"sans"}
    assert names <= set(palette())


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (type_of(frozenset({"tick"})).size, 11.5),
        (type_of(frozenset({"name", "tone-1"})).colour, palette()["tone-1"]),
        (type_of(frozenset({"label", "ours"})).bold, True),
        (type_of(frozenset({"few"})).italic, True),
        (type_of(frozenset({"number", "inside", "strong"})).colour, palette()["paper"]),
        (stroke_of(frozenset({"reference"}), 1.0).dashed, True),
        (stroke_of(frozenset({"line", "tone-2", "again"}), 1.0).dashed, True),
        (fill_of(frozenset({"dot"}), 1.0, True), palette()["grey"]),
        (fill_of(frozenset({"dot"}), 1.0, False), palette()["blue"]),
        (fill_of(frozenset({"bar", "ours"}), 1.0, False), palette()["blue"]),
        (fill_of(frozenset({"cell", "right"}), 0.0, False), palette()["paper"]),
    ],
)
def test_marks_are_painted_as_the_style_sheet_says(made, wanted):
    assert made == wanted


def test_hostile_text_is_text(hostile_card, paged):
    deck = Presentation(io.BytesIO(powerpoint(paged(hostile_card), "T", "</a:t> & \u202e")))
    shown = "\n".join(shape.text_frame.text for slide in deck.slides for shape in slide.shapes if shape.has_text_frame)
    assert "[U+202E]" in shown and "<script>" in shown
