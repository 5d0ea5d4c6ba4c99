import asyncio

import pytest
from starlette.requests import ClientDisconnect

from clearsight.web.app import create_app
from clearsight.web.bodies import Bodies, BodyLimits

from .conftest import small_router  # isort: skip


def test_every_answer_carries_a_strict_policy(client):
    one = client()
    for path in ("/", "/nowhere", "/fails", "/static/web.css", "/health"):
        headers = one.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'self';") and "unsafe" not in policy and "*" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers
    assert one.get("/", headers={"host": "evil"}).headers["content-security-policy"]


def test_pages_escape_and_show_hidden_characters(client):
    text = client().get("/").text
    assert "&lt;b&gt;hello&lt;/b&gt;[U+202E]" in text
    assert "<script" not in text and "style=" not in text


def test_errors_are_pages_for_people_and_json_for_programs(client):
    one = client()
    assert one.get("/nowhere").json() == {"error": "There is no page /nowhere."}
    page = one.get("/<b>", headers={"accept": "text/html,*/*"})
    assert page.status_code == 404 and "<h1>Not Found</h1>" in page.text and "<b>clearsight" not in page.text
    assert one.post("/number").status_code == 405
    assert one.get("/number?n=x").json()["error"].startswith("The request does not fit: n: ")


def test_a_fault_tells_nothing_of_the_server(client):
    answer = client().get("/fails")
    assert answer.status_code == 500
    assert "secret" not in answer.text and "Traceback" not in answer.text


def test_static_files_are_known_beforehand(client):
    one = client()
    style = one.get("/static/report.css")
    assert style.headers["content-type"].startswith("text/css") and "--paper" in style.text
    again = one.get("/static/report.css", headers={"if-none-match": style.headers["etag"]})
    assert again.status_code == 304
    for path in ("/static/../web/app.py", "/static/%2e%2e%2fapp.py", "/static/..%2f..%2fetc%2fpasswd", "/static/"):
        assert one.get(path).status_code == 404


def test_long_requests_are_refused_by_what_they_declare_and_by_what_they_send(client):
    one = client(request_bytes=1000)
    assert one.post("/take", content=b"x" * 1000).json() == {"bytes": 1000}
    declared = one.post("/take", content=b"x" * 1001)
    assert declared.status_code == 413 and "Expected at most" in declared.json()["error"]
    undeclared = one.post("/take", content=(b"x" * 300 for _ in range(4)))
    assert undeclared.status_code == 413


def test_compressed_requests_are_refused(client):
    answer = client().post("/take", content=b"x", headers={"content-encoding": "gzip"})
    assert answer.status_code == 415


def test_uploads_at_once_are_bounded_and_what_was_held_is_given_back(client):
    one = client(request_bytes=1000, all_bytes=500)
    answer = one.post("/take", content=b"x" * 600)
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
    for _ in range(3):
        assert one.post("/take", content=b"x" * 400).status_code == 200


def scope(**headers):
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": "/take", "query_string": b"", "headers": pairs, "app": None}


def status_of(app, receive, **headers):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope(host="localhost", **headers), receive, send))
    return sent[0]["status"]


def test_a_slow_upload_ends():
    async def receive():
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    app = create_app(small_router(), title="small", bodies=BodyLimits(seconds=0.1))
    assert status_of(app, receive, content_length="100") == 408


def test_an_upload_that_is_cut_is_no_fault_of_the_server():
    parts = iter([{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(parts)

    assert status_of(create_app(small_router(), title="small"), receive, content_length="100") == 400


def test_a_client_that_waits_for_leave_is_refused_before_it_sends():
    async def receive():
        raise AssertionError("the body was asked for")

    app = create_app(small_router(), title="small", bodies=BodyLimits(request_bytes=10))
    assert status_of(app, receive, content_length="100", expect="100-continue") == 413


def test_what_is_held_is_given_back_when_an_application_fails():
    async def fails(scope, receive, send):
        raise ClientDisconnect

    bodies = Bodies(fails, BodyLimits())

    async def receive():
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        status_of(bodies, receive, content_length="100")
    assert bodies.held == 0


def test_the_environment_cannot_make_it_send_telemetry(monkeypatch):
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    app = create_app(small_router(), title="small")
    settings = getattr(app.app.app, "_telemetry", {})
    assert not any(settings.get(name) for name in ("tracing", "metrics", "logs", "operation_spans", "auto_configure"))
