"""Counts requests and their times, around everything else."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clearsight.serving.metrics import SECONDS, Metrics

PATHS = frozenset({"/", "/v1/predict", "/v1/sample", "/v1/runs", "/v1/card", "/health", "/metrics", "/openapi.json"})


class Counting:
    """Tells ``Metrics`` of every request that was answered; paths that nobody serves are counted as one."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, path = time.monotonic(), scope["path"]
        known = path if path in PATHS else "/static" if path.startswith("/static/") else "other"

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.metrics.count("requests_total", path=known, status=str(message["status"]))
                self.metrics.observe("request_seconds", time.monotonic() - began, SECONDS)
            await send(message)

        await self.app(scope, receive, counting)
