"""The few things hand-made plots need: escaped elements, scales, ticks, and the frame around a drawing."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

from clearsight.quantities import fixed, significant

SIZE_PX = 13
SMALL_PX = 11.5

Shape = Literal["wide", "narrow"]
WIDTHS: dict[Shape, int] = {"wide": 700, "narrow": 340}


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """One element; text and attributes are escaped, ``None`` attributes left out, ``text_anchor`` is text-anchor."""
    parts = [
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    ]
    inner = "".join(str(escape(child)) for child in children)
    return Markup(f"<{name}{''.join(parts)}>{inner}</{name}>")


def _plain(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return value


def write(x: float, y: float, text: str, kind: str = "", anchor: str | None = None, full: str | None = None) -> Markup:
    """A line of text at x, y (its baseline); ``full`` is shown on hover where the text was shortened."""
    hover = [tag("title", full)] if full is not None and full != text else []
    return tag("text", text, *hover, x=x, y=y, class_=kind or None, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def leading(address: object, drawn: Sequence[Markup]) -> list[Markup]:
    """What is drawn as a link to an address; as it is where there is none."""
    return [tag("a", *drawn, href=address)] if address else list(drawn)


def path(points: Iterable[tuple[float, float]], kind: str, closed: bool = False) -> Markup:
    """A polyline through the points, or the area within them."""
    drawn = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return tag("path", d=f"M{drawn}{'Z' if closed else ''}", class_=kind)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From values in [low, high] to pixels from start to stop; in decades where ``log``."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value; values outside are drawn at the end they lie beyond."""
        low, high = (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)
        if self.log:
            value = math.log10(max(value, self.low))
        share = (value - low) / (high - low)
        return self.start + min(1.0, max(0.0, share)) * (self.stop - self.start)

    def ticks(self, room_px: float = 70) -> list[tuple[float, str]]:
        """Round values within the scale and how each is written, about ``room_px`` apart."""
        most = max(2, int(abs(self.stop - self.start) / room_px))
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            step = max(1, math.ceil((last - first + 1) / most))
            return [(10.0**power, significant(10.0**power, 1)) for power in range(first, last + 1, step)]
        step_size = round_step((self.high - self.low) / most)
        digits = max(0, -math.floor(math.log10(step_size) + 1e-9))
        if not math.isclose(round(step_size, digits), step_size):
            digits += 1
        first, last = math.ceil(self.low / step_size - 1e-6), math.floor(self.high / step_size + 1e-6)
        return [(index * step_size, fixed(index * step_size, digits)) for index in range(first, last + 1)]


def round_step(rough: float) -> float:
    """The smallest of 1, 2, 2.5, 5 x 10^k that is at least ``rough`` > 0."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough * (1 - 1e-9))


def domain(values: Sequence[float], steps: int = 5, zero: bool = False) -> tuple[float, float]:
    """Round limits around the values; never outside [0, 1] or [-1, 1] where no value is; from zero where asked."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low < 1e-9 * max(1.0, abs(high)):
        pad = 0.1 * abs(high) or 0.5
        low, high = low - pad, high + pad
    step = round_step((high - low) / steps)
    ends = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    if values and min(values) >= 0 and max(values) <= 1:
        return max(0.0, ends[0]), min(1.0, ends[1])
    return ends


def frame(shape: Shape, size: tuple[float, float], names: tuple[str, str, str], drawn: Sequence[Markup]) -> Markup:
    """The drawing of that (width, height); ``names`` are an id unique in the page, a title and a description."""
    width, height = size
    key, title, description = names
    return tag(
        "svg",
        tag("title", title, id=f"{key}-{shape}-title"),
        tag("desc", description, id=f"{key}-{shape}-text"),
        *drawn,
        class_=f"plot {shape}",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=round(width),
        height=round(height),
        role="img",
        aria_labelledby=f"{key}-{shape}-title",
        aria_describedby=f"{key}-{shape}-text",
    )
