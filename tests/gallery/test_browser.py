"""A person's path in a real browser: open, browse the misses of a group, correct a label with the keyboard, export."""

import re
import shutil
import signal
import subprocess
import sys

import pytest

from clearsight import sources
from clearsight.sources import records_of
from clearsight.types import Boxes

KEYS = {"a": 65, "r": 82, "u": 85, "t": 84, "ArrowRight": 39, "Escape": 27}


@pytest.fixture(scope="module")
def browsed(browser, tiny_run, tmp_path_factory):
    """The command in a process of its own, on a copy of the run; its address, and where data would be written."""
    folder = tmp_path_factory.mktemp("browsed")
    shutil.copytree(tiny_run.path, folder / "tiny")
    process = subprocess.Popen(
        [sys.executable, "-m", "clearsight.cli", "browse", str(folder / "tiny"), "--port", "0",
         "--out", str(folder / "corrected")],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = process.stdout.readline()
    assert said.startswith("Serving at http://127.0.0.1:")
    yield said.split()[2].rstrip("/"), folder
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    process.stdout.close()


def press(browser, key):
    """A key pressed, and the page that follows."""
    browser.run("window.before = true")
    for kind in ("keyDown", "keyUp"):
        browser.ask("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=KEYS[key])


def follow(browser, key):
    press(browser, key)
    browser.until("!window.before && document.readyState === 'complete'")


def rectangles_of(place):
    found = {}
    for dataset in sources.read(place, wanted=(Boxes,)).splits.values():
        for record in records_of(dataset):
            boxes = record.boxes()
            found[record.id] = sorted(zip(boxes.labels.tolist(), boxes.xyxy.tolist(), strict=True))
    return found


def test_the_misses_of_a_group_are_browsed_and_a_label_is_corrected_by_keyboard(browser, browsed, rectangles):
    address, folder = browsed
    browser.open(f"{address}/")
    assert browser.run("document.querySelectorAll('.tile').length") == 60
    browser.until("[...document.images].slice(0, 4).every(image => image.complete && image.naturalWidth)")
    choose = (
        "const one = document.querySelector('[name={}]{}'); one.value = '{}'; one.dispatchEvent(new Event('change'))"
    )
    for name, option, value in (("group", "", "light:night"), ("cause", "", "any error"), ("doubt", "", "open")):
        browser.run(f"window.before = true; {{ {choose.format(name, option, value)} }} 1")
        browser.until("!window.before && document.readyState === 'complete'")
    shown = browser.run("[...document.querySelectorAll('.chip')].map(chip => chip.textContent)")
    assert shown == ["any error×", "doubts: open×", "light: night×"]
    first = browser.run("document.querySelector('.tile a').href")
    press(browser, "ArrowRight")
    assert browser.run("document.activeElement.href") == first, "the arrows walk through the pictures"
    browser.run("window.before = true; document.activeElement.click()")
    browser.until("!window.before && document.querySelector('.doubt.now') && document.readyState === 'complete'")
    assert browser.run("getComputedStyle(document.querySelector('.over .truth')).display") != "none"
    press(browser, "t")
    browser.until("getComputedStyle(document.querySelector('.over .truth')).display === 'none'")
    name = browser.run("document.querySelector('h1').textContent")
    follow(browser, "a")
    follow(browser, "u")
    assert browser.run("document.querySelector('h1').textContent") == name, "undone, and there again"
    follow(browser, "a")
    lines = (folder / "tiny" / "corrections").glob("*.jsonl")
    assert len(re.findall('"accepted"', next(lines).read_text())) == 2
    browser.open(f"{address}/corrections")
    browser.run("window.before = true; document.querySelector('form.ask button').click()")
    browser.until("!window.before && document.querySelector('.written')", 120)
    assert "holds exactly these corrections" in browser.run("document.querySelector('.written').textContent")
    old, new = rectangles_of(rectangles), rectangles_of(folder / "corrected")
    assert [id for id in old if old[id] != new[id]] == [name], "one label of one picture, in Pascal VOC"
    assert browser.complaints == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_every_page_fits_and_complains_of_nothing(browser, browsed, width, dark):
    address, _ = browsed
    for place in ("/", "/?cause=any+error&group=light:night", "/pictures/3", "/corrections", "/report", "/?class=x"):
        browser.open(f"{address}{place}", width, dark)
        assert browser.run("document.documentElement.scrollWidth") <= width, place
        assert browser.sticking_out == [], place
        asked = [one for one in browser.requests if not one.startswith(f"{address}/")]
        assert asked == [], "nothing is loaded from elsewhere"
        if place != "/?class=x":  # the browser notes that this one is not found
            assert browser.complaints == [], place


def test_a_point_of_the_report_leads_to_its_pictures(browser, browsed):
    address, _ = browsed
    browser.open(f"{address}/report")
    point = "[...document.querySelectorAll('svg.plot.wide a')].find(one => one.href.baseVal.includes('light'))"
    browser.run(f"window.before = true; {point}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
    browser.until("!window.before && document.querySelector('.chip')")
    assert browser.run("document.querySelector('.chip').textContent").startswith("light: ")


def test_a_port_that_is_taken_is_said_before_anything_is_read(browsed):
    address, folder = browsed
    port = address.rpartition(":")[2]
    command = [sys.executable, "-m", "clearsight.cli", "browse", str(folder / "tiny"), "--port", port]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2 and f"port {port} of 127.0.0.1 is taken" in ended.stderr
