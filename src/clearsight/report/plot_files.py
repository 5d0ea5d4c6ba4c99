"""The plots of a card as SVG pictures that stand alone, for a thesis, a page or slides of one's own."""

import re
from collections import Counter
from collections.abc import Mapping

from markupsafe import Markup

from clearsight.report.page import stylesheet
from clearsight.report.plots import drawn
from clearsight.report.series import rows
from clearsight.report.svg import tag
from clearsight.types import Card, Finding

MARGIN_PX = 16


def plot_files(card: Card) -> dict[str, str]:
    """Each plot of a card as SVG, by the name of its file: its metric and group, with a number from the second on.

    Raises ValueError where the series of a finding does not fit its plot.
    """
    colours = dict(re.findall(r"--([\w-]+): ([^;]+);", stylesheet("colours")))
    style, seen, found = _style(colours), Counter[str](), {}
    for finding in card.findings:
        if finding.plot is not None and rows(finding):
            name = _name(finding)
            seen[name] += 1
            number = f"-{seen[name]}" if seen[name] > 1 else ""
            found[f"{name}{number}.svg"] = _alone(drawn(finding, "wide", name), style, colours["paper"])
    return found


def _name(finding: Finding) -> str:
    words = f"{finding.metric} {finding.group or ''}".lower()
    return re.sub(r"[^\w]+", "-", words).strip("-")[:80].strip("-") or "plot"


def _style(colours: Mapping[str, str]) -> str:
    """The style sheet of plots, with the colours in place of their names: not every program reads variables."""
    named = re.sub(r"var\(--([\w-]+)\)", lambda match: colours[match[1]], stylesheet("plot"))
    return re.sub(r"/\*.*?\*/\s*", "", named, flags=re.DOTALL)


def _alone(plot: Markup, style: str, paper: str) -> str:
    """A plot with its name space, its style, a margin and the paper behind it."""
    start, inside = str(plot).split(">", 1)
    width, height = (int(re.search(rf' {side}="(\d+)"', start)[1]) for side in ("width", "height"))  # type: ignore[index]
    width, height, edge = width + 2 * MARGIN_PX, height + 2 * MARGIN_PX, -MARGIN_PX
    start = re.sub(r' (viewBox|width|height)="[^"]*"', "", start)
    start = start.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    size = f' viewBox="{edge} {edge} {width} {height}" width="{width}" height="{height}"'
    behind = tag("rect", x=edge, y=edge, width=width, height=height, fill=paper)
    return f"{start}{size}><style>{style}</style>{behind}{inside}"
