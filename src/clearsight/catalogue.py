"""The names of what can be chosen, read from the rooms themselves.

A room's ``__init__`` is its register: each line ``from .yolo import Yolo as Yolo`` offers one part under its module's
name (``yolo``; underscores become hyphens). The lines are read as text, so listing the parts imports none of them.
"""

import ast
import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clearsight.suggestions import did_you_mean

ROOMS = {
    "architectures": "model",
    "generators": "generator",
    "estimators": "table model",
    "tasks": "task",
    "audits": "audit",
    "corruptions": "corruption",
    "mitigations": "mitigation",
    "sources.formats": "data format",
    "simulations": "simulation",
    "probes": "probe",
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing that can be chosen: its name, the room it lives in, and the first line of what it says of itself."""

    name: str
    room: str
    module: str
    attribute: str
    summary: str

    def load(self) -> Any:
        """The part itself; only now is its module imported."""
        return getattr(importlib.import_module(self.module), self.attribute)


def documentation(part: Part) -> str:
    """All that the part's module says of itself; the module is imported for it."""
    return inspect.getdoc(importlib.import_module(part.module)) or part.summary


def opening(part: Part) -> str:
    """The first paragraph of the documentation, on one line."""
    return " ".join(documentation(part).split("\n\n", 1)[0].split())


def declared(part: Part, attribute: str) -> tuple[str, ...]:
    """What a class of the part's module sets ``attribute`` to, read as text: words, or the names of types.

    ``tasks: ClassVar[...] = ("detection",)`` gives ``("detection",)``, and ``offers = (Boxes, Instances)`` the names of
    the two. Empty where no class sets it to such values.
    """
    folder, _, name = part.module.removeprefix("clearsight.").rpartition(".")
    path = Path(__file__).parent.joinpath(*folder.split("."), f"{name}.py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(one, ast.Name) and one.id == attribute for one in targets):
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            return tuple(ast.unparse(one).strip("\"'") for one in values)
    return ()


@cache
def parts(room: str) -> tuple[Part, ...]:
    """The parts of a room, in the order of its ``__init__``."""
    folder = Path(__file__).parent.joinpath(*room.split("."))
    found = []
    for node in ast.parse((folder / "__init__.py").read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ImportFrom) or node.level != 1 or node.module is None:
            continue
        text = (folder / f"{node.module}.py").read_text(encoding="utf-8")
        docstring = ast.get_docstring(ast.parse(text)) or ""
        found += [
            Part(
                name=node.module.replace("_", "-"),
                room=room,
                module=f"clearsight.{room}.{node.module}",
                attribute=alias.name,
                summary=docstring.split("\n", 1)[0],
            )
            for alias in node.names
        ]
    return tuple(found)


def find(room: str, name: str) -> Part:
    """The part of that name; raises ValueError with the nearest names where there is none."""
    return named({part.name: part for part in parts(room)}, name, ROOMS[room])


def named(by_name: Mapping[str, Part], name: str, kind: str) -> Part:
    """The one of some parts that has that name; raises ValueError with the nearest names where there is none."""
    if name in by_name:
        return by_name[name]
    hint = did_you_mean(name, by_name, f"Choose one of: {', '.join(by_name)}.", cutoff=0.4)
    raise ValueError(f"there is no {kind} named {name!r}. {hint}")
