"""What a test of robustness found, as text for a terminal and as plain values."""

import textwrap
from typing import Any

from clearsight.audits.under_corruption import MEAN
from clearsight.printing.columns import table
from clearsight.printing.results import plain as plain_values
from clearsight.quantities import counted
from clearsight.types import Finding
from clearsight.verbs.stress import Stressed

WIDTH = 88


def plain(found: Stressed) -> dict[str, Any]:
    """The findings, and what was judged, as JSON values."""
    return {
        "pictures": found.pictures,
        "conditions": found.conditions,
        "judged before": found.again,
        "notes": list(found.notes),
        "threshold of unlike pictures": found.threshold,
        "report": found.page,
        "findings": plain_values(found.findings),
    }


def stressed(found: Stressed) -> str:
    """The claims, the score under each corruption with its loss, and where the report is."""
    parts = [textwrap.fill(finding.claim, WIDTH) for finding in found.findings if finding.series or finding.value]
    tables = [_rows(finding) for finding in found.findings if finding.metric == MEAN]
    parts[1:1] = tables
    before = f" ({found.again} of them had been judged before)" if found.again else ""
    parts.append(
        f"Judged: {counted(found.pictures, 'pictures')} under {counted(found.conditions, 'conditions')}{before}."
    )
    parts += [textwrap.fill(f"Not tried: {note}.", WIDTH) for note in found.notes]
    if found.threshold is not None:
        parts.append("`clearsight predict` now marks pictures that are unlike those of the training.")
    parts.append(f"Report: {found.page}")
    return "\n\n".join(parts)


def _rows(finding: Finding) -> str:
    series = finding.series
    rows: list[tuple[str, ...]] = [("", finding.axes[0], "95% interval", "change")]
    columns = (series[name] for name in ("label", "value", "low", "high", "note"))
    for label, value, low, high, note in zip(*columns, strict=True):
        ends = "" if low is None else f"[{low:.3f}, {high:.3f}]"
        rows.append((str(label), "-" if value is None else f"{value:.3f}", ends, note or ""))
    return table(rows, numbers=(1,))
