"""Pages from templates: everything is escaped, control characters are made visible, a missing name is an error."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from clearsight.visible import visible

TEMPLATES = Path(__file__).parent / "templates"


class Pages:
    """The templates of this room (``base.html.jinja``) and those of ``folders``."""

    def __init__(self, *folders: Path) -> None:
        self.environment = Environment(
            loader=FileSystemLoader([*folders, TEMPLATES]), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True, finalize=_shown,
        )  # fmt: skip

    def answer(
        self, template: str, status_code: int = 200, headers: Mapping[str, str] | None = None, **content: Any
    ) -> HTMLResponse:
        """A template filled in, as an answer."""
        return HTMLResponse(self.text(template, **content), status_code=status_code, headers=dict(headers or {}))

    def text(self, template: str, **content: Any) -> str:
        """A template filled in."""
        return self.environment.get_template(template).render(content)


def _shown(value: Any) -> Any:
    return visible(value) if type(value) is str else value
