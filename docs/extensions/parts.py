"""What can be chosen, as Markdown read from the catalogue: tables of parts, what each says of itself, its settings."""

import re
from typing import Any

from clearsight import catalogue
from clearsight.settings import defaults, explanation
from clearsight.types import TRUTHS, Training


def table(room: str) -> str:
    """The parts of a room as a table: name, what it says of itself, and the truths it reads or answers."""
    rows = [(part.name, _cell(catalogue.opening(part)), _truths(part)) for part in catalogue.parts(room)]
    columns = 3 if any(row[2] for row in rows) else 2
    lines = [("name", "what it is", "labels"), ("-", "-", "-"), *((f"`{name}`", *rest) for name, *rest in rows)]
    return "\n".join(f"| {' | '.join(line[:columns])} |" for line in lines) + "\n"


def details(room: str) -> str:
    """The parts of a room, a section each: what their modules say of themselves."""
    return "\n".join(
        f"## {part.name}\n\n{_markdown(catalogue.documentation(part))}\n" for part in catalogue.parts(room)
    )


def settings(room: str) -> str:
    """The parts of a room, a section each: their settings, and where they train otherwise than usual."""
    lines: list[str] = []
    for part in catalogue.parts(room):
        kind = part.load()
        lines += [f"## {part.name}", "", _markdown(catalogue.opening(part)), "", *_fields(kind.config_type())]
        changed = _changed(getattr(kind, "training_defaults", Training()))
        lines += [f"Of the settings of training it changes {changed}.", ""] if changed else []
    return "\n".join(lines)


def training() -> str:
    """The settings of training, with the defaults that hold unless a model states its own."""
    return "\n".join(_fields(Training()))


def _fields(config: Any) -> list[str]:
    """What a config says of its fields, and their defaults; nothing for one that has none."""
    rows = [(name, _cell_of(value)) for name, value in defaults(config).items()]
    if not rows:
        return ["It has no settings.", ""]
    own = _markdown(explanation(config))
    return [own, "", "| setting | default |", "|-|-|", *(f"| `{name}` | {value} |" for name, value in rows), ""]


def _changed(own: Training) -> str:
    usual, ours = defaults(Training()), defaults(own)
    return ", ".join(f"`{name}={value}`" for name, value in ours.items() if value != usual[name])


def _cell_of(value: str | None) -> str:
    """A default as ``--set`` takes it, or what stands in its place."""
    return "settled by the data or left out" if value is None else f"`{value}`"


def _truths(part: catalogue.Part) -> str:
    """What kinds of truth a data format offers, or a model's tasks answer, in words."""
    loaded = part.load()
    kinds = getattr(loaded, "offers", None) or [
        catalogue.find("tasks", task).load().truth_type for task in getattr(loaded, "tasks", ())
    ]
    return ", ".join(dict.fromkeys(TRUTHS[kind] for kind in kinds if kind in TRUTHS))


def _markdown(text: str) -> str:
    """A docstring as Markdown: its literals are code, and nothing else is taken for markup but lists and paragraphs."""
    pieces = re.split(r"(``.+?``)", text, flags=re.DOTALL)
    return "".join(
        f"`{' '.join(piece.strip('`').split())}`" if number % 2 else re.sub(r"([*<>_])", r"\\\1", piece)
        for number, piece in enumerate(pieces)
    )


def _cell(text: str) -> str:
    return _markdown(text).replace("|", "\\|")
