"""Style sheets, scripts and pictures of the package, read once: no path of a request is ever opened."""

import hashlib
import importlib.resources
import mimetypes
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

STATIC = Path(__file__).parent / "static"
REPORT = ("colours.css", "page.css", "plot.css")
SUFFIXES = (".css", ".js", ".svg", ".png", ".webp", ".woff2")


class _File(NamedTuple):
    content: bytes
    media_type: str
    tag: str


def static_router(folders: Iterable[Path]) -> APIRouter:
    """Serves the files of this room, of ``folders``, and the style sheet of the report, under ``/static/NAME``."""
    report = Path(str(importlib.resources.files("clearsight"))) / "report"
    files = {"report.css": _file(b"".join((report / name).read_bytes() for name in REPORT), "text/css")}
    for folder in (STATIC, *folders):
        files |= {path.name: _read(path) for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES}
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{name}")
    async def static(name: str, request: Request) -> Response:
        file = files.get(name)
        if file is None:
            raise HTTPException(404)
        headers = {"cache-control": "no-cache", "etag": file.tag}
        if request.headers.get("if-none-match") == file.tag:
            return Response(status_code=304, headers=headers)
        return Response(file.content, media_type=file.media_type, headers=headers)

    return router


def _read(path: Path) -> _File:
    content = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return _file(content, "text/javascript" if path.suffix == ".js" else kind)


def _file(content: bytes, media_type: str) -> _File:
    return _File(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
