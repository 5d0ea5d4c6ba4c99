"""How much a server takes in: bytes of a request and of all at once, and the time an upload may last.

What a request may send is checked before it is read, by the length it declares, and while it is read. The bytes of all
requests under way are bounded too, and so is the memory for them.
"""

import asyncio
import time
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clearsight.web.errors import answered_with

MIB = 2**20
DRAINED = 4  # times the limit of a request are read and thrown away before it is refused, so that the answer is seen
DRAINED_S = 10.0


@dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """Bytes of one request and of all that are under way; seconds an upload may last."""

    request_bytes: int = 32 * MIB
    all_bytes: int = 256 * MIB
    seconds: float = 60.0


class Bodies:
    """Refuses requests that are too long, too slow, compressed, or too many at once."""

    def __init__(self, app: ASGIApp, limits: BodyLimits) -> None:
        self.app, self.limits, self.held = app, limits, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "")
        chunked = "transfer-encoding" in headers
        length = int(declared) if declared.isdecimal() else 0
        reserved = self.limits.request_bytes if chunked else length
        if headers.get("content-encoding", "identity").lower() != "identity":
            await self._refuse(scope, receive, send, 415, "The request is compressed. Send pictures as they are.")
        elif length > self.limits.request_bytes:
            await self._refuse(scope, receive, send, 413, too_long(length, self.limits.request_bytes))
        elif self.held + reserved > self.limits.all_bytes:
            message = "Too many uploads at once. Send it again in a moment."
            await self._refuse(scope, receive, send, 503, message, {"retry-after": "1"})
        else:
            self.held += reserved
            try:
                await self.app(scope, self._counted(receive), send)
            finally:
                self.held -= reserved

    def _counted(self, receive: Receive) -> Receive:
        until, read, more = time.monotonic() + self.limits.seconds, 0, True

        async def counted() -> Message:
            nonlocal read, more
            if not more:  # the body is complete: from here on only the end of the connection is waited for
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, until - time.monotonic()))
            except TimeoutError as error:
                more = False
                said = f"The upload was not complete within {self.limits.seconds:g} s."
                raise HTTPException(408, said, {"connection": "close"}) from error
            read += len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
            if read > self.limits.request_bytes:
                more = False
                said = too_long(read, self.limits.request_bytes)
                raise HTTPException(413, said, {"connection": "close"})
            return message

        return counted

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, status: int, message: str,
        headers: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Answer without the body; a client that waits for leave to send it does not send it at all.

        Other clients read no answer until they have sent everything, so it is read and thrown away, within limits.
        """
        headers_in, most = Headers(scope=scope), DRAINED * self.limits.request_bytes
        declared = headers_in.get("content-length", "")
        hopeless = declared.isdecimal() and int(declared) > most
        if headers_in.get("expect", "").lower() != "100-continue" and not hopeless:
            await _drained(receive, most)
        await answered_with(scope, status, message, {"connection": "close", **(headers or {})})(scope, receive, send)


async def _drained(receive: Receive, most: int) -> None:
    """Read a body without keeping it, until its end, for some bytes and seconds at most."""
    until, read = time.monotonic() + DRAINED_S, 0
    while read < most:
        try:
            message = await asyncio.wait_for(receive(), max(0.0, until - time.monotonic()))
        except TimeoutError:
            return
        read += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


def too_long(length: int, limit: int) -> str:
    """That a request is longer than the server takes, in words."""
    return (
        f"The request has {length / MIB:,.1f} MiB or more. Expected at most {limit / MIB:g} MiB: send fewer or smaller "
        "files."
    )
