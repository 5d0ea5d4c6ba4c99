"""A finding's plot as inline SVG, drawn twice: for wide pages and for narrow ones; the style sheet shows one."""

from collections.abc import Callable, Mapping

from markupsafe import Markup

from ..types import Finding, Plot
from .plot_bars import draw_bars
from .plot_curve import draw_curve
from .plot_intervals import MOST_ROWS, draw_intervals
from .plot_reliability import draw_reliability
from .series import rows
from .svg import Shape

_DRAW: Mapping[Plot, Callable[[Finding, Shape, str], Markup]] = {
    "intervals": draw_intervals,
    "reliability": draw_reliability,
    "curve": draw_curve,
    "bars": draw_bars,
}


def plot(finding: Finding, key: str) -> Markup | None:
    """The plot of a finding in both widths; None where it asks for none or has no points.

    ``key`` is unique in the page. Raises ValueError where the series does not fit the plot.
    """
    if finding.plot is None or not rows(finding):
        return None
    draw = _DRAW[finding.plot]
    return draw(finding, "wide", key) + draw(finding, "narrow", key)


def left_out(finding: Finding) -> int:
    """How many rows are in the table only, because the plot would be too long with them."""
    return max(0, len(rows(finding)) - MOST_ROWS) if finding.plot in ("intervals", "bars") else 0
