"""What there is to choose from as text for a terminal: models by task, with the data each takes, and data layouts."""

from collections.abc import Sequence
from typing import Any

from clearsight import catalogue
from clearsight.printing.columns import table
from clearsight.verbs.datasets import datasets as known_datasets
from clearsight.verbs.models import models as known_models


def model_rows() -> list[dict[str, Any]]:
    """Every model as plain values: name, summary, tasks, and the data it takes."""
    return [
        {
            "name": part.name,
            "summary": _plain(part.summary),
            "tasks": ["generation"] if part.room == "generators" else list(catalogue.declared(part, "tasks")),
            "data": "tables" if part.room == "estimators" else "pictures",
        }
        for part in known_models()
    ]


def dataset_rows() -> list[dict[str, Any]]:
    """Every data layout as plain values: name, summary, and the tasks whose truths it can give."""
    known = [(catalogue.declared(task, "truth_type"), task.name) for task in catalogue.parts("tasks")]
    return [
        {
            "name": part.name,
            "summary": _plain(part.summary),
            "tasks": [name for kind in catalogue.declared(part, "offers") for truth, name in known if truth == (kind,)],
        }
        for part in known_datasets()
    ]


def models() -> str:
    """The models in blocks of equal tasks, each task with the layouts whose data fit."""
    layouts = dataset_rows()
    blocks: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    of_tables: list[tuple[str, ...]] = []
    for row in model_rows():
        if row["data"] == "tables":
            of_tables.append((row["name"], ", ".join(row["tasks"]), row["summary"]))
        else:
            blocks.setdefault(tuple(row["tasks"]), []).append((row["name"], row["summary"]))
    parts = []
    for tasks, rows in sorted(blocks.items()):
        heads = []
        for task in tasks:
            part = catalogue.find("tasks", task)
            any_data = catalogue.declared(part, "truth_type") == ("Picture",)  # pictures are in all of them
            fitting = ", ".join(layout["name"] for layout in layouts if any_data or task in layout["tasks"])
            heads.append(f"{part.summary}\n    data: {fitting}")
        parts.append("\n".join([*heads, "", _indented(rows)]))
    tables = "Tables: a target column predicted from the other columns.\n    data: CSV, Parquet, sklearn:NAME"
    return "\n\n".join([*parts, f"{tables}\n\n{_indented(of_tables)}"])


def datasets() -> str:
    """The data layouts with the tasks they are for."""
    return "\n".join(f"{row['name']}\n  {row['summary']}\n  for {', '.join(row['tasks'])}" for row in dataset_rows())


def _plain(summary: str) -> str:
    """A docstring's first line as text for a terminal: code between single marks, not those of reStructuredText."""
    return summary.replace("``", "`")


def _indented(rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(f"  {line}" for line in table(rows).splitlines())
