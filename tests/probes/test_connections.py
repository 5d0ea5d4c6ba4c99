"""Systems as functions, commands and endpoints, and what is said where they fail."""

import http.server
import json
import sys
import threading
import time

import pytest

import clearsight as cs
from clearsight.probes.asking import SystemFailed
from clearsight.probes.connections import Connection, opened

ECHO = "import sys\nfor line in sys.stdin:\n    print(line.strip()[::-1], flush=True)\n"


def ask(*texts, **connection):
    with opened(Connection(**connection), {}, ()) as system:
        return [system(text) for text in texts]


def script(folder, text):
    path = folder / "system.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_command_that_runs_throughout(tmp_path):
    command = [sys.executable, "-u", str(script(tmp_path, ECHO))]
    assert ask("uno", "dos\ntres", "", command=command) == ["onu", "sert sod", ""]
    assert ask("niño ’", command=["env", "PYTHONIOENCODING=utf-8", *command]) == ["’ oñin"]


def test_a_command_keeps_its_memory_from_message_to_message(tmp_path):
    text = "import sys\nfor number, line in enumerate(sys.stdin):\n    print(number, flush=True)\n"
    assert ask("a", "b", "c", command=f"{sys.executable} {script(tmp_path, text)}") == ["0", "1", "2"]


def test_a_command_run_for_each_message(tmp_path):
    path = script(tmp_path, "import sys\nprint(sys.argv[1].upper())\nprint('second line')\n")
    assert ask("a b; ls $HOME", command=f"{sys.executable} {path} '{{text}}'") == ["A B; LS $HOME\nsecond line"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys\nsys.exit('no model here')\n", "ended .exit status 1. when asked 'hello', saying 'no model here'"),
        ("input()\n", "ended .exit status 0."),
        ("import time\nprint('', end='', flush=True)\ntime.sleep(60)\n", "no line within 1.5 s after 'hello'.*flush"),
        ("import sys\nfor l in sys.stdin: sys.stdout.buffer.write(b'\\xff\\n'); sys.stdout.flush()\n", "not UTF-8"),
        ("import sys\nfor l in sys.stdin: print('a\\nb', flush=True)\n", "wrote 'b.*before it was asked"),
    ],
)
def test_a_command_that_fails(tmp_path, text, said):
    def slowly():
        with opened(Connection(command=[sys.executable, str(script(tmp_path, text))], timeout_s=1.5), {}, ()) as system:
            system("hello")
            time.sleep(0.3)
            system("again")

    with pytest.raises(SystemFailed, match=f"(?s){said}"):
        slowly()


def test_a_command_of_one_message_that_fails(tmp_path):
    path = script(tmp_path, "import sys, time\nprint('x')\nsys.stderr.write('bad\\nworse')\nsys.exit(3)\n")
    with pytest.raises(SystemFailed, match="exit status 3 on 'hi', saying 'worse'"):
        ask("hi", command=[sys.executable, str(path), "{text}"])
    with pytest.raises(SystemFailed, match="took longer than 0.5 s"):
        ask("hi", command=[sys.executable, "-c", "import time; time.sleep(20)", "{text}"], timeout_s=0.5)


@pytest.mark.parametrize("command", ["no-such-program-here", "no-such-program-here {text}"])
def test_a_command_that_is_not_there(command):
    with pytest.raises(SystemFailed, match="'no-such-program-here' cannot be run: No such file"):
        ask("hi", command=command)


def test_a_function():
    assert ask("a", answer=lambda text: text * 2) == ["aa"]
    with pytest.raises(SystemFailed, match="failed on 'a' with KeyError: 'model'"):
        ask("a", answer=lambda text: {}["model"])
    with pytest.raises(SystemFailed, match="answered 'a' with a int. Expected text"):
        ask("a", answer=len)
    with pytest.raises(SystemFailed, match="has 200,000 characters"):
        ask("a", answer=lambda text: "b" * 200_000)
    with pytest.raises(SystemFailed, match="120 of 120 replies are blank"):
        cs.probe("translator", lambda text: " ")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received.append((self.path, content))
        status, reply = self.server.answers(self.path, content)
        if status == 302:
            self.send_response(302)
            self.send_header("Location", "http://192.0.2.1/")
            self.end_headers()
            return
        self.send_response(status)
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *words):
        pass


def answers(path, content):
    replies = {
        "/ok": lambda: json.dumps({"text": content["text"][::-1]}).encode(),
        "/chat": lambda: json.dumps(
            {"choices": [{"message": {"content": content["messages"][0]["content"]}}]}
        ).encode(),
        "/plain": lambda: b"hello",
        "/number": lambda: b'{"text": 3}',
        "/other": lambda: b'{"answer": "x", "id": 1}',
        "/slow": lambda: time.sleep(1.5) or b"{}",
    }
    return (302, b"") if path == "/moved" else (200, replies[path]()) if path in replies else (500, b"out of memory")


@pytest.fixture
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.received, made.answers, made.daemon_threads = [], answers, True
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def test_an_endpoint(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:9")  # a proxy would send the messages elsewhere
    place = f"http://127.0.0.1:{server.server_port}"
    assert ask('say "hola"', url=f"{place}/ok") == ['"aloh" yas']
    assert server.received == [("/ok", {"text": 'say "hola"'})]
    body = '{"model": "small", "messages": [{"role": "user", "content": "{text}"}], "n": 1}'
    assert ask("a\n\\b", url=f"{place}/chat", body=body, reply="choices.0.message.content") == ["a\n\\b"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/none", "HTTP status 500 .*'out of memory'"),
        ("/moved", "HTTP status 302 .*redirects are not followed"),
        ("/plain", "is not JSON: 'hello'.*text at 'text'"),
        ("/number", "has a int at 'text'"),
        ("/other", "has no 'text', where answer, id was found.*--reply"),
        ("/slow", "took longer than 0.5 s"),
    ],
)
def test_an_endpoint_that_fails(server, path, said):
    with pytest.raises(SystemFailed, match=f"(?s){said}"):
        ask("hi", url=f"http://localhost:{server.server_port}{path}", timeout_s=0.5)


def test_an_endpoint_that_is_not_there():
    with pytest.raises(SystemFailed, match="127.0.0.1:9 cannot be reached.*refused"):
        ask("hi", url="http://127.0.0.1:9")


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "https://192.0.2.1:8000", "http://localhost.example.org", "http://[2001:db8::1]/"]
)
def test_another_machine_is_asked_only_where_that_is_said(url):
    with pytest.raises(ValueError, match="is not this machine.*--allow-remote"):
        ask("hi", url=url)


def test_what_does_not_go_together():
    for options, said in [
        ({}, "0 systems were named"),
        ({"command": "a", "url": "http://localhost"}, "2 systems were named"),
        ({"url": "localhost:80"}, "is no address of an endpoint"),
        ({"url": "file:///etc/hosts"}, "is no address of an endpoint"),
        ({"url": "http://localhost:port"}, "is no address"),
        ({"url": "http://localhost", "body": "text"}, "--body is not JSON"),
        ({"url": "http://localhost", "body": '{"a": 1}'}, "--body has no {text}"),
        ({"command": "a", "reply": "x"}, "go with --url only"),
        ({"command": "a 'b"}, "quotation marks"),
        ({"command": " "}, "the command is empty"),
        ({"command": "a", "timeout": 0}, "the time-out is 0 s"),
        ({"reference": "always-hee"}, "no reference system named 'always-hee'. Did you mean always-he"),
        ({"reference": "always-he", "tolerated": 2}, "tolerated share of mistakes is 2"),
        ({"reference": "always-he", "replicates": 5}, "5 replicates give no interval"),
        ({"reference": "always-he", "words": ["a"]}, "--words are hostile words"),
    ]:
        with pytest.raises(ValueError, match=said):
            cs.probe("translator", **options)
    with pytest.raises(ValueError, match="no probe named 'translater'. Did you mean translator"):
        cs.probe("translater", reference="always-he")


def test_a_command_of_ones_own_from_question_to_page(tmp_path):
    text = "import sys\nfor line in sys.stdin: print('He: <b>' + line.strip(), flush=True)\n"
    out = tmp_path / "page.html"
    found = cs.probe("translator", command=[sys.executable, str(script(tmp_path, text))], out=out, replicates=100)
    page = out.read_text(encoding="utf-8")
    assert found.page == str(out) and "<b>Probe</b>" in page and "He: &lt;b&gt;Mi hermana" in page
    assert len(found.replies) == 120 and found.replies[0].read_as == "he, wrong"
    assert "chance does not explain that" in found.card.summary
    assert found.card.facts["system"].startswith(f"command {sys.executable}")
