"""The "parallel" plot: an upright axis for each setting and one for the score, a line through them for each trial."""

from collections.abc import Sequence

from markupsafe import Markup

from clearsight.quantities import number
from clearsight.report.series import Row, rows, words
from clearsight.report.svg import SMALL_PX, WIDTHS, Shape, frame, line, path, tag, write
from clearsight.report.wording import shortened
from clearsight.types import Finding

HEIGHT_PX, TOP_PX, EDGE_PX = 240.0, 44.0, 34.0
MOST_MARKS = 6
FAINTEST, DARKEST = 0.2, 0.9


def draw_parallel(finding: Finding, shape: Shape, key: str) -> Markup:
    """One line per name; it ends where its place on an axis is not known. Some values stand beside each axis."""
    points = rows(finding)
    names = list(dict.fromkeys(words(row["axis"]) for row in points))
    width = WIDTHS[shape]
    gap = (width - 2 * EDGE_PX - 40) / max(1, len(names) - 1)
    at = {name: EDGE_PX + index * gap for index, name in enumerate(names)}
    drawn: list[Markup] = []
    lines: dict[str, list[Row]] = {}
    for row in points:
        lines.setdefault(words(row["line"]), []).append(row)
    for name, through in sorted(lines.items(), key=lambda one: _end(one[1])):
        drawn.append(_line(name, through, at))
    for index, name in enumerate(names):
        drawn += _axis(name, [row for row in points if words(row["axis"]) == name], at[name], gap, index)
    told = f"{len(lines)} lines through {', '.join(names)}."
    return frame(shape, (width, TOP_PX + HEIGHT_PX + 14), (key, finding.claim, told), drawn)


def _end(through: Sequence[Row]) -> tuple[bool, float]:
    """What a line is drawn in the order of: ours last, then the higher it ends, the later."""
    return bool(through[-1]["ours"]), number(through[-1]["place"]) or 0.0


def _y(place: float) -> float:
    return TOP_PX + HEIGHT_PX * (1 - min(1.0, max(0.0, place)))


def _line(name: str, through: Sequence[Row], at: dict[str, float]) -> Markup:
    known = [(at[words(row["axis"])], _y(place)) for row in through if (place := number(row["place"])) is not None]
    hover = tag("title", f"{name}: " + ", ".join(f"{words(row['axis'])} {words(row['text'])}" for row in through))
    tone = "tone-1" if through[-1]["ours"] else "tone-0"
    opacity = FAINTEST + (DARKEST - FAINTEST) * (number(through[-1]["place"]) or 0.0)
    return tag("g", hover, path(known, f"line {tone}"), stroke_opacity=f"{opacity:.2f}") if known else Markup()


def _axis(name: str, points: Sequence[Row], x: float, gap: float, index: int) -> list[Markup]:
    """The axis, its name above it, and values beside it where there is room."""
    anchor = "start" if index == 0 else "middle"
    left = x - (EDGE_PX if index == 0 else 0)
    drawn = [write(left, 16, shortened(name, gap - 8, SMALL_PX), "axis", anchor, full=name)]
    drawn.append(line(x, TOP_PX, x, TOP_PX + HEIGHT_PX, "mark"))
    seen = {place: words(row["text"]) for row in points if (place := number(row["place"])) is not None}
    places = sorted(seen)
    if len(places) > MOST_MARKS:
        places = [places[0], places[len(places) // 2], places[-1]]
    last: float | None = None
    for place in places:
        y = _y(place)
        if last is None or abs(y - last) > 13:
            drawn.append(write(x + 6, y + 4, shortened(seen[place], gap - 12, SMALL_PX), "hint", full=seen[place]))
            last = y
    return drawn
