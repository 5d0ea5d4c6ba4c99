"""A person's path on the page, in a real browser: open, drop a picture, see the boxes and the warnings."""

import base64
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

DROP = """
(() => {
  const bytes = Uint8Array.from(atob('%s'), letter => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], '%s', {type: 'image/png'}));
  document.dispatchEvent(new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: transfer}));
})()
"""
STATE = "document.getElementById('state').textContent"


@pytest.fixture(scope="module")
def place(tiny_run):
    """The address of `clearsight serve` in a process of its own, which ends without an error."""
    asked = [
        sys.executable,
        "-m",
        "clearsight",
        "serve",
        str(tiny_run.path),
        "--port",
        "0",
        "--max-megapixels",
        "1",
    ]
    process = subprocess.Popen(asked, stdout=subprocess.PIPE, text=True)
    said = process.stdout.readline()
    assert said.startswith("Serving at http://127.0.0.1:"), said
    yield said.split()[2]
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(60) == 0
    process.stdout.close()


def dropped(path: Path) -> str:
    return DROP % (base64.b64encode(path.read_bytes()).decode(), path.name)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_dropped_picture_shows_boxes_and_the_warning(browser, place, rectangles, tmp_path, width):
    from PIL import Image

    large = tmp_path / "large.png"
    with Image.open(rectangles / "JPEGImages" / "scene041.png") as picture:
        picture.resize((512, 512), Image.Resampling.NEAREST).save(large)
    browser.open(place, width)
    assert browser.run("document.getElementById('file').checkVisibility({opacityProperty: true})") is False
    browser.run(dropped(large))
    browser.until("document.querySelector('.looked img')?.complete")
    assert "object" in browser.run("document.querySelector('.said').textContent")
    assert "512 x 512 px" in browser.run("document.querySelector('.cautions').textContent")
    assert browser.pictures == [512]
    assert browser.sticking_out == [] and browser.complaints == []
    assert all(url.startswith(place) for url in browser.requests)


def test_what_cannot_be_looked_at_is_said(browser, place, tmp_path):
    browser.open(place)
    (tmp_path / "notes.png").write_text("no picture")
    browser.run(dropped(tmp_path / "notes.png"))
    browser.until(f"{STATE}.includes('notes.png: not a picture')")
    assert browser.run("document.querySelectorAll('.looked').length") == 0
