"""What a mitigation came to, as text for a terminal and as plain values for JSON."""

from typing import Any

from clearsight.files.records import to_json
from clearsight.printing.columns import table
from clearsight.worst_groups.figures import Interval
from clearsight.worst_groups.results import Mitigated, signed

TRIALS_SHOWN = 12


def plain(found: Mitigated) -> Any:
    """The result as JSON values."""
    return to_json(found)


def mitigated(found: Mitigated) -> str:
    """The verdict, what changed for every group, and what was tried."""
    parts = [found.claim]
    if found.figures is not None:
        figures = found.figures
        rows: list[tuple[str, ...]] = [("", "before", "after", "change", "n")]
        for one in (figures.worst_group_error, figures.gap, figures.accuracy):
            rows.append((one.metric, *_sides(one.before, one.before_interval, one.after, one.after_interval),
                         signed(one), str(one.n)))  # fmt: skip
        rows.append(("error of each group:", "", "", "", ""))
        for one in figures.groups:
            rows.append((f"  {one.metric}", *_sides(one.before, one.before_interval, one.after, one.after_interval),
                         signed(one), str(one.n)))  # fmt: skip
        parts.append(table(rows))
    counts = found.counts
    trials: list[tuple[str, ...]] = [("tried", "worst-group error", "accuracy", "kWh")]
    ranked = sorted(found.tried, key=lambda one: one.worst_group_error)
    for trial in ranked[:TRIALS_SHOWN]:
        name = f"{trial.mitigation}: {trial.said}" if trial.said else trial.mitigation
        trials.append((name, f"{trial.worst_group_error:.3f}", f"{trial.accuracy:.3f}", f"{trial.kwh:.2g}"))
    more = len(ranked) - TRIALS_SHOWN
    parts += [
        table(trials) + (f"\nand {more} more (see --json)" if more > 0 else ""),
        f"Fitted on {counts['fit']} held-out pictures, chosen by {counts['choose']} others, judged on "
        f"{counts['figures']} that neither has seen; 95% intervals, paired.",
        *found.notes,
    ]
    where = f"Mitigated model: {found.model}\n" if found.model is not None else ""
    return "\n\n".join([*parts, f"{where}Page: {found.page}"])


def _sides(before: float, first: Interval, after: float, second: Interval) -> tuple[str, str]:
    return _said(before, first), _said(after, second)


def _said(value: float, ends: Interval) -> str:
    return f"{value:.3f}" + ("" if ends is None else f" [{ends[0]:.3f}, {ends[1]:.3f}]")
