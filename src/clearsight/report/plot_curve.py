"""The "curve" plot: lines with bands, named where they end."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from clearsight.quantities import number
from clearsight.report.series import Row, axis, limits_of, rows, words
from clearsight.report.svg import SIZE_PX, SMALL_PX, WIDTHS, Scale, Shape, domain, frame, line, path, tag, write
from clearsight.report.wording import shortened, width_of
from clearsight.types import Finding

TONES = 6
MOST_NAMES = 24
_LOG_FROM = 999.0
Points = list[tuple[float, Row]]


def draw_curve(finding: Finding, shape: Shape, key: str) -> Markup:
    """One line per name with its band; labels at the line ends where there is room, else above the plot."""
    lines, names = _lines(rows(finding))
    width, stacked = WIDTHS[shape], shape == "narrow"
    named = [name for name in lines if name][:MOST_NAMES]
    label_room = 0.0 if stacked or not named else min(max(width_of(name, 1.08 * SIZE_PX) for name in named) + 16, 190.0)
    legend = 18.0 * len(named) if stacked else 0.0
    top, height = 30.0 + legend, 200.0 if stacked else max(270.0, 16.0 * min(len(named), MOST_NAMES))
    across = _across(lines, bool(names), (46.0, width - 12 - label_room))
    ends = [end for points in lines.values() for _, row in points for end in (number(row["y"]), *limits_of(row))]
    known = [end for end in ends if end is not None]
    low, high = domain(known, zero=bool(known) and min(known) >= 0 and min(known) < 0.5 * max(known))
    up = Scale(low=low, high=high, start=top + height, stop=top)
    drawn = [write(0, 13, shortened(axis(finding, 1, finding.metric), width, SMALL_PX), "axis")]
    drawn += _axes(across, up, names)
    for index, points in enumerate(lines.values()):
        drawn += _one(points, across, up, _tone(index))
    if named:
        shown = {name: lines[name] for name in named}
        drawn += _legend(shown) if stacked else _labels(shown, across, up, label_room)
    name = axis(finding, 0, "")
    drawn.append(write(across.stop, up.start + 36, shortened(name, across.stop, SMALL_PX), "axis", "end", full=name))
    text = f"{axis(finding, 1, finding.metric)} against {axis(finding, 0, 'x')}: " + ", ".join(named or ["one line"])
    return frame(shape, (width, up.start + 46), (key, finding.claim, text + "."), drawn)


def _tone(index: int) -> str:
    """The colour of a line; after the last one they come again, dashed."""
    return f"tone-{index % TONES}" + (" again" if index >= TONES else "")


def _lines(points: Sequence[Row]) -> tuple[dict[str, Points], list[str]]:
    """The points of each line in order of x; words on the x axis take places 0, 1, 2, ... and are returned."""
    positions = [number(row["x"]) for row in points]
    names: list[str] = []
    if any(position is None for position in positions):
        names = list(dict.fromkeys(words(row["x"]) for row in points))
        positions = [float(names.index(words(row["x"]))) for row in points]
    lines: dict[str, Points] = {}
    for position, row in zip(positions, points, strict=True):
        if position is not None and number(row["y"]) is not None:
            lines.setdefault(words(row["line"]), []).append((position, row))
    return {name: sorted(line_, key=lambda point: point[0]) for name, line_ in lines.items()}, names


def _across(lines: dict[str, Points], words_on_axis: bool, ends: tuple[float, float]) -> Scale:
    values = [x for points in lines.values() for x, _ in points] or [0.0, 1.0]
    low, high = min(values), max(values)
    if not words_on_axis and low > 0 and high / low >= _LOG_FROM:
        low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
        return Scale(low=low, high=high, start=ends[0], stop=ends[1], log=True)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return Scale(low=low, high=high, start=ends[0], stop=ends[1])


def _axes(across: Scale, up: Scale, names: Sequence[str]) -> list[Markup]:
    drawn = []
    for value, text in up.ticks(48):
        drawn.append(line(across.start, up(value), across.stop, up(value), "zero" if value == 0 else "grid"))
        drawn.append(write(across.start - 8, up(value) + 4, text, "tick", "end"))
    room = (across.stop - across.start) / max(1, len(names))
    marks = [(float(i), shortened(name, room - 6, SMALL_PX)) for i, name in enumerate(names)] or across.ticks(80)
    for value, text in marks:
        drawn.append(line(across(value), up.start, across(value), up.start + 5, "mark"))
        drawn.append(write(across(value), up.start + 18, text, "tick", "middle"))
    return drawn


def _one(points: Points, across: Scale, up: Scale, tone: str) -> list[Markup]:
    drawn = []
    banded = [(across(x), limits_of(row)) for x, row in points]
    lows = [(x, up(low)) for x, (low, high) in banded if low is not None and high is not None]
    highs = [(x, up(high)) for x, (low, high) in banded if low is not None and high is not None]
    if len(lows) > 1:
        drawn.append(path(lows + highs[::-1], f"band {tone}", closed=True))
    at = [(across(x), up(float(row["y"]))) for x, row in points]
    if len(at) > 1:
        drawn.append(path(at, f"line {tone}"))
    if len(at) <= 12:
        drawn += [tag("circle", cx=x, cy=y, r=3.5, class_=f"point {tone}") for x, y in at]
    return drawn


def _labels(lines: dict[str, Points], across: Scale, up: Scale, room: float) -> list[Markup]:
    wanted = sorted((up(float(points[-1][1]["y"])), index, name) for index, (name, points) in enumerate(lines.items()))
    drawn = []
    for y, (_, index, name) in zip(_apart([y for y, _, _ in wanted], up.start), wanted, strict=True):
        text = shortened(name, room - 12, 1.08 * SIZE_PX)
        drawn.append(write(across.stop + 10, y + 4.5, text, f"name {_tone(index)}", full=name))
    return drawn


def _apart(wanted: Sequence[float], lowest: float, gap: float = 16.0) -> list[float]:
    """Sorted places moved as little as needed to be a gap apart, none below the lowest."""
    places: list[float] = []
    for y in wanted:
        places.append(max(y, places[-1] + gap) if places else y)
    for index in reversed(range(len(places))):
        limit = lowest if index == len(places) - 1 else places[index + 1] - gap
        places[index] = min(places[index], limit)
    return places


def _legend(lines: dict[str, Points]) -> list[Markup]:
    drawn = []
    for index, name in enumerate(lines):
        y, tone = 32.0 + 18 * index, _tone(index)
        drawn.append(path([(0, y - 4), (18, y - 4)], f"line {tone}"))
        drawn.append(write(26, y, shortened(name, WIDTHS["narrow"] - 30, SIZE_PX), f"name {tone}", full=name))
    return drawn
