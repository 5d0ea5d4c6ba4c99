import pytest
from fastapi import APIRouter, Request
from starlette.testclient import TestClient

from clearsight.web.access import Access
from clearsight.web.app import create_app
from clearsight.web.bodies import BodyLimits
from clearsight.web.pages import Pages


def small_router() -> APIRouter:
    router, pages = APIRouter(), Pages()

    @router.get("/")
    def home():
        return pages.answer("error.html.jinja", status=200, said="<b>hello</b>\u202e", message="<script>hit()</script>")

    @router.get("/fails")
    def fails():
        raise RuntimeError("a secret path /home/somebody/x")

    @router.post("/take")
    async def take(request: Request):
        return {"bytes": len(await request.body())}

    @router.get("/number")
    def number(n: int):
        return {"n": n}

    @router.get("/health")
    def health():
        return {"status": "ok"}

    return router


@pytest.fixture
def client():
    """Makes a client of a small application; ``Host`` is that of this machine."""

    def made(access: Access | None = None, **limits) -> TestClient:
        app = create_app(small_router(), title="small", access=access, bodies=BodyLimits(**limits))
        return TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)

    return made
