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
        [sys.executable, "-m", "clearsight", "browse", str(folder / "tiny"), "--port", "0",
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
    """A key pressed."""
    for kind in ("keyDown", "keyUp"):
        browser.ask("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=KEYS[key])


def click(browser, element):
    """The middle of an element clicked, as with a mouse."""
    x, y = browser.run(
        f"(() => {{ const one = {element}; one.scrollIntoView({{block: 'center'}}); const at = "
        "one.getBoundingClientRect(); return [at.x + at.width / 2, at.y + at.height / 2] })()"
    )
    for kind in ("mousePressed", "mouseReleased"):
        browser.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def choose(browser, name, value):
    """A value of a filter chosen; the page follows once this has been answered."""
    browser.run(
        f"setTimeout(() => {{ const one = document.querySelector('[name={name}]'); one.value = '{value}'; "
        "one.dispatchEvent(new Event('change')) }, 50), 1"
    )


def follow(browser, act, *given):
    """What is done to a page that leads to another, and that one loaded."""
    browser.events.clear()
    act(browser, *given)
    while not any(event["method"] == "Page.loadEventFired" for event in browser.events):
        browser._read(200)
    browser.drawn()


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
    for name, value in (("group", "light:night"), ("cause", "any error"), ("doubt", "open")):
        follow(browser, choose, name, value)
    shown = browser.run("[...document.querySelectorAll('.chip')].map(chip => chip.textContent)")
    assert shown == ["any error×", "doubts: open×", "light: night×"]
    first = browser.run("document.querySelector('.tile a').href")
    press(browser, "ArrowRight")
    assert browser.run("document.activeElement.href") == first, "the arrows walk through the pictures"
    follow(browser, click, "document.activeElement")
    assert browser.run("document.querySelectorAll('.doubt.now').length") == 1
    assert browser.run("getComputedStyle(document.querySelector('.over .truth')).display") != "none"
    press(browser, "t")
    browser.until("getComputedStyle(document.querySelector('.over .truth')).display === 'none'")
    name = browser.run("document.querySelector('h1').textContent")
    follow(browser, press, "a")
    follow(browser, press, "u")
    assert browser.run("document.querySelector('h1').textContent") == name, "undone, and there again"
    follow(browser, press, "a")
    lines = (folder / "tiny" / "corrections").glob("*.jsonl")
    assert len(re.findall('"accepted"', next(lines).read_text())) == 2
    browser.open(f"{address}/corrections")
    follow(browser, click, "document.querySelector('form.ask button')")
    assert "holds exactly these corrections" in browser.run("document.querySelector('main').textContent")
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
        assert browser.run("getComputedStyle(document.documentElement).getPropertyValue('--blue')"), (
            "without its colours"
        )
        asked = [one for one in browser.requests if not one.startswith(f"{address}/")]
        assert asked == [], "nothing is loaded from elsewhere"
        if place != "/?class=x":  # the browser notes that this one is not found
            assert browser.complaints == [], place


def test_a_point_of_the_report_leads_to_its_pictures(browser, browsed):
    address, _ = browsed
    browser.open(f"{address}/report")
    point = "[...document.querySelectorAll('svg.plot.wide a')].find(one => one.href.baseVal.includes('light'))"
    follow(browser, click, f"{point}.querySelector('circle')")
    assert browser.run("document.querySelector('.chip').textContent").startswith("light: ")


def test_a_port_that_is_taken_is_said_before_anything_is_read(browsed):
    address, folder = browsed
    port = address.rpartition(":")[2]
    command = [sys.executable, "-m", "clearsight", "browse", str(folder / "tiny"), "--port", port]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2 and f"port {port} of 127.0.0.1 is taken" in ended.stderr
