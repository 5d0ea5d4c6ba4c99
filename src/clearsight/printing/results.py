"""Results as text for a terminal, readable without colour, and as plain values for JSON."""

import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from clearsight import drawing, report
from clearsight.comparison.paired import Comparison, Score, signed
from clearsight.files.records import to_json
from clearsight.printing import data_audit, data_notes
from clearsight.printing.columns import table
from clearsight.quantities import counted, energy_unit, fixed, significant
from clearsight.sources import Description
from clearsight.sources.checks.describe_labels import LabelsDescription
from clearsight.sources.checks.describe_table import TableDescription
from clearsight.tabular.prediction import PredictedRows
from clearsight.types import TRUTHS, Boxes, Card, Finding, Picture, Question
from clearsight.verbs.predict import Predicted
from clearsight.verbs.runs import RunLine

ROWS_SHOWN = 20
CLASSES_SHOWN = 40


def plain(found: Any) -> Any:
    """A dataclass, or several, as JSON values."""
    return [to_json(one) for one in found] if isinstance(found, tuple | list) else to_json(found)


def interval(value: float | None, limits: tuple[float, float] | None) -> tuple[str, str]:
    """A value and its interval as words."""
    said = "-" if value is None else _figures(value)
    return said, "" if limits is None else f"[{_figures(limits[0])}, {_figures(limits[1])}]"


def _figures(value: float) -> str:
    """Three digits after the point, and no minus sign before what is rounded to zero."""
    return fixed(value, 3).replace("−", "-").replace(",", "")


def _energy(kwh: tuple[float, float, float]) -> str:
    """The range of an energy as "0.1 to 0.4 Wh"."""
    factor, unit = energy_unit(kwh[2])
    return f"{significant(factor * kwh[0], 2)} to {significant(factor * kwh[2], 2)} {unit}".replace("−", "-")


def metrics(found: Sequence[Finding], notes: Sequence[str] = ()) -> str:
    """Findings as a table: name, value, interval, n; of a finding without a value of its own the rows behind it.

    ``notes`` stand above it.
    """
    rows: list[tuple[str, ...]] = [("metric", "value", "95% interval", "n")]
    for finding in found:
        name = finding.metric if finding.group is None else f"{finding.metric}, {finding.group}"
        if finding.value is None and finding.plot == "intervals":
            rows += _behind(finding)
            continue
        value, ends = interval(finding.value, finding.interval)
        few = f" from {counted(finding.clusters or 0, 'clusters')} only" if finding.from_few_clusters else ""
        rows.append((name, value, f"{ends}{few}".strip(), counted(finding.n, finding.unit)))
    return "\n\n".join([*(f"Note: {text}" for text in notes), table(rows, numbers=(1,))])


def inquiry(card: Card, questions: Collection[Question], page: str | None) -> str:
    """The card of a simulation or a probe, the rows behind its findings, and where its page is."""
    parts = [report.summary(card, most=20, questions=questions)]
    for finding in card.findings:
        if finding.plot == "intervals":
            parts.append(table([*_behind(finding)], numbers=(1,)))
    return "\n\n".join(parts + ([f"Report: {page}"] if page else []))


def _behind(finding: Finding) -> list[tuple[str, ...]]:
    """A heading and a line for each row of a plot of intervals, such as the classes, as many as a screen holds."""
    series = finding.series
    cells = zip(*(series[name] for name in ("label", "value", "low", "high", "n")), strict=True)
    rows: list[tuple[str, ...]] = [(f"{finding.metric}:", "", "", "")]
    for label, value, low, high, n in cells:
        limits = None if low is None or high is None else (low, high)
        rows.append((f"  {drawing.shown(str(label))}", *interval(value, limits), counted(n, finding.unit)))
    if len(rows) - 1 > CLASSES_SHOWN:
        rows[CLASSES_SHOWN + 1 :] = [(f"  and {len(rows) - 1 - CLASSES_SHOWN} more (see --json)", "", "", "")]
    return rows


def comparison(found: Comparison) -> str:
    """All runs' metrics side by side, the paired differences, and what each run takes."""
    names = [one.name for one in found.runs]
    rows: list[tuple[str, ...]] = [("", *names)]
    for metric in found.runs[0].scores:
        if all(math.isnan(one.scores[metric].value) for one in found.runs):
            continue  # not defined on these pictures for any run
        rows.append((metric, *(" ".join(interval(*_known(one.scores[metric]))).strip() for one in found.runs)))
    rows.append(("training energy", *("-" if one.kwh is None else _energy(one.kwh) for one in found.runs)))
    if any(one.speed for one in found.runs):
        quick = [one.speed for one in found.runs]
        rows.append(("ms per picture", *("-" if one is None else f"{one.ms_per_picture:.1f}" for one in quick)))
        memory = [None if one is None else one.memory_mb for one in quick]
        rows.append(("memory, MB", *("-" if peak is None else f"{peak:.0f}" for peak in memory)))
        rows.append(("parameters", *("-" if one is None else f"{one.parameters:,}" for one in quick)))
    changes = [(f"against {names[0]}", "run", "difference", "95% interval")]
    for one in (each for each in found.differences if not math.isnan(each.difference)):
        interval_words = "" if one.interval is None else f"[{signed(one.interval[0])}, {signed(one.interval[1])}]"
        changes.append((one.metric, one.run, signed(one.difference), interval_words))
    parts = [*found.claims, "", table(rows, numbers=range(1, len(names) + 1)), "", table(changes, numbers=(2,)), ""]
    parts.append(f"Evaluated on: {found.evidence}, {found.counted}, paired.")
    parts += [f"Note: {note}" for note in found.notes]
    return "\n".join(parts + ([f"Page: {found.page}"] if found.page else []))


def _known(score: Score) -> tuple[float | None, tuple[float, float] | None]:
    return (None if math.isnan(score.value) else score.value), score.interval


def predicted(found: Predicted | PredictedRows) -> str:
    """What was found, by class, and where the files are."""
    where = "" if found.folder is None else f"\n\nWritten to {found.folder}: {_inside(found.folder)}"
    if isinstance(found, PredictedRows):
        return f"{counted(len(found.rows), 'rows')}\n\n{table(_first_rows(found))}{_decided(found)}{where}"
    promise = f"\n\n{found.promise}" if found.promise else ""
    return f"{counted(found.count, 'pictures')}\n\n{table(found.tally, numbers=(1,))}{promise}{where}"


def _first_rows(found: PredictedRows) -> list[tuple[str, ...]]:
    decided = ("decision",) if found.promise else ()
    lines: list[tuple[str, ...]] = [("row", found.target, *decided, "outside the training range")]
    for row in found.rows[:ROWS_SHOWN]:
        said = row["prediction"]
        words = said if isinstance(said, str) else f"{said:.4g}"
        lines.append((str(row["id"]), words, *(row[name] for name in decided), ", ".join(row["unfamiliar"])))
    return lines + ([("...", *[""] * (len(lines[0]) - 1))] if len(found.rows) > ROWS_SHOWN else [])


def _decided(found: PredictedRows) -> str:
    """How many rows the model may decide alone, and what is promised; nothing without a policy."""
    if not found.promise:
        return ""
    alone = sum(row["decision"] == "decided" for row in found.rows)
    return f"\n\nDecided: {alone} of {counted(len(found.rows), 'rows')}; to a person: {len(found.rows) - alone}.\n" + (
        found.promise
    )


def _inside(folder: Path) -> str:
    return ", ".join(sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir()))


def runs(found: Sequence[RunLine], folder: str) -> str:
    """Runs as a table with the claim of each below."""
    if not found:
        return f"There are no runs in {folder}. `clearsight train` makes one."
    rows = [("run", "model", "data", "state", "made", "metric", "value", "95% interval")]
    for run in found:
        score = interval(run.value, run.interval) if run.metric else ("", "")
        made = run.created[:16].replace("T", " ")
        rows.append((str(run.path), run.model, run.data, run.state, made, run.metric, *score))
    claims = [f"{run.path}: {run.claim}" for run in found if run.claim]
    return table(rows, numbers=(6,)) + ("\n\n" + "\n".join(claims) if claims else "")


def table_description(found: TableDescription) -> str:
    """What is in a table, for a person: its columns, the target, and what to look at before training."""
    rows: list[tuple[str, ...]] = [("column", "kind", "missing", "alone", "holds")]
    for one in found.columns:
        rows.append((one.name, one.kind, str(one.missing), f"{found.telling[one.name]:.2f}", one.holds))
    target = [(found.target_name, ""), *((name, f"{value:.6g}") for name, value in found.target.items())]
    parts = [f"{found.name}, {counted(found.rows, 'rows')}", table(rows, (2, 3)), table(target, (1,))]
    parts.append("alone: how well the column predicts the target by itself, on rows left out (1 is perfectly).")
    lines = [f"{name} alone tells {found.target_name}: is it known before it is needed?" for name in found.leaks]
    lines += list(found.problems)
    parts += data_audit.audited(found.audit) if found.audit is not None else []
    return "\n\n".join(parts + (["worth a look:\n" + "\n".join(f"  {line}" for line in lines)] if lines else []))


def labels_description(found: LabelsDescription) -> str:
    """What is in a table of labels whose pictures are not at hand: the states of each label, groups, clusters."""
    parts = [f"{found.name}, {counted(found.rows, 'rows')}", found.pictures]
    if found.labels:
        states = list(next(iter(found.labels.values())))
        lines = [(drawing.shown(name), *(str(n) for n in counts.values())) for name, counts in found.labels.items()]
        parts.append(table([("label", *states), *lines], range(1, len(states) + 1)))
    for name, counts in (*found.classes.items(), *found.groups.items()):
        lines = [(drawing.shown(word) or "blank", str(count)) for word, count in counts.items()]
        parts.append(table([(drawing.shown(name), "rows"), *lines], (1,)))
    for name, numbers in found.numbers.items():
        parts.append(table([(drawing.shown(name), ""), *((word, f"{n:.6g}") for word, n in numbers.items())], (1,)))
    by = f", by the column {drawing.shown(found.clusters_by)}" if found.clusters_by else ": every row alone"
    parts.append(f"clusters: {found.clusters}{by}")
    parts += data_audit.audited(found.audit) if found.audit is not None else []
    lines_of_notes = "\n".join(f"  {line}" for line in found.problems)
    return "\n\n".join(parts + ([f"worth a look:\n{lines_of_notes}"] if found.problems else []))


def description(found: Description | TableDescription | LabelsDescription) -> str:
    """What is in the data, for a person: sizes, classes, groups, and what to look at before training."""
    if isinstance(found, TableDescription):
        return table_description(found)
    if isinstance(found, LabelsDescription):
        return labels_description(found)
    splits = list(found.splits)
    told = any(split.truths for split in found.splits.values())
    boxes = not told and found.kind != TRUTHS[Picture]
    rows = [("", *splits)]
    for name in (
        ("pictures", "without_objects", "objects", "ignored", "clusters") if boxes else ("pictures", "clusters")
    ):
        rows.append((name.replace("_", " "), *(str(getattr(found.splits[split], name)) for split in splits)))
    for size in ("small", "medium", "large") if boxes else ():
        rows.append((f"{size} boxes", *(str(found.splits[split].box_areas.get(size, 0)) for split in splits)))
    what = counted(len(found.class_names), "classes") if found.class_names else "no classes"
    kind = "" if boxes else f", {found.kind}"
    parts = [f"{found.name} ({found.format}), {what}{kind}", table(rows, range(1, len(rows[0])))]
    parts += data_notes.clusters(found)
    parts += [_truths(found)] if told else [_classes(found)] if boxes else []
    parts += [_groups(attribute, found) for attribute in _attributes(found)]
    sizes = {size: count for split in splits for size, count in found.splits[split].picture_sizes.items()}
    parts.append("picture sizes (width x height): " + ", ".join(sorted(sizes, key=lambda s: -sizes[s])[:5]))
    parts += data_audit.audited(found.audit) if found.audit is not None else []
    return "\n\n".join(parts + _warnings(found))


def _classes(found: Description) -> str:
    """The objects of each class, by split."""
    rows = [("class", *found.splits)]
    for name in found.class_names:
        rows.append((drawing.shown(name), *(str(split.objects_per_class[name]) for split in found.splits.values())))
    return table(rows, range(1, len(rows[0])))


def _truths(found: Description) -> str:
    """What is counted of truths that are no boxes: a row for each class, a column for each split and table."""
    titles = list(next(iter(found.splits.values())).truths)
    columns = [(split, title) for split in found.splits for title in titles]
    rows = [("", *(f"{split} {title}" for split, title in columns))]
    for name in next(iter(found.splits.values())).truths[titles[0]]:
        cells = (found.splits[split].truths[title].get(name, 0) for split, title in columns)
        rows.append((drawing.shown(name), *(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells)))
    return table(rows, range(1, len(rows[0])))


def _attributes(found: Description) -> list[str]:
    return sorted({name for split in found.splits.values() for name in split.groups})


def _groups(attribute: str, found: Description) -> str:
    splits = list(found.splits)
    values = sorted({value for split in found.splits.values() for value in split.groups.get(attribute, {})})
    rows = [(attribute, *splits)]
    for value in values:
        rows.append((value, *(str(found.splits[split].groups.get(attribute, {}).get(value, 0)) for split in splits)))
    return table(rows, range(1, len(rows[0])))


def _warnings(found: Description) -> list[str]:
    """What is worth a look, each with why."""
    lines = []
    if found.imbalance >= 10:
        missing = "objects" if found.kind == TRUTHS[Boxes] else "pictures"
        said = f"a class has no {missing}" if math.isinf(found.imbalance) else f"{found.imbalance:.0f} times"
        lines.append(f"imbalance: {said} between the most and the least frequent class; judge each by its own score.")
    for split, names in found.absent_classes.items():
        if names:
            lines.append(f"{split} has no {', '.join(names[:10])}: nothing can be said of them there.")
    lines += data_notes.shared(found)
    if found.duplicates:
        lines.append(f"{len(found.duplicates)} pictures are in several splits, byte for byte: scores will be too good.")
    lines += data_notes.worth_a_look(found)
    lines += list(found.problems)
    return ["worth a look:\n" + "\n".join(f"  {line}" for line in lines)] if lines else ["no problems found."]
