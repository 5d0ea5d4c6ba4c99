"""The "intervals" plot: a dot and a whisker per row, and the numbers beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from clearsight.quantities import count, number, score
from clearsight.report.series import Row, axis, digits_of, interval_text, is_overall, limits_of, rows, words
from clearsight.report.svg import (
    SIZE_PX,
    SMALL_PX,
    WIDTHS,
    Scale,
    Shape,
    domain,
    frame,
    leading,
    line,
    path,
    tag,
    write,
)
from clearsight.report.wording import shortened, width_of, wrapped
from clearsight.types import Finding

MOST_ROWS = 60
_TOO_FEW = "too few to judge"
_ROLES = ("number", "quiet", "quiet")


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Where things stand: a wide plot has labels left and numbers right; a narrow one has both above each whisker."""

    shape: Shape
    labels: float
    left: float
    right: float
    digits: int | None
    ends: tuple[float, float, float]
    row: float = 28.0

    @property
    def width(self) -> float:
        return WIDTHS[self.shape]

    @property
    def stacked(self) -> bool:
        return self.shape == "narrow"

    def height(self, row: Row) -> float:
        notes = len(self.notes(row))
        return (44 if self.stacked else self.row) + (15 * notes + 2 if notes else 0)

    def notes(self, row: Row) -> list[str]:
        """The note of a row in the lines it takes."""
        return wrapped(words(row["note"]), self.width - 4, SMALL_PX, 3 if self.stacked else 2)

    def centre(self, top: float) -> float:
        """Where the whisker of a row lies, from the top of the row."""
        return top + (32 if self.stacked else self.row / 2 + 1)


def draw_intervals(finding: Finding, shape: Shape, key: str) -> Markup:
    """Dots and whiskers, one per row; rows without a value say so; a line through all at the overall value."""
    points = rows(finding)[:MOST_ROWS]
    layout = _laid_out(points, shape)
    ends = [
        end
        for row in points
        for end in (number(row["value"]), number(row["expected"]), *limits_of(row))
        if end is not None
    ]
    low, high = domain(ends)
    scale = Scale(low=low, high=high, start=layout.left, stop=layout.right)
    top = 30.0
    bottom = top + sum(layout.height(row) for row in points)
    drawn = _background(finding, points, layout, scale, (top, bottom))
    for row in points:
        drawn += leading(row["pictures"], _row(row, layout, scale, top))
        top += layout.height(row)
    return frame(shape, (layout.width, bottom + 26), (key, finding.claim, _described(finding, points)), drawn)


def _laid_out(points: Sequence[Row], shape: Shape) -> _Layout:
    width, digits = WIDTHS[shape], digits_of(points)
    texts = [_numbers(row, digits, shape) for row in points]
    values, intervals, counts = (
        max((width_of(text[column], size) for text in texts), default=0.0)
        for column, size in enumerate((SIZE_PX * 1.08, SMALL_PX, SMALL_PX))
    )
    interval_end = width - (counts + 12 if counts else 0)
    value_end = interval_end - (max(intervals, 44) + 11 if intervals else 0)
    ends = (value_end, interval_end, float(width))
    if shape == "narrow":
        return _Layout(shape=shape, labels=value_end - values - 8, left=20, right=width - 20, digits=digits, ends=ends)
    longest = max((width_of(words(row["label"]), SIZE_PX * 1.08) for row in points), default=0.0)
    labels = min(max(70.0, longest), 200.0)
    right, row = value_end - max(values, 34) - 22, 28.0 if len(points) <= 20 else 21.0
    return _Layout(shape=shape, labels=labels, left=labels + 22, right=right, digits=digits, ends=ends, row=row)


def _numbers(row: Row, digits: int | None, shape: Shape) -> tuple[str, str, str]:
    """The value, the interval and n of a row as text."""
    value, n = number(row["value"]), number(row["n"])
    counted = "" if n is None else f"n {count(n)}" if shape == "narrow" else count(n)
    return ("", "", counted) if value is None else (score(value, digits=digits), interval_text(row, digits), counted)


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
    drawn.append(
        write(
            layout.left if not layout.stacked else 0,
            14,
            shortened(axis(finding, 0, finding.metric), room, SMALL_PX),
            "axis",
        )
    )
    if not layout.stacked:
        texts = [_numbers(row, layout.digits, layout.shape) for row in points]
        for column, (heading, end) in enumerate(zip(("value", "interval", "n"), layout.ends, strict=True)):
            if any(text[column] for text in texts):
                drawn.append(write(end, 14, heading, "axis", "end"))
    return drawn


def _row(row: Row, layout: _Layout, scale: Scale, top: float) -> list[Markup]:
    kind = " overall" if is_overall(row) else ""
    y = layout.centre(top)
    label, label_y = words(row["label"]), top + 16 if layout.stacked else y + 4.5
    shown = shortened(label, layout.labels, SIZE_PX * (1.08 if kind else 1))
    drawn = [write(0, label_y, shown, "label" + kind, full=label)]
    for text, end, role in zip(_numbers(row, layout.digits, layout.shape), layout.ends, _ROLES, strict=True):
        if text:
            drawn.append(write(end, label_y, text, role, "end"))
    value = number(row["value"])
    if value is None:
        drawn.append(write(layout.left if not layout.stacked else 0, y + 4.5, _TOO_FEW, "few"))
    else:
        drawn += _mark(row, value, scale, y, kind)
    below = y + (20 if layout.stacked else 7 + layout.row / 2)
    for index, note in enumerate(layout.notes(row)):
        drawn.append(write(0, below + 15 * index, note, "note", full=words(row["note"]) if "…" in note else None))
    return drawn


def _mark(row: Row, value: float, scale: Scale, y: float, kind: str) -> list[Markup]:
    low, high = limits_of(row)
    drawn = []
    if low is not None and high is not None:
        drawn.append(path([(scale(low), y), (scale(high), y)], "whisker" + kind))
    expected = number(row["expected"])
    if expected is not None:
        drawn.append(line(scale(expected), y - 8, scale(expected), y + 8, "expected"))
    drawn.append(tag("circle", cx=scale(value), cy=y, r=4.5, class_="dot" + kind))
    return drawn


def _described(finding: Finding, points: Sequence[Row]) -> str:
    digits = digits_of(points)
    parts = []
    for row in points:
        value = number(row["value"])
        shown = _TOO_FEW if value is None else f"{score(value, digits=digits)} {interval_text(row, digits)}".strip()
        parts.append(f"{words(row['label'])}: {shown}")
    return (
        f"{axis(finding, 0, finding.metric)}, one dot and whisker per row. "
        + "; ".join(parts[:12])
        + ("; and more in the table." if len(parts) > 12 else ".")
    )
