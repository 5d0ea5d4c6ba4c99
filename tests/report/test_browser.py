"""The page in a real browser: nothing is loaded, nothing runs, every picture is seen, nothing sticks out."""

from dataclasses import replace

import pytest

from clearsight import report

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


def test_the_browser_notices_requests_scripts_and_complaints(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<body><img src=missing.png><script>window.hit = 1; console.error('seen'); nothing()</script>")
    browser.open(page)
    assert [url.rpartition("/")[2] for url in browser.requests] == ["page.html", "missing.png"]
    assert len(browser.complaints) >= 3
    assert browser.run("window.hit") == 1
    assert browser.pictures == [0]


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_asked_for_and_nothing_complains(browser, card, folder, dark):
    page, _ = report.write(card, folder)
    browser.open(page, dark=dark)
    assert browser.requests == [page.as_uri()]
    assert browser.complaints == []
    assert browser.pictures == [480] * 6
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
    assert browser.sticking_out == []
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
    assert browser.pictures == [480] * 6
    assert browser.run("document.querySelectorAll('.question').length") == 6
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.sticking_out == []
    assert [text for text in browser.run(TEXTS) if text.startswith("outside")] == []


def test_paper_shows_the_tables_in_light_colours(browser, card, folder):
    page, _ = report.write(card, folder)
    browser.open(page)
    visible = "document.querySelector('details table').checkVisibility()"
    assert browser.run(visible) is False
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    browser.ask("Emulation.setEmulatedMedia", media="print", features=[dark])
    browser.drawn()
    assert browser.run(visible) is True
    paper = browser.run("getComputedStyle(document.documentElement).getPropertyValue('--paper')")
    browser.ask("Emulation.setEmulatedMedia", media="")
    assert paper == "#fdfcf9"
