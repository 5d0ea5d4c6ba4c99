"""A plot as native PowerPoint shapes: the report's own drawing, element by element, so that both look alike.

The drawings hold few sorts of elements (lines, polylines, circles, rectangles, texts); each becomes a connector, a
freeform, an oval, a rectangle or a text box that can be moved, recoloured and edited.
"""

import math
import re
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring
from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_LINE
from pptx.enum.shapes import MSO_CONNECTOR, MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.oxml.ns import qn
from pptx.oxml.xmlchemy import OxmlElement
from pptx.util import Emu, Pt

from clearsight.presentation.elements import Drawing
from clearsight.presentation.fitting import measured
from clearsight.presentation.paint import BAND, RGB, Stroke, fill_of, palette, stroke_of, type_of
from clearsight.report.plots import drawn

EMU_PER_PX = 9525
PT_PER_PX = 0.75
ASCENT = 0.905  # of Arial, as a share of its size: where the baseline of the first line lies
SANS = "Arial"
_ALIGNS = {"start": PP_ALIGN.LEFT, "middle": PP_ALIGN.CENTER, "end": PP_ALIGN.RIGHT}


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """From the coordinates of a drawing to those of the slide."""

    x: float
    y: float
    scale: float

    def at(self, x: float, y: float) -> tuple[Emu, Emu]:
        return Emu(round((self.x + self.scale * x) * EMU_PER_PX)), Emu(round((self.y + self.scale * y) * EMU_PER_PX))

    def long(self, length: float) -> Emu:
        return Emu(round(self.scale * length * EMU_PER_PX))

    def points(self, length: float) -> Pt:
        return Pt(self.scale * length * PT_PER_PX)


def draw(shapes: Any, drawing: Drawing) -> None:
    """Put the plot onto a slide, whose ``shapes`` these are."""
    svg = fromstring(str(drawn(drawing.finding, "wide", drawing.key)))
    frame = _Frame(x=drawing.box.x, y=drawing.box.y, scale=drawing.box.w / float(svg.attrib["viewBox"].split()[2]))
    _children(shapes, svg, frame, 1.0)


def _children(shapes: Any, parent: Element, frame: _Frame, opacity: float) -> None:
    former: frozenset[str] = frozenset()
    for child in parent:
        kinds = frozenset(child.attrib.get("class", "").split())
        if child.tag == "g":
            _children(shapes, child, frame, float(child.attrib.get("stroke-opacity", opacity)))
        elif child.tag in _DRAW:
            _DRAW[child.tag](shapes, child, frame, kinds, opacity, "stem" in former and "ours" not in former)
        former = kinds


def _line(shapes: Any, one: Element, frame: _Frame, kinds: frozenset[str], opacity: float, on_grey: bool) -> None:
    start, end = frame.at(_number(one, "x1"), _number(one, "y1")), frame.at(_number(one, "x2"), _number(one, "y2"))
    _stroked(shapes.add_connector(MSO_CONNECTOR.STRAIGHT, *start, *end), stroke_of(kinds, opacity), frame)


def _path(shapes: Any, one: Element, frame: _Frame, kinds: frozenset[str], opacity: float, on_grey: bool) -> None:
    numbers = [float(text) for text in re.findall(r"-?[\d.]+", one.attrib["d"])]
    points = [frame.at(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
    closed = one.attrib["d"].endswith("Z")
    if len(points) == 2 and not closed:
        _stroked(shapes.add_connector(MSO_CONNECTOR.STRAIGHT, *points[0], *points[1]), stroke_of(kinds, opacity), frame)
        return
    builder = shapes.build_freeform(*points[0])
    builder.add_line_segments(points[1:], close=closed)
    shape = builder.convert_to_shape()
    if closed:
        _filled(shape, fill_of(kinds, opacity, on_grey), BAND)
    else:
        shape.fill.background()
        _stroked(shape, stroke_of(kinds, opacity), frame)


def _circle(shapes: Any, one: Element, frame: _Frame, kinds: frozenset[str], opacity: float, on_grey: bool) -> None:
    radius = _number(one, "r")
    corner = frame.at(_number(one, "cx") - radius, _number(one, "cy") - radius)
    shape = shapes.add_shape(MSO_SHAPE.OVAL, *corner, frame.long(2 * radius), frame.long(2 * radius))
    _filled(shape, fill_of(kinds, opacity, on_grey))
    _stroked(shape, Stroke(colour=palette()["paper"], width=1.5), frame)


def _rectangle(shapes: Any, one: Element, frame: _Frame, kinds: frozenset[str], opacity: float, on_grey: bool) -> None:
    corner = frame.at(_number(one, "x"), _number(one, "y"))
    size = frame.long(_number(one, "width")), frame.long(_number(one, "height"))
    shape = shapes.add_shape(MSO_SHAPE.RECTANGLE, *corner, *size)
    _filled(shape, fill_of(kinds, float(one.attrib.get("fill-opacity", 1.0)), on_grey))


def _text(shapes: Any, one: Element, frame: _Frame, kinds: frozenset[str], opacity: float, on_grey: bool) -> None:
    words, kind = one.text or "", type_of(kinds)
    width, height = measured(words, kind.size, bold=kind.bold) + 4, 1.3 * kind.size
    x, y = _number(one, "x"), _number(one, "y")
    anchor = one.attrib.get("text-anchor", "start")
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    corner = frame.at(left, y - ASCENT * kind.size)
    shape = shapes.add_textbox(*corner, frame.long(width), frame.long(height))
    turned = re.match(r"rotate\((-?[\d.]+)", one.attrib.get("transform", ""))
    if turned:
        _turn(shape, float(turned[1]), frame.at(x, y))
    body = shape.text_frame
    body.margin_left = body.margin_right = body.margin_top = body.margin_bottom = 0
    body.word_wrap, body.auto_size, body.vertical_anchor = False, MSO_AUTO_SIZE.NONE, MSO_ANCHOR.TOP
    paragraph = body.paragraphs[0]
    paragraph.alignment = _ALIGNS[anchor]
    run = paragraph.add_run()
    run.text = words
    run.font.name, run.font.size = SANS, frame.points(kind.size)
    run.font.bold, run.font.italic = kind.bold, kind.italic
    run.font.color.rgb = RGBColor(*kind.colour)


def _turn(shape: Any, degrees: float, pivot: tuple[Emu, Emu]) -> None:
    """Turn a box around the beginning of its baseline: PowerPoint turns around the middle, so that is moved first."""
    angle = math.radians(degrees)
    dx, dy = shape.left + shape.width / 2 - pivot[0], shape.top + shape.height / 2 - pivot[1]
    middle = (
        pivot[0] + dx * math.cos(angle) - dy * math.sin(angle),
        pivot[1] + dx * math.sin(angle) + dy * math.cos(angle),
    )
    shape.left, shape.top = Emu(round(middle[0] - shape.width / 2)), Emu(round(middle[1] - shape.height / 2))
    shape.rotation = degrees


def _stroked(shape: Any, stroke: Stroke, frame: _Frame) -> None:
    shape.line.color.rgb = RGBColor(*stroke.colour)
    shape.line.width = frame.points(stroke.width)
    if stroke.dashed:
        shape.line.dash_style = MSO_LINE.DASH
    plain(shape)


def _filled(shape: Any, colour: RGB, share: float = 1.0) -> None:
    shape.fill.solid()
    shape.fill.fore_color.rgb = RGBColor(*colour)
    if share < 1:
        alpha = OxmlElement("a:alpha")
        alpha.set("val", str(round(100_000 * share)))
        shape._element.spPr.find(".//" + qn("a:srgbClr")).append(alpha)
    shape.line.fill.background()
    plain(shape)


def plain(shape: Any) -> None:
    """Take the style of the theme off a shape, with the shadow that it gives to lines and areas."""
    for style in shape._element.xpath("./p:style"):
        shape._element.remove(style)


def _number(one: Element, name: str) -> float:
    return float(one.attrib[name])


_DRAW = {"line": _line, "path": _path, "circle": _circle, "rect": _rectangle, "text": _text}
