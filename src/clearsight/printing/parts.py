"""What there is to choose from as text for a terminal: models by task, with the data each takes, and data layouts."""

from collections.abc import Mapping, Sequence
from typing import Any

from clearsight import catalogue
from clearsight.printing.columns import table
from clearsight.verbs.datasets import datasets as known_datasets
from clearsight.verbs.models import ModelDescription, data_of, tasks_of
from clearsight.verbs.models import models as known_models


def model_rows() -> list[dict[str, Any]]:
    """Every model as plain values: name, summary, tasks, and the data it takes."""
    return [
        {
            "name": part.name,
            "summary": _plain(part.summary),
            "tasks": list(tasks_of(part)),
            "data": data_of(part),
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


def model(found: ModelDescription) -> str:
    """One model: what it is, its tasks and data, and its settings with their defaults and what they mean."""
    facts = table([("tasks", ", ".join(found.tasks)), ("data", found.data)])
    parts = [f"{found.name}\n{facts}", _plain(found.about)]
    parts += _settings("Settings of the model (--set NAME=VALUE)", found.settings, found.meanings)
    if found.training:
        title = "Settings of its training (--set NAME=VALUE)"
        parts += _settings(title, found.training, found.training_meanings)
    return "\n\n".join(parts)


def _settings(title: str, defaults: Mapping[str, str | None], meanings: str) -> list[str]:
    if not defaults:
        return [f"{title}: none."]
    rows = [(name, "settled by the data or left out" if value is None else value) for name, value in defaults.items()]
    return [f"{title}:\n{_indented([('setting', 'default'), *rows])}", *([_plain(meanings)] if meanings else [])]


def datasets() -> str:
    """The data layouts with the tasks they are for."""
    return "\n".join(f"{row['name']}\n  {row['summary']}\n  for {', '.join(row['tasks'])}" for row in dataset_rows())


def _plain(text: str) -> str:
    """A docstring as text for a terminal: code between single marks, not those of reStructuredText."""
    return text.replace("``", "`")


def _indented(rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(f"  {line}" for line in table(rows).splitlines())
