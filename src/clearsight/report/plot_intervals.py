"""The "intervals" plot: a dot and a whisker per row, and the numbers beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..types import Finding
from .quantities import count, number, score
from .series import Row, axis, digits_of, interval_text, is_overall, limits_of, rows, words
from .svg import SIZE_PX, SMALL_PX, WIDTHS, Scale, Shape, domain, frame, line, path, tag, write
from .wording import shortened, width_of, wrapped

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
    row: float

    @property
    def stacked(self) -> bool:
        return self.shape == "narrow"

    def height(self, row: Row) -> float:
        notes = len(self.notes(row))
        return self.row + (15 * notes + 2 if notes else 0)

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
        return _Layout(shape=shape, width=width, labels=width, left=12, right=width - 14, digits=digits, row=44)
    longest = max((width_of(words(row["label"]), SIZE_PX) for row in points), default=0.0)
    labels, row = min(max(70.0, longest), 200.0), 28.0 if len(points) <= 20 else 21.0
    return _Layout(shape=shape, width=width, labels=labels, left=labels + 22, right=width - 196, digits=digits, row=row)


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
        drawn.append(write(layout.right + 22, 14, "value", "axis"))
        drawn.append(write(layout.right + 66, 14, "interval", "axis"))
        drawn.append(write(layout.width, 14, "n", "axis", "end"))
    return drawn


def _row(row: Row, layout: _Layout, scale: Scale, top: float) -> list[Markup]:
    kind = " overall" if is_overall(row) else ""
    y = layout.centre(top)
    label, label_y = words(row["label"]), top + 16 if layout.stacked else y + 4.5
    beside, room = _beside(row, layout, label_y)
    drawn = [write(0, label_y, shortened(label, room, SIZE_PX * (1.08 if kind else 1)), "label" + kind, full=label)]
    value = number(row["value"])
    if value is None:
        drawn.append(write(layout.left if not layout.stacked else 0, y + 4.5, _TOO_FEW, "few"))
    else:
        drawn += _mark(row, value, scale, y, kind)
    below = y + (20 if layout.stacked else 7 + layout.row / 2)
    for index, note in enumerate(layout.notes(row)):
        drawn.append(write(0, below + 15 * index, note, "note", full=words(row["note"]) if "…" in note else None))
    return drawn + beside


def _mark(row: Row, value: float, scale: Scale, y: float, kind: str) -> list[Markup]:
    low, high = limits_of(row)
    drawn = []
    if low is not None and high is not None:
        drawn.append(path([(scale(low), y), (scale(high), y)], "whisker" + kind))
    drawn.append(tag("circle", cx=scale(value), cy=y, r=4.5, class_="dot" + kind))
    return drawn


def _beside(row: Row, layout: _Layout, y: float) -> tuple[list[Markup], float]:
    """The numbers of a row, and the room they leave to its label."""
    value, n, interval = number(row["value"]), number(row["n"]), interval_text(row, layout.digits)
    shown = "" if value is None else score(value, digits=layout.digits)
    counted = "" if n is None else count(n)
    if not layout.stacked:
        drawn = [write(layout.width, y, counted, "quiet", "end")] if counted else []
        if shown:
            drawn += [write(layout.right + 22, y, shown, "number"), write(layout.right + 66, y, interval, "quiet")]
        return drawn, layout.labels
    drawn, x = [], layout.width
    texts = (
        (f"n {counted}" if counted else "", "quiet", SMALL_PX),
        (interval if shown else "", "quiet", SMALL_PX),
        (shown, "number", SIZE_PX),
    )
    for text, kind, size in texts:
        if text:
            drawn.append(write(x, y, text, kind, "end"))
            x -= width_of(text, size) + 10
    return drawn, x


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
