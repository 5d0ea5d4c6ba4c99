"""The HTML slides in a real browser: keys, notes, nothing loaded, no text outside its place; and on paper."""

import re
import shutil

import pytest

from clearsight import presentation
from clearsight.report import pdf

pytestmark = pytest.mark.skipif(
    not any(shutil.which(name) for name in pdf.NAMES), reason="no browser of the Chromium family on this machine"
)

# Texts that need more room than their box, and elements that leave their slide.
SPILLED = """
[...document.querySelectorAll('.stage')].flatMap(stage => {
  const frame = stage.getBoundingClientRect();
  return [...stage.querySelectorAll('.words, h2, table, img, svg')].filter(e => {
    const box = e.getBoundingClientRect();
    return box.right > frame.right + 1 || box.bottom > frame.bottom + 1 || box.left < frame.left - 1
      || (e.matches('.words, h2') && (e.scrollHeight > e.clientHeight + 2 || e.scrollWidth > e.clientWidth + 2));
  }).map(e => e.textContent.slice(0, 60) + ' ' + e.scrollHeight + ' in ' + e.clientHeight);
})
"""
NOW = """
[...document.querySelectorAll('.slide')].findIndex(s => Math.abs(s.getBoundingClientRect().top) < 3)
"""


def press(browser, key):
    browser.run(f"dispatchEvent(new KeyboardEvent('keydown', {{key: {key!r}, cancelable: true}}))")
    browser.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")


@pytest.mark.parametrize("which", ["long_card", "hostile_card"])
def test_nothing_spills_nothing_is_loaded_and_nothing_complains(which, browser, paged, tmp_path, request):
    page = tmp_path / "slides.html"
    pages = paged(request.getfixturevalue(which))
    page.write_text(presentation.html(pages, "A talk"), encoding="utf-8")
    browser.open(page)
    assert browser.run(SPILLED) == []
    assert browser.requests == [page.as_uri()] and browser.complaints == []
    assert browser.run("window.hit") is None and browser.run("document.scripts.length") == 1
    assert browser.run("document.querySelectorAll('.slide').length") == len(pages)


def test_keys_go_through_the_slides_and_show_the_notes(browser, card, paged, tmp_path):
    page = tmp_path / "slides.html"
    pages = paged(card)
    page.write_text(presentation.html(pages, "A talk"), encoding="utf-8")
    browser.open(page)
    assert browser.run(NOW) == 0
    for key, place in (("ArrowRight", 1), (" ", 2), ("PageDown", 3), ("ArrowLeft", 2), ("End", len(pages) - 1),
                       ("ArrowRight", len(pages) - 1), ("Home", 0), ("ArrowLeft", 0)):  # fmt: skip
        press(browser, key)
        assert browser.run(NOW) == place, key
    press(browser, "ArrowRight")
    shown = "document.querySelectorAll('aside')[1].checkVisibility()"
    assert browser.run(shown) is False
    press(browser, "n")
    assert browser.run(shown) is True and browser.run(NOW) == 1
    press(browser, "n")
    assert browser.run(shown) is False


def test_on_paper_each_slide_is_one_page_of_its_shape(card, paged):
    pages = paged(card)
    printed = pdf.printed(presentation.html(pages, "A talk"))
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == len(pages)
    assert set(re.findall(rb"/MediaBox\s*\[([^\]]+)\]", printed)) == {b"0 0 960 540"}
