"""The page as text: every fact is there, everything is escaped, nothing comes from elsewhere."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from clearsight import report
from clearsight.report.wording import visible
from clearsight.types import Card, Example, Finding

SECTIONS = [
    "What it does",
    "Whom it fails",
    "When to trust it",
    "What breaks it",
    "What it cost",
    "Who answers for it",
]
VOID = {"meta", "link", "img", "br"}


class Reader(HTMLParser):
    """A strict reader: every element is closed in order; collects elements, attributes and text."""

    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), (tag, names)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> inside <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", " ".join(data.split())))

    @property
    def text(self) -> str:
        return " ".join(text for kind, text in self.texts if kind != "style")


def article(page: str, index: int) -> str:
    """The text of one finding, plots and tables included."""
    inside = re.search(rf'<article [^>]*id="finding-{index}">.*?</article>', page, re.DOTALL)
    assert inside, index
    return Reader(inside[0]).text


def test_the_six_sections_come_in_order(card, folder):
    page = report.html(card, folder)
    assert re.findall(r"<h2>(.*?)</h2>", page)[-6:] == SECTIONS


@pytest.mark.parametrize(
    ("index", "facts"),
    [
        (1, ["average precision of 0.62", "AP", "Interval 0.59–0.65", "n = 87 pictures", "0.601–0.657"]),
        (2, ["misses 9 of 100", "0.910", "Interval 0.889–0.929", "n = 1,138 boxes", "Pass", "annotators left out"]),
        (3, ["12 of 100 cells fewer", "−0.12", "Interval −0.17 to −0.07", "Fail", "too few to judge", "about 41 more"]),
        (4, ["Site C has 3 smears", "n = 3 pictures", "Insufficient evidence"]),
        (5, ["too modest", "0.043", "Interval 0.031–0.057", "n = 1,693 boxes", "0.021 at the 95th percentile"]),
        (6, ["Noise breaks it first", "0.33", "Interval 0.28–0.37", "severity (0 is the picture", "defocus blur"]),
        (7, ["652 kg", "0.0041", "Interval 0.0024–0.0061", "n = 1 run", "284,019", "logarithmic scale"]),
    ],
)  # fmt: skip
def test_every_finding_has_its_claim_number_interval_n_method_and_limits(card, folder, index, facts):
    text = article(report.html(card, folder), index)
    for fact in [*facts, card.findings[index - 1].method, card.findings[index - 1].limits]:
        assert fact in text, fact


def test_top_facts_notes_cost_and_provenance(card, folder):
    page = report.html(card, folder)
    text = Reader(page).text
    for fact in (card.title, card.summary, *card.facts.values(), *card.notes, *card.untested, card.responsible):
        assert fact in text
    assert "10 min 12 s" in text
    assert "4–11 Wh, modelled" in text
    assert "2.4–6.1 g CO₂e (grid zone FRA)" in text
    assert "9f2b4c1d7be0…" in text
    assert f'title="{card.provenance["data"]}"' in page
    assert "22 November 2026, 18:04 UTC" in text


def test_without_a_zone_no_emissions_are_stated(card, folder):
    cost = replace(card.cost, zone=None, kg_co2e=None)
    findings = tuple(f for f in card.findings if f.question != "what it cost")
    text = Reader(report.html(replace(card, cost=cost, findings=findings), folder)).text
    assert "no grid zone was named" in text
    assert "g CO₂e (" not in text


def test_sections_without_findings_say_what_was_not_assessed(card, folder):
    empty = replace(card, findings=(), cost=None, examples=(), provenance={}, notes=(), facts={}, responsible=None)
    page = report.html(empty, folder)
    sections = re.findall(r'<section class="question".*?</section>', page, re.DOTALL)
    assert len(sections) == 6
    assert all("Not assessed: " in section for section in sections)
    assert "Nobody has been named." in page
    assert "<svg" not in page


def test_the_contents_tell_the_gravest_verdict_of_a_section(card, folder):
    page = report.html(card, folder)
    nav = Reader(re.search(r"<nav.*?</nav>", page, re.DOTALL)[0]).text
    assert "1 fail 1 insufficient evidence" in nav


def test_the_page_is_well_formed_and_small(card, folder):
    page = report.html(card, folder)
    Reader(page)
    assert len(re.sub(r"data:image/[^\"]*", "", page)) < 90_000
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    for kind, attributes in Reader(page).elements:
        if kind == "svg" and "role" in attributes:
            assert attributes["role"] == "img"
            assert {attributes["aria-labelledby"], attributes["aria-describedby"]} <= set(ids)
        if kind == "a":
            assert attributes["href"].startswith("#")
            assert attributes["href"][1:] in ids


def test_nothing_is_loaded_and_the_policy_says_so(card, folder):
    page = report.html(card, folder)
    assert "http:" not in page
    assert "https:" not in page
    assert "<script" not in page
    assert " style=" not in page
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert f"'sha256-{digest}'" in policy
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_text_is_only_text(hostile, card, folder):
    page = report.html(hostile, folder)
    # Hostile text fills the field that makes a report open with a figure of what is imagined: so it does here.
    opened = replace(card, findings=[replace(one, imagined="A figure.") for one in card.findings])
    read, clean = Reader(page), Reader(report.html(opened, folder))
    # Longer labels leave plots less room, so their ticks and lines of notes may differ; nothing else may.
    drawn = {"title", "text", "line"}
    kinds = [[kind for kind, _ in page.elements if kind not in drawn] for page in (read, clean)]
    assert kinds[0] == kinds[1]
    assert {kind for kind, _ in read.elements} == {kind for kind, _ in clean.elements}
    assert all(not name.startswith("on") for _, attributes in read.elements for name in attributes)
    for text in ("</svg><script>window.hit = 1</script>", "{{7*7}}{% raw %}", "[U+202E]gpj.exe", "W" * 300, "[U+D800]"):
        assert text in read.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u2028\ud800-\udfff]", page)
    page.encode("utf-8")


def test_control_characters_become_visible_and_letters_stay():
    assert visible("a\u202eb") == "a[U+202E]b"
    assert visible("tab\there") == "tab here"
    assert visible("zero\u200bwidth\u00ad") == "zero[U+200B]width"
    for text in ("naïve café", "世界", "مرحبا", "👩\u200d🔬", "é"):
        assert visible(text) == text


def test_pictures_are_embedded_and_missing_ones_leave_their_caption(card, folder):
    (folder / "examples/best-0.png").unlink()
    (folder / "examples/worst-0.png").write_text("not a picture")
    outside = folder.parent / "secret.png"
    outside.write_bytes((folder / "examples/best-1.png").read_bytes())
    extra = tuple(
        Example(path=path, caption=f"caption {i}", kind="typical")
        for i, path in enumerate(("../secret.png", str(outside), "examples", "no\0name.png", ""))
    )
    page = report.html(replace(card, examples=(*card.examples, *extra)), folder)
    images = [attributes for kind, attributes in Reader(page).elements if kind == "img"]
    assert len(images) == 4
    expected = base64.b64encode((folder / "examples/best-1.png").read_bytes()).decode()
    assert images[0] == {
        "src": f"data:image/png;base64,{expected}",
        "alt": card.examples[1].caption,
        "loading": "eager",
        "decoding": "sync",
    }
    text = Reader(page).text
    assert text.count("lies outside the run folder") == 2
    assert text.count("no longer in the run folder") == 4
    assert text.count("is not a PNG") == 1
    for example in (*card.examples, *extra):
        assert example.caption in text


def test_write_replaces_both_files_or_neither(card, folder, monkeypatch):
    written = report.write(card, folder)
    assert [place.name for place in written] == ["report.html", "model-card.md"]
    assert written[0].read_text(encoding="utf-8") == report.html(card, folder)
    before = [place.read_bytes() for place in written]

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("clearsight.files.durable.os.fsync", full)
    with pytest.raises(ValueError, match=r"could not write report.html: No space left on device; .* MB are free"):
        report.write(replace(card, title="another"), folder)
    assert [place.read_bytes() for place in written] == before
    assert sorted(place.name for place in folder.iterdir()) == ["examples", "model-card.md", "report.html"]


def test_a_series_that_does_not_fit_says_what_is_expected(card, folder):
    good = card.findings[0]
    for series in ({"label": ["a"]}, {"label": ["a", "b"], "value": [0.1]}):
        with pytest.raises(ValueError, match=r"cannot be drawn as 'intervals'.*Expected columns.*Give the finding"):
            report.html(replace(card, findings=(replace(good, series=series),)), folder)


def test_a_finding_may_have_rows_without_a_plot(card, folder):
    finding = replace(card.findings[0], plot=None, series={"class": ["red"], "boxes": [1204], "share": [0.25]})
    text = article(report.html(replace(card, findings=(finding,)), folder), 1)
    assert "1,204" in text
    assert "0.250" in text


def test_empty_points_draw_nothing(card: Card, folder: Path):
    empty: Finding = replace(card.findings[0], series={"label": [], "value": []})
    assert "<article" in report.html(replace(card, findings=(empty,)), folder)
