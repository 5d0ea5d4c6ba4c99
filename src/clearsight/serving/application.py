"""The whole application: interface and page over the models, behind the guard, counted."""

from starlette.types import ASGIApp

from clearsight.serving.api import api_router
from clearsight.serving.counting import Counting
from clearsight.serving.service import Service
from clearsight.serving.site import STATIC, site_router
from clearsight.web.access import Access
from clearsight.web.app import create_app


def application(service: Service, access: Access | None = None) -> ASGIApp:
    """An ASGI application of served models."""
    app = create_app(
        api_router(service), site_router(service), title="clearsight serve", access=access,
        bodies=service.limits.bodies, static=(STATIC,), running=service.running,
    )  # fmt: skip
    return Counting(app, service.metrics)
