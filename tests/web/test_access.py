import pytest

from clearsight.web.access import Access, is_loopback

TOKEN = "a-token-of-many-letters"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_the_loopback_needs_no_token(host):
    assert is_loopback(host)
    assert Access.of(host).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.4", "example.org", ""])
def test_anything_else_gets_a_token_that_differs_each_time(host):
    first, second = Access.of(host), Access.of(host)
    assert len(first.token) >= 32 and first.token != second.token
    assert first.hosts == frozenset()


@pytest.mark.parametrize("token", ["short", "x" * 15, "with space in the middle", "semi;colon;semi;colon", "ü" * 20])
def test_tokens_that_can_be_guessed_or_not_be_sent_are_refused(token):
    with pytest.raises(ValueError, match="the token has"):
        Access.of("127.0.0.1", token)


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[", "localhost.evil"]
)
def test_a_strangers_name_for_this_machine_is_refused(client, name):
    answer = client().get("/", headers={"host": name})
    assert answer.status_code == 403
    assert "this server answers to" in answer.json()["error"]


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000"])
def test_its_own_names_are_answered(client, name):
    assert client().get("/", headers={"host": name}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://localhost:8000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_pages_of_other_sites_cannot_send_anything(client, headers):
    answer = client().post("/take", content=b"x", headers=headers)
    assert answer.status_code == 403
    assert "another site" in answer.json()["error"]


def test_other_sites_may_link_here_and_load_nothing(client):
    one = client()
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert one.get("/", headers=followed).status_code == 200
    assert one.get("/", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}])
def test_programs_and_its_own_pages_can_send(client, headers):
    assert client().post("/take", content=b"four", headers=headers).json() == {"bytes": 4}


def test_the_token_is_asked_of_everybody_and_becomes_a_cookie(client):
    one = client(Access.of("0.0.0.0", TOKEN))
    assert one.get("/").status_code == 401
    assert one.post("/take", content=b"x").status_code == 401
    assert one.get("/", headers={"authorization": "Bearer wrong-but-long-enough"}).status_code == 401
    assert one.get("/?token=wrong", follow_redirects=False).status_code == 401
    assert one.post("/take", content=b"x", headers={"authorization": f"Bearer {TOKEN}"}).json() == {"bytes": 1}
    assert one.get("/health").status_code == 200
    assert one.get("/healthy").status_code == 401
    moved = one.get(f"/?token={TOKEN}&n=1", follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (303, "/?n=1")
    cookie = moved.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert one.get("/").status_code == 200  # the client keeps cookies
    assert one.get("/", headers={"host": "any.name"}).status_code in (200, 401)


def test_the_way_to_the_cookie_leads_to_no_other_host(client):
    one = client(Access.of("0.0.0.0", TOKEN))
    answer = one.get(f"http://127.0.0.1:8000//evil.example/?token={TOKEN}", follow_redirects=False)
    assert answer.headers["location"] == "/evil.example/"


def test_people_without_the_token_get_a_page_that_asks_for_it(client):
    answer = client(Access.of("0.0.0.0", TOKEN)).get("/", headers={"accept": "text/html"})
    assert answer.status_code == 401
    assert 'name="token"' in answer.text and TOKEN not in answer.text
