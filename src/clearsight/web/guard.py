"""What stands before every request: access, and the headers that keep a browser from doing anything unexpected."""

from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clearsight.web.access import COOKIE, Access
from clearsight.web.errors import answered_with

# Nothing but this server's own files runs or is shown; pictures that a page makes itself are data: and blob:.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer": browsers would then send "Origin: null" with the forms of this site itself.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "cache-control": "no-store",
}
OPEN = ("/health", "/static")  # without a token: they tell nothing of the model or its data


class Guard:
    """Refuses what ``Access`` refuses, asks for the token, and sets headers that the answer does not set itself."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope) or self._without_token(scope)
        await (answer or self.app)(scope, receive, sending)

    def _refusal(self, scope: Scope) -> Response | None:
        reason = self.access.refused(scope["method"], Headers(scope=scope))
        return answered_with(scope, 403, f"Refused: {reason}") if reason else None

    def _without_token(self, scope: Scope) -> Response | None:
        """The answer to a request without the token; one that has it in its address gets it as a cookie instead."""
        headers, path = Headers(scope=scope), scope["path"]
        if self.access.token is None or any(path == one or path.startswith(f"{one}/") for one in OPEN):
            return None
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.access.holds(shown.strip()):
            return None
        if self.access.holds(cookie_parser(headers.get("cookie", "")).get(COOKIE)):
            return None
        asked = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        given = dict(asked).get("token")
        if scope["method"] == "GET" and self.access.holds(given):
            rest = urlencode([(name, value) for name, value in asked if name != "token"])
            # Not to another host: a path that begins with two slashes would name one.
            answer = RedirectResponse(f"/{path.lstrip('/')}" + (f"?{rest}" if rest else ""), status_code=303)
            answer.set_cookie(COOKIE, self.access.token, httponly=True, samesite="strict")
            return answer
        message = (
            "This server asks for a token. Open the address that it printed when it started, or send "
            "`Authorization: Bearer TOKEN`."
        )
        return answered_with(scope, 401, message, {"www-authenticate": "Bearer"})
