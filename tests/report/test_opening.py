"""A report with a measured figure of what a model invents opens with it, in every form; no other does."""

import dataclasses

from clearsight import report
from clearsight.files.records import from_json, to_json
from clearsight.report.notebook import html
from clearsight.report.opening import MUST_NOT_IDENTIFY, opening
from clearsight.types import Card

RACE = "41% (36% to 47%) of 400 pictures were restored as another <race> than their own."
GENDER = "12% (9% to 16%) of 400 pictures were restored as another gender than their own."


def invents(card, *figures):
    """The card with a figure on each of its last findings."""
    kept = len(card.findings) - len(figures)
    last = [dataclasses.replace(one, imagined=text) for one, text in zip(card.findings[kept:], figures, strict=True)]
    return dataclasses.replace(card, findings=(*card.findings[:kept], *last))


def test_without_a_figure_there_is_no_opening(card, tmp_path):
    assert opening(card.findings) == ""
    notebook = html(tmp_path, "finished", card)
    for text in (report.html(card, tmp_path), report.markdown(card), report.summary(card), notebook):
        assert "identify anybody" not in text


def test_the_sentence_stands_once_and_before_everything_else(card, tmp_path):
    found = invents(card, RACE, GENDER, RACE)
    said = f"{MUST_NOT_IDENTIFY} {RACE} {GENDER}"
    assert opening(found.findings) == said
    page = report.html(found, tmp_path)
    body = page.partition("<header>")[2]
    shown = said.replace("<", "&lt;").replace(">", "&gt;")
    assert body.count(shown) == 1 and page.count(MUST_NOT_IDENTIFY) == 1
    assert body.index(shown) < body.index("<h1>")
    lines = [line for line in report.markdown(found).split("---\n", 2)[2].splitlines() if line]
    assert lines[0].startswith("> **Its output must not be used to identify anybody") and "&lt;race&gt;" in lines[0]
    assert lines[1].startswith("# ")
    assert " ".join(report.summary(found).split()).startswith(said)
    notebook = html(tmp_path, "finished", found)
    assert notebook.count(shown) == 1 and notebook.index(shown) < notebook.index(found.title)


def test_a_card_keeps_the_figure(card):
    found = invents(card, RACE)
    assert from_json(Card, to_json(found)).findings[-1].imagined == RACE
    older = to_json(card)
    for one in older["findings"]:
        del one["imagined"]
    assert opening(from_json(Card, older).findings) == ""
