"""The application: routers of other rooms behind one guard, with their static files and clear errors."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from clearsight.files.provenance import version
from clearsight.web import errors
from clearsight.web.access import Access
from clearsight.web.bodies import Bodies, BodyLimits
from clearsight.web.guard import Guard
from clearsight.web.static_files import static_router

# FastAPI would take part in the tracing of a process that has set it up, and send requests elsewhere where the
# environment says so.
NO_TELEMETRY = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False,
}  # fmt: skip


def create_app(
    *routers: APIRouter,
    title: str,
    access: Access | None = None,
    bodies: BodyLimits | None = None,
    static: Sequence[Path] = (),
    running: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> ASGIApp:
    """An application of these routers.

    Args:
        access: who may ask; by default everybody on this machine.
        bodies: how much a request may send.
        static: folders whose style sheets and scripts are served under ``/static/NAME``.
        running: a context that is entered before the first request and left after the last.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with running():
            yield

    app = FastAPI(
        title=title, version=version("clearsight"), docs_url=None, redoc_url=None, lifespan=lifespan,
        telemetry=NO_TELEMETRY,  # type: ignore[arg-type]
    )  # fmt: skip
    errors.handle(app)
    for router in (*routers, static_router(static)):
        app.include_router(router)
    return Guard(Bodies(app, bodies or BodyLimits()), access or Access())
