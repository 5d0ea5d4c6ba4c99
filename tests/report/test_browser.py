"""The page in a real browser: nothing is loaded, nothing runs, every picture is seen, nothing sticks out."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clearsight import report

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
# The browser reads commands from descriptor 3 and answers on 4.
START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"


class Browser:
    """Headless Chromium, driven over the DevTools protocol through a pair of pipes."""

    def __init__(self, profile: Path):
        commands_out, self._commands = os.pipe()
        self._answers, answers_in = os.pipe()
        # Away from 3 and 4, so that neither dup2 overwrites the other's source.
        high = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (commands_out, answers_in)]
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                "-c",
                START,
                *map(str, high),
                str(CHROMIUM),
                *FLAGS,
                f"--user-data-dir={profile}",
            ],
            pass_fds=high,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (commands_out, answers_in, *high):
            os.close(end)
        self._buffer, self._number, self._session = b"", 0, ""
        self.events: list[dict] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def close(self) -> None:
        os.close(self._commands)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        os.close(self._answers)

    def ask(self, method: str, **arguments: object) -> dict:
        """Send a command and wait for its answer; events that come meanwhile are kept."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": arguments}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]

    def _read(self, seconds: float = 30.0) -> dict:
        until = time.monotonic() + seconds
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, until - time.monotonic()))
            assert ready, "the browser did not answer"
            piece = os.read(self._answers, 1 << 20)
            assert piece, "the browser has gone"
            self._buffer += piece
        first, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(first)
        if "id" not in message:
            self.events.append(message)
        return message

    def open(self, page: Path, width: int = 1280, dark: bool = False) -> None:
        """Load a page of the disk in a window of that width, and wait until it is drawn."""
        self.events.clear()
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Page.navigate", url=page.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._read()
        self.run(DRAWN)

    def run(self, script: str) -> object:
        """The value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self, place: Path) -> None:
        """The whole page as PNG."""
        answer = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        place.write_bytes(base64.b64decode(answer["data"]))

    @property
    def complaints(self) -> list[dict]:
        """What the page logged: messages, errors, refusals of its own policy."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [event for event in self.events if event["method"] in kinds]

    @property
    def requests(self) -> list[str]:
        """Every address the page asked for, data URIs left out."""
        sent = [event for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [url for event in sent if not (url := event["params"]["request"]["url"]).startswith("data:")]


pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

# Every text of a plot that is shown: inside its drawing, and on no other text.
TEXTS = """
[...document.querySelectorAll('svg.plot')].filter(svg => svg.getClientRects().length).flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  const out = boxes.filter(([_, b]) => b.left < frame.left - 1 || b.right > frame.right + 1
    || b.top < frame.top - 1 || b.bottom > frame.bottom + 1).map(([name]) => 'outside: ' + name);
  const on = boxes.flatMap(([name, a], i) => boxes.slice(i + 1).filter(([_, b]) =>
    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 && b.top < a.bottom - 4)
    .map(([other]) => name + ' on ' + other));
  return [...out, ...on];
})
"""
PICTURES = "[...document.images].map(image => image.complete && image.naturalWidth)"
# How far anything sticks out of the window to the right; tables scroll within their own frames.
STICKS_OUT = """
[...document.body.querySelectorAll('*')].filter(e => !e.closest('.scroll') && !e.closest('svg') && !e.closest('.skip')
  && e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    running = Browser(tmp_path_factory.mktemp("profile"))
    yield running
    running.close()


def test_the_browser_notices_requests_scripts_and_complaints(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<body><img src=missing.png><script>window.hit = 1; console.error('seen'); nothing()</script>")
    browser.open(page)
    assert [url.rpartition("/")[2] for url in browser.requests] == ["page.html", "missing.png"]
    assert len(browser.complaints) >= 3
    assert browser.run("window.hit") == 1
    assert browser.run(PICTURES) == [0]


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_asked_for_and_nothing_complains(browser, card, folder, dark):
    page, _ = report.write(card, folder)
    browser.open(page, dark=dark)
    assert browser.requests == [page.as_uri()]
    assert browser.complaints == []
    assert browser.run(PICTURES) == [480] * 6
    ink, paper = browser.run("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    assert (brightness(ink) > brightness(paper)) == dark


def brightness(colour: str) -> float:
    return sum(float(part) for part in colour.strip("rgb()").split(","))


@pytest.mark.parametrize("width", [1280, 760, 390, 340])
def test_plots_and_page_fit_every_width(browser, card, folder, width):
    gaps = {
        "label": ["attribute: a value with a long name", "attribute: b", "c"],
        "value": [-0.1183, -0.004, 0.0212],
        "low": [-0.1302, -0.0161, 0.0103],
        "high": [-0.1071, 0.0092, 0.0311],
        "n": [1204511, 36, 8],
        "note": ["a long note about how many more pictures are needed before anyone can say anything at all " * 2] * 3,
    }
    more = replace(card.findings[2], series=gaps)
    card = replace(card, findings=(*card.findings, more))
    page, _ = report.write(card, folder)
    browser.open(page, width)
    assert browser.run("document.querySelectorAll('details').forEach(d => d.open = true)") is None
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run(STICKS_OUT) == []
    assert browser.run(TEXTS) == []
    shown = "[...document.querySelectorAll('svg.plot')].filter(s => s.getClientRects().length).length"
    assert browser.run(shown) == sum(finding.plot is not None for finding in card.findings)


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_names_do_nothing_and_break_nothing(browser, hostile, folder, width):
    page, _ = report.write(hostile, folder)
    browser.open(page, width)
    assert browser.run("window.hit") is None
    assert browser.run("document.scripts.length") == 0
    assert browser.requests == [page.as_uri()]
    assert browser.complaints == []
    assert browser.run(PICTURES) == [480] * 6
    assert browser.run("document.querySelectorAll('.question').length") == 6
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run(STICKS_OUT) == []
    assert [text for text in browser.run(TEXTS) if text.startswith("outside")] == []


def test_paper_shows_the_tables_in_light_colours(browser, card, folder):
    page, _ = report.write(card, folder)
    browser.open(page)
    visible = "document.querySelector('details table').checkVisibility()"
    assert browser.run(visible) is False
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    browser.ask("Emulation.setEmulatedMedia", media="print", features=[dark])
    browser.run(DRAWN)
    assert browser.run(visible) is True
    paper = browser.run("getComputedStyle(document.documentElement).getPropertyValue('--paper')")
    browser.ask("Emulation.setEmulatedMedia", media="")
    assert paper == "#fdfcf9"
