"""A page printed to PDF by a browser that is installed, with nothing loaded and nothing sent."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge",
    "brave-browser",
)  # fmt: skip
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
_FLAGS = (
    "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions", "--no-pdf-header-footer",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # the pages load nothing, and the browser itself is not to either
)  # fmt: skip
MOST_S = 180


def browser() -> str:
    """Where a browser of the Chromium family is; raises ValueError where there is none."""
    found = next((place for name in NAMES if (place := shutil.which(name)) is not None), None)
    found = found or next((place for place in _PLACES if Path(place).is_file()), None)
    if found is None:
        raise ValueError(
            "no browser was found to print with. Expected Chromium, Chrome or Edge: install one (Debian and Ubuntu: "
            "apt install chromium), or open the page in any browser and print it to a file there."
        )
    return found


def printed(page: str) -> bytes:
    """The PDF of an HTML page, on paper of the size that its style sheet names.

    Raises ValueError where there is no browser, or it makes no PDF within three minutes.
    """
    program = browser()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        source, made = Path(folder) / "page.html", Path(folder) / "page.pdf"
        source.write_text(page, encoding="utf-8")
        # As root, which is usual in containers, it refuses to start within its sandbox; the page is our own.
        alone = ["--no-sandbox"] if sys.platform == "linux" and os.geteuid() == 0 else []
        command = [program, *_FLAGS, *alone, f"--user-data-dir={folder}/profile", f"--print-to-pdf={made}"]
        try:
            subprocess.run([*command, source.as_uri()], capture_output=True, timeout=MOST_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ValueError(f"{program} did not print the page ({error}). Print it by hand in a browser.") from error
        content = made.read_bytes() if made.is_file() else b""
    if not content.startswith(b"%PDF"):
        raise ValueError(f"{program} made no PDF. Open the page in a browser and print it to a file there.")
    return content
