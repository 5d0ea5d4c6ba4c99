"""Fills in what pages leave to be generated: each comment ``<!-- generated: NAME [ROOM] -->`` becomes Markdown."""

import re
from typing import Any

import command_line
import parts
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

MAKERS = {
    "commands": command_line.commands,
    "details": parts.details,
    "settings": parts.settings,
    "table": parts.table,
    "training": parts.training,
}
PLACE = re.compile(r"^<!-- generated: (\w+)(?: ([\w.]+))? -->$", re.MULTILINE)


def fill(text: str) -> str:
    """The page with every such comment replaced; raises ExtensionError for a name that nothing makes."""

    def made(match: re.Match[str]) -> str:
        name, room = match.groups()
        if name not in MAKERS:
            raise ExtensionError(f"nothing generates {name!r}. Expected one of: {', '.join(MAKERS)}.")
        return MAKERS[name](*([] if room is None else [room]))

    return PLACE.sub(made, text)


def _read(app: Sphinx, docname: str, source: list[str]) -> None:
    source[0] = fill(source[0])


def _outdated(app: Sphinx, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Pages with generated parts are read anew at every build, since the package may have changed."""
    return [name for name in env.found_docs if PLACE.search(env.doc2path(name).read_text(encoding="utf-8"))]


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this."""
    app.connect("source-read", _read)
    app.connect("env-get-outdated", _outdated)
    return {"parallel_read_safe": True}
