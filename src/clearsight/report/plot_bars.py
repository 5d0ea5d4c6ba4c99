"""The "bars" plot: one bar per row from zero, or one stem per row on a logarithmic scale where the range demands it."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from clearsight.quantities import number
from clearsight.report.series import Row, bar_texts, rows, words
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
from clearsight.report.wording import shortened, width_of
from clearsight.types import Finding

MOST_ROWS = 60
_LOG_FROM = 200.0


def draw_bars(finding: Finding, shape: Shape, key: str) -> Markup:
    """Values as bars with their numbers, ours highlighted.

    Where none is negative and the largest is 200 times the smallest or more, the scale is logarithmic. A bar's length
    means nothing there, so dots on stems are drawn, and the axis says so.
    """
    points = rows(finding)[:MOST_ROWS]
    values = [value for row in points if (value := number(row["value"])) is not None]
    positive = [value for value in values if value > 0]
    log = bool(positive) and min(values) >= 0 and max(positive) / min(positive) >= _LOG_FROM
    texts = bar_texts(points)
    width, stacked = WIDTHS[shape], shape == "narrow"
    left = 0.0 if stacked else _label_room(points) + 16
    widest = max((width_of(text, SIZE_PX) for text in texts), default=0.0)
    scale = _scale(positive if log else values, log, left + 1, width - widest - 14)
    height = 42.0 if stacked else 27.0
    top, bottom = 30.0, 30.0 + height * len(points)
    name = ", ".join(finding.axes) or finding.metric
    room = width - left - (130 if log else 0)
    shown = shortened(name, room, SMALL_PX) + (" (logarithmic scale)" if log else "")
    drawn = [write(left, 14, shown, "axis")]
    for value, text in scale.ticks(52 if stacked else 70):
        drawn.append(line(scale(value), top - 4, scale(value), bottom, "zero" if value == 0 else "grid"))
        drawn.append(write(scale(value), bottom + 16, text, "tick", "start" if scale(value) < 12 else "middle"))
    for index, (row, text) in enumerate(zip(points, texts, strict=True)):
        drawn += leading(row["pictures"], _row(row, text, scale, top + index * height, left))
    told = "; ".join(f"{words(row['label'])}: {text}" for row, text in zip(points[:12], texts[:12], strict=True))
    return frame(shape, (width, bottom + 26), (key, finding.claim, f"{name}. {told}."), drawn)


def _label_room(points: Sequence[Row]) -> float:
    return min(max((width_of(words(row["label"]), SIZE_PX) for row in points), default=0.0), 300.0)


def _scale(values: Sequence[float], log: bool, start: float, stop: float) -> Scale:
    if not log:
        low, high = domain(values, zero=True)
        return Scale(low=low, high=high, start=start, stop=stop)
    low, high = 10.0 ** math.floor(math.log10(min(values))), 10.0 ** math.ceil(math.log10(max(values)))
    return Scale(low=low, high=high, start=start, stop=stop, log=True)


def _row(row: Row, text: str, scale: Scale, top: float, left: float) -> list[Markup]:
    stacked = left == 0
    kind = " ours" if row["ours"] else ""
    label, value = words(row["label"]), number(row["value"])
    y = top + (29 if stacked else 14)
    room = WIDTHS["narrow"] if stacked else left - 12
    label_y = top + 15 if stacked else y + 4.5
    drawn = [write(0, label_y, shortened(label, room, SIZE_PX), "label" + kind, full=label)]
    if value is None:
        return [*drawn, write(left, y + 4.5, "not known", "few")]
    start, end = scale(scale.low if scale.log else 0.0), scale(value)
    if scale.log:
        drawn += [path([(start, y), (end, y)], "stem" + kind), tag("circle", cx=end, cy=y, r=4.5, class_="dot" + kind)]
    else:
        near, far = min(start, end), max(start, end)
        drawn.append(tag("rect", x=near, y=y - 7, width=max(1.0, far - near), height=14, class_="bar" + kind))
    return [*drawn, write(max(start, end) + 9, y + 4.5, text, "number" + kind)]
