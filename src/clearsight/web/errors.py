"""Errors as one clear answer: a page for people, JSON ``{"error": "..."}`` for programs; never a traceback."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from clearsight.visible import visible
from clearsight.web.pages import Pages

_PAGES = Pages()


def answered_with(scope: Scope, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a request that fails: a page where the client asks for one, else JSON."""
    if "text/html" in Headers(scope=scope).get("accept", ""):
        said = HTTPStatus(status).phrase
        return _PAGES.answer("error.html.jinja", status, headers, status=status, said=said, message=message)
    return JSONResponse({"error": visible(message)}, status_code=status, headers=dict(headers or {}))


def handle(app: FastAPI) -> None:
    """Let an application answer all of its errors so."""

    async def http(request: Request, error: Any) -> Response:
        usual = {404: f"There is no page {request.url.path}.", 405: f"{request.url.path} does not take that method."}
        phrases = {str(error.detail)} & {HTTPStatus(error.status_code).phrase}
        message = usual.get(error.status_code, error.detail) if phrases else error.detail
        return answered_with(request.scope, error.status_code, str(message), error.headers)

    async def invalid(request: Request, error: Any) -> Response:
        return answered_with(request.scope, 422, _in_words(error))

    async def cut(request: Request, error: Any) -> Response:
        # The client has gone: nobody reads this, and it is no fault of the server.
        return answered_with(request.scope, 400, "The upload ended before it was complete.")

    async def fault(request: Request, error: Any) -> Response:
        message = "The server failed on this request. What failed is in its own output; it goes on."
        return answered_with(request.scope, 500, message)

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ClientDisconnect, cut)
    app.add_exception_handler(Exception, fault)


def _in_words(error: RequestValidationError) -> str:
    """What does not fit in a request, without its content."""
    said = [f"{'.'.join(map(str, one['loc'][1:])) or 'the request'}: {one['msg']}" for one in error.errors()[:5]]
    return f"The request does not fit: {'; '.join(said)}. The parameters are described in /openapi.json."
