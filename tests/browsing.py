"""Headless Chromium for tests, driven over the DevTools protocol through a pair of pipes; a plugin of ``conftest``."""

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
from pathlib import Path

import pytest

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


_PICTURES = "[...document.images].map(image => image.complete && image.naturalWidth)"
# How far anything sticks out of the window to the right; tables scroll within their own frames.
_STICKS_OUT = """
[...document.body.querySelectorAll('*')].filter(e => !e.closest('.scroll') && !e.closest('svg') && !e.closest('.skip')
  && e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))
"""


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

    def open(self, page: Path | str, width: int = 1280, dark: bool = False) -> None:
        """Load a page of the disk, or an address, in a window of that width, and wait until it is drawn."""
        self.events.clear()
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._read()
        self.run(DRAWN)

    def run(self, script: str) -> object:
        """The value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, script: str, seconds: float = 60.0) -> None:
        """Wait until an expression in the page holds, and what came of it is drawn; fails where that takes too long."""
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({script})"):
            assert time.monotonic() < end, f"it did not come to hold: {script}"
            time.sleep(0.05)
        self.drawn()

    def picture(self, place: Path) -> None:
        """The whole page as PNG."""
        answer = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        place.write_bytes(base64.b64decode(answer["data"]))

    @property
    def pictures(self) -> list[int | bool]:
        """The width of each picture of the page as its file has it; false for one that is not shown."""
        return self.run(_PICTURES)

    @property
    def sticking_out(self) -> list[str]:
        """What sticks out of the window to the right, but for tables, which scroll within their own frames."""
        return self.run(_STICKS_OUT)

    def drawn(self) -> None:
        """Wait until the page is drawn again."""
        self.run(DRAWN)

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


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A running browser; the test is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    running = Browser(tmp_path_factory.mktemp("profile"))
    yield running
    running.close()
