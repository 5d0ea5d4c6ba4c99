"""The "reliability" plot: confidence against the share correct, and how many predictions stand behind it."""

from collections.abc import Sequence

from markupsafe import Markup

from clearsight.quantities import count, number, score
from clearsight.report.series import Row, axis, limits_of, rows
from clearsight.report.svg import SMALL_PX, Scale, Shape, frame, leading, line, path, tag, write
from clearsight.report.wording import shortened
from clearsight.types import Finding

_WIDTHS: dict[Shape, int] = {"wide": 470, "narrow": 340}
_LEFT, _TOP, _HISTOGRAM = 40.0, 26.0, 60.0


def draw_reliability(finding: Finding, shape: Shape, key: str) -> Markup:
    """Binned points with intervals around the diagonal; below, a stick per bin for the number of claims."""
    points = [
        row for row in rows(finding) if number(row["confidence"]) is not None and number(row["correct"]) is not None
    ]
    width = _WIDTHS[shape]
    side = width - _LEFT - 14
    across = Scale(low=0, high=1, start=_LEFT, stop=_LEFT + side)
    up = Scale(low=0, high=1, start=_TOP + side * 0.82, stop=_TOP)
    drawn = [write(0, 13, axis(finding, 1, "share correct"), "axis"), *_axes(across, up), *_points(points, across, up)]
    base = up.start + 34 + _HISTOGRAM
    drawn += _counts(points, across, base)
    name = axis(finding, 0, "confidence")
    drawn.append(write(across.stop, base + 32, shortened(name, across.stop, SMALL_PX), "axis", "end", full=name))
    text = "; ".join(
        f"confidence {score(row['confidence'], digits=2)}, correct {score(row['correct'], digits=2)}" for row in points
    )
    described = f"Confidence against the share correct, by bin. {text}."
    return frame(shape, (width, base + 40), (key, finding.claim, described), drawn)


def _axes(across: Scale, up: Scale) -> list[Markup]:
    drawn = []
    for value, text in ((0.0, "0"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1.0, "1")):
        drawn.append(line(across.start, up(value), across.stop, up(value), "grid"))
        drawn.append(line(across(value), up.start, across(value), up.stop, "grid"))
        drawn.append(write(_LEFT - 8, up(value) + 4, text, "tick", "end"))
    drawn.append(line(across(0), up(0), across(1), up(1), "reference"))
    drawn.append(write(across.start + 12, up.stop + 20, "underconfident: correct more often", "hint"))
    drawn.append(write(across.stop - 10, up.start - 12, "overconfident: correct less often", "hint", "end"))
    return drawn


def _points(points: Sequence[Row], across: Scale, up: Scale) -> list[Markup]:
    at = [(across(float(row["confidence"])), up(float(row["correct"]))) for row in points]
    drawn = [path(at, "line tone-0")] if len(at) > 1 else []
    for row, (x, y) in zip(points, at, strict=True):
        low, high = limits_of(row)
        mark = [tag("circle", cx=x, cy=y, r=4.5, class_="dot")]
        if low is not None and high is not None:
            mark.insert(0, path([(x, up(low)), (x, up(high))], "whisker"))
        drawn += leading(row["pictures"], mark)
    return drawn


def _counts(points: Sequence[Row], across: Scale, base: float) -> list[Markup]:
    numbers = [number(row["n"]) or 0.0 for row in points]
    most = max(numbers, default=0.0)
    drawn = [line(across.start, base, across.stop, base, "zero")]
    drawn += [write(across(v), base + 16, t, "tick", "middle") for v, t in ((0, "0"), (0.5, "0.5"), (1, "1"))]
    if most <= 0:
        return drawn
    highest = numbers.index(most)  # bins of equal mass are all the highest: one number says it
    for index, (row, n) in enumerate(zip(points, numbers, strict=True)):
        height = n / most * (_HISTOGRAM - 16)
        x = across(float(row["confidence"]))
        drawn.append(tag("rect", x=x - 4, y=base - height, width=8, height=height, class_="stick"))
        if index == highest:
            drawn.append(write(x, base - height - 5, count(n), "tick", "end" if x > across.stop - 20 else "middle"))
    drawn.append(write(across.start + 4, base - _HISTOGRAM + 14, "predictions per bin", "hint"))
    return drawn
