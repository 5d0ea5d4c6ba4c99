"""The "intervals" plot: a dot and a whisker per row, and the numbers beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..types import Finding
from .quantities import count, number, score
from .series import Row, digits_of, interval_text, is_overall, limits_of, rows, words
from .svg import SIZE_PX, SMALL_PX, WIDTHS, Scale, Shape, domain, frame, line, path, tag, write
from .wording import shortened, width_of

MOST_ROWS = 60
_TOO_FEW = "too few to judge"


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Where things stand: a wide plot has labels left and numbers right; a narrow one has both above each whisker."""

    shape: Shape
    width: float
    labels: float
    left: float
    right: float
    digits: int | None

    @property
    def stacked(self) -> bool:
        return self.shape == "narrow"

    def height(self, row: Row) -> float:
        return (44 if self.stacked else 28) + (17 if words(row["note"]) else 0)

    def centre(self, top: float) -> float:
        """Where the whisker of a row lies, from the top of the row."""
        return top + (32 if self.stacked else 15)


def draw_intervals(finding: Finding, shape: Shape, key: str) -> Markup:
    """Dots and whiskers, one per row; rows without a value say so; a line through all at the overall value."""
    points = rows(finding)[:MOST_ROWS]
    layout = _laid_out(points, shape)
    ends = [end for row in points for end in (number(row["value"]), *limits_of(row)) if end is not None]
    low, high = domain(ends)
    scale = Scale(low=low, high=high, start=layout.left, stop=layout.right)
    top = 30.0
    bottom = top + sum(layout.height(row) for row in points)
    drawn = _background(finding, points, layout, scale, (top, bottom))
    for row in points:
        drawn += _row(row, layout, scale, top)
        top += layout.height(row)
    return frame(shape, (layout.width, bottom + 26), (key, finding.claim, _described(finding, points)), drawn)


def _laid_out(points: Sequence[Row], shape: Shape) -> _Layout:
    width, digits = WIDTHS[shape], digits_of(points)
    if shape == "narrow":
        return _Layout(shape=shape, width=width, labels=width, left=6, right=width - 6, digits=digits)
    longest = max((width_of(words(row["label"]), SIZE_PX) for row in points), default=0.0)
    labels = min(max(70.0, longest), 200.0)
    return _Layout(shape=shape, width=width, labels=labels, left=labels + 22, right=width - 196, digits=digits)


def _background(
    finding: Finding, points: Sequence[Row], layout: _Layout, scale: Scale, ends: tuple[float, float]
) -> list[Markup]:
    top, bottom = ends
    drawn = []
    for value, text in scale.ticks():
        x = scale(value)
        drawn += [line(x, top - 4, x, bottom, "zero" if value == 0 and scale.low < 0 else "grid")]
        drawn += [write(x, bottom + 16, text, "tick", "middle")]
    reference = next((number(row["value"]) for row in points if is_overall(row)), None)
    if reference is not None and len(points) > 1:
        drawn.append(line(scale(reference), top - 4, scale(reference), bottom, "reference"))
    room = layout.right - layout.left if not layout.stacked else layout.width
    drawn.append(write(layout.left if not layout.stacked else 0, 14, shortened(finding.metric, room, SMALL_PX), "axis"))
    if not layout.stacked:
        drawn.append(write(layout.right + 22, 14, "value", "axis"))
        drawn.append(write(layout.right + 66, 14, "interval", "axis"))
        drawn.append(write(layout.width, 14, "n", "axis", "end"))
    return drawn


def _row(row: Row, layout: _Layout, scale: Scale, top: float) -> list[Markup]:
    kind = " overall" if is_overall(row) else ""
    y = layout.centre(top)
    label, note = words(row["label"]), words(row["note"])
    room = layout.labels if not layout.stacked else layout.width - 150
    label_y = y + 4.5 if not layout.stacked else top + 16
    drawn = [write(0, label_y, shortened(label, room, SIZE_PX), "label" + kind, full=label)]
    value = number(row["value"])
    if value is None:
        drawn.append(write(layout.left if not layout.stacked else 0, y + 4.5, _TOO_FEW, "few"))
    else:
        drawn += _mark(row, value, scale, y, kind)
    drawn += _beside(row, layout, label_y)
    if note:
        below = shortened(note, layout.width - 4, SMALL_PX)
        drawn.append(write(0, y + (20 if layout.stacked else 22), below, "note", full=note))
    return drawn


def _mark(row: Row, value: float, scale: Scale, y: float, kind: str) -> list[Markup]:
    low, high = limits_of(row)
    drawn = []
    if low is not None and high is not None:
        drawn.append(path([(scale(low), y), (scale(high), y)], "whisker" + kind))
    drawn.append(tag("circle", cx=scale(value), cy=y, r=4.5, class_="dot" + kind))
    return drawn


def _beside(row: Row, layout: _Layout, y: float) -> list[Markup]:
    value, n = number(row["value"]), number(row["n"])
    interval = interval_text(row, layout.digits)
    counted = "" if n is None else count(n)
    if layout.stacked:
        text = interval or ""
        drawn = [] if value is None else [write(layout.width - 52, y, text, "quiet", "end")]
        drawn += (
            []
            if value is None
            else [
                write(
                    layout.width - 58 - width_of(text, SMALL_PX), y, score(value, digits=layout.digits), "number", "end"
                )
            ]
        )
        return drawn + ([write(layout.width, y, f"n {counted}", "quiet", "end")] if counted else [])
    drawn = [write(layout.width, y, counted, "quiet", "end")] if counted else []
    if value is None:
        return drawn
    drawn.append(write(layout.right + 22, y, score(value, digits=layout.digits), "number"))
    return [*drawn, write(layout.right + 66, y, interval, "quiet")]


def _described(finding: Finding, points: Sequence[Row]) -> str:
    digits = digits_of(points)
    parts = []
    for row in points:
        value = number(row["value"])
        shown = _TOO_FEW if value is None else f"{score(value, digits=digits)} {interval_text(row, digits)}".strip()
        parts.append(f"{words(row['label'])}: {shown}")
    return (
        f"{finding.metric}, one dot and whisker per row. "
        + "; ".join(parts[:12])
        + ("; and more in the table." if len(parts) > 12 else ".")
    )
