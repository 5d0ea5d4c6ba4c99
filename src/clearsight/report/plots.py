"""A finding's plot as inline SVG, drawn twice: for wide pages and for narrow ones; the style sheet shows one."""

from collections.abc import Callable, Mapping

from markupsafe import Markup

from clearsight.quantities import number
from clearsight.report.plot_bars import draw_bars
from clearsight.report.plot_curve import draw_curve
from clearsight.report.plot_intervals import MOST_ROWS, draw_intervals
from clearsight.report.plot_matrix import draw_matrix
from clearsight.report.plot_parallel import draw_parallel
from clearsight.report.plot_reliability import draw_reliability
from clearsight.report.series import is_overall, limits_of, rows
from clearsight.report.svg import Shape
from clearsight.types import Finding, Plot

_DRAW: Mapping[Plot, Callable[[Finding, Shape, str], Markup]] = {
    "intervals": draw_intervals,
    "reliability": draw_reliability,
    "curve": draw_curve,
    "bars": draw_bars,
    "matrix": draw_matrix,
    "parallel": draw_parallel,
}


def plot(finding: Finding, key: str) -> Markup | None:
    """The plot of a finding in both widths; None where it asks for none or has no points.

    ``key`` is unique in the page. Raises ValueError where the series does not fit the plot.
    """
    if finding.plot is None or not rows(finding):
        return None
    return drawn(finding, "wide", key) + drawn(finding, "narrow", key)


def drawn(finding: Finding, shape: Shape, key: str) -> Markup:
    """The plot of a finding that has one, in one width. Raises ValueError where the series does not fit the plot."""
    assert finding.plot is not None
    return _DRAW[finding.plot](finding, shape, key)


def reading(finding: Finding) -> str:
    """How to read the plot, in a sentence or two that fit what is drawn; empty where nothing needs saying."""
    points = rows(finding)
    if finding.plot == "reliability":
        return (
            "On the diagonal, the share correct equals the confidence. Bars: intervals. Below: how many predictions "
            "each point stands for."
        )
    if finding.plot == "matrix":
        return "Rows: true class. Columns: predicted class. Numbers: per cent of the row. Blue: correct; orange: wrong."
    if finding.plot == "parallel":
        return "A line each, the darker, the higher it ends. Orange: the configuration that was chosen."
    if finding.plot == "bars":
        ours = [bool(row["ours"]) for row in points]
        return "Highlighted: this run." if any(ours) and not all(ours) else ""
    banded = any(None not in limits_of(row) for row in points)
    if finding.plot == "curve":
        return "Shaded: the interval around each line." if banded else ""
    parts = ["Dot: the value.", "Bar: its interval." if banded else ""]
    parts.append(
        "Upright mark: what was expected." if any(number(row["expected"]) is not None for row in points) else ""
    )
    parts.append("Dashed line: the value over all." if len(points) > 1 and any(map(is_overall, points)) else "")
    return " ".join(part for part in parts if part) if finding.plot else ""


def left_out(finding: Finding) -> int:
    """How many rows are in the table only, because the plot would be too long with them."""
    return max(0, len(rows(finding)) - MOST_ROWS) if finding.plot in ("intervals", "bars") else 0
