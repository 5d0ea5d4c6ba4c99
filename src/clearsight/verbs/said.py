"""Results as text for a terminal, readable without colour, and as plain values for JSON."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clearsight.records import to_json
from clearsight.sources import Description
from clearsight.types import Finding
from clearsight.verbs.predict import Predicted, summary
from clearsight.verbs.runs import RunLine


def plain(found: Sequence[Any]) -> list[Any]:
    """Dataclasses as JSON values."""
    return [to_json(one) for one in found]


def table(rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Rows in columns two spaces apart; the columns ``numbers`` are set to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def interval(value: float | None, limits: tuple[float, float] | None) -> tuple[str, str]:
    """A value and its interval as words."""
    said = "-" if value is None else f"{value:.3f}"
    return said, "" if limits is None else f"[{limits[0]:.3f}, {limits[1]:.3f}]"


def metrics(found: Sequence[Finding]) -> str:
    """Findings as a table: name, value, interval, n."""
    rows = [("metric", "value", "95% interval", "n")]
    for finding in found:
        name = finding.metric if finding.group is None else f"{finding.metric}, {finding.group}"
        rows.append((name, *interval(finding.value, finding.interval), f"{finding.n} {finding.unit}"))
    return table(rows, numbers=(1,))


comparison = metrics


def predicted(found: Predicted) -> str:
    """How many objects of each class were found, and where the files are."""
    counts = summary(found)
    rows = [("class", "found")] + [(name, str(count)) for name, count in counts.items()]
    where = "" if found.folder is None else f"\n\nWritten to {found.folder}: {_inside(found.folder)}"
    return f"{len(found.files)} pictures\n\n{table(rows, numbers=(1,))}{where}"


def _inside(folder: Path) -> str:
    return ", ".join(sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir()))


def runs(found: Sequence[RunLine], folder: str) -> str:
    """Runs as a table with the claim of each below."""
    if not found:
        return f"There are no runs in {folder}. `clearsight train` makes one."
    rows = [("run", "model", "data", "state", "made")]
    rows += [(str(run.path), run.model, run.data, run.state, run.created[:16].replace("T", " ")) for run in found]
    claims = [f"{run.path}: {run.claim}" for run in found if run.claim]
    return table(rows) + ("\n\n" + "\n".join(claims) if claims else "")


def description(found: Description) -> str:
    """What is in the data, for a person."""
    return json.dumps(found.as_dict(), indent=2, ensure_ascii=False, default=str)


def changed(one: Any, **fields: Any) -> Any:
    """A dataclass with some fields replaced."""
    return dataclasses.replace(one, **fields)
