"""What the slides say: the order of a talk, the number of every claim, what was not assessed, and what was left out."""

import dataclasses
import itertools
import re

import pytest

from clearsight import presentation
from clearsight.presentation.slides import Facts, Gallery, Grid, Plotted, Statements
from clearsight.report.opening import MUST_NOT_IDENTIFY
from clearsight.types import Card, Finding


def kickers(slides):
    return [kicker for kicker, _ in itertools.groupby(slide.kicker for slide in slides)]


def test_the_order_of_a_talk(card, folder):
    slides = presentation.deck(card, folder)
    assert kickers(slides) == [
        "Detection", "Warning", "The question", "The data", "The model", "What it does", "Whom it fails",
        "When to trust it", "What breaks it", "What it cost", "Who answers for it",
    ]  # fmt: skip
    assert slides[0].title == card.title and slides[1].body == Statements(items=card.warnings, grave=True)
    assert slides[2].title == "Can a model find red cells, white cells and platelets in pictures?"
    assert [len(slide.body.pictures) for slide in slides if isinstance(slide.body, Gallery)] == [3, 3]
    assert slides[-1].title == "Dr. Amara Okafor, haematology answers for it."
    assert "Not tested: Smears of another laboratory or stain." in slides[-1].body.items


def test_notes_hold_n_interval_method_and_limits_of_every_plot(card, folder):
    plotted = [slide for slide in presentation.deck(card, folder) if isinstance(slide.body, Plotted)]
    assert len(plotted) >= 6
    for slide in plotted:
        (finding,) = [one for one in card.findings if one.claim == slide.title]
        notes = "\n".join(slide.notes)
        assert finding.method in notes and finding.limits in notes and f"n = {finding.n:,} " in notes
        if finding.interval is not None:
            assert "Interval: " in notes


def test_what_was_not_assessed_is_said_and_nobody_is_named_where_nobody_is(folder):
    bare = Card(title="A model", task="", summary="A model.", findings=(), cost=None)
    slides = presentation.deck(bare, folder)
    said = {slide.kicker: slide.title for slide in slides}
    for question in ("What it does", "Whom it fails", "When to trust it", "What breaks it", "What it cost"):
        assert said[question].startswith("Not assessed: ")
    assert said["Who answers for it"] == "Nobody has been named to answer for it."
    assert presentation.placed(slides, "run")


def finding(**changes):
    plain = Finding(
        question="whom it fails", claim="A gap.", metric="gap", value=0.1, interval=(0.0, 0.2), n=9, unit="pictures",
        method="M.", limits="L.",
    )  # fmt: skip
    return dataclasses.replace(plain, **changes)


def about(findings, folder):
    card = Card(title="T", task="detection", summary="S.", findings=tuple(findings), cost=None)
    return [slide for slide in presentation.deck(card, folder) if slide.kicker == "Whom it fails"]


def test_what_failed_comes_first_and_two_plots_are_enough(folder):
    series = {"label": ["a"], "value": [0.1]}
    plain = [finding(claim=f"{k}.", plot="intervals", series=series) for k in range(4)]
    failed = finding(claim="Failed.", plot="intervals", series=series, verdict="fail")
    slides = about([*plain, failed], folder)
    assert [slide.title for slide in slides] == ["Failed.", "0."] and slides[0].body.verdict == "Fail"


def test_findings_without_plots_are_a_table_with_the_gravest_first(folder):
    findings = [finding(claim=f"{k}.", metric=f"gap {k}") for k in range(11)]
    findings += [finding(claim="Few.", value=None, interval=None, verdict="insufficient"), finding(verdict="fail")]
    (slide,) = about(findings, folder)
    assert isinstance(slide.body, Grid) and slide.title == "A gap." and slide.body.left_out == 5
    assert [row[-1] for row in slide.body.rows[:3]] == ["Fail", "Insufficient evidence", ""]
    assert slide.body.rows[1][1:3] == ("–", "–")


def test_plots_keep_what_can_be_read_and_say_what_is_left_out(folder):
    rows = {"label": [f"group {k}" for k in range(30)], "value": [0.1] * 30, "note": ["a note"] * 30}
    (slide,) = about([finding(plot="intervals", series=rows)], folder)
    assert slide.body.finding.series["label"] == rows["label"][:9] and set(slide.body.finding.series["note"]) == {None}
    assert slide.body.reading.endswith("21 more are in the report.")
    names = [f"line {k}" for k in range(8) for _ in range(3)]
    lines = {"line": names, "x": [0, 1, 2] * 8, "y": [0.5] * 24}
    (slide,) = about([finding(plot="curve", series=lines)], folder)
    assert len(set(slide.body.finding.series["line"])) == 6 and "2 more are" in slide.body.reading


def test_a_matrix_of_many_classes_is_a_table_of_its_confusions(folder):
    names = [f"class {k}" for k in range(13)]
    pairs = list(itertools.product(names, names))
    series = {
        "truth": [truth for truth, _ in pairs], "answer": [answer for _, answer in pairs],
        "share": [0.88 if truth == answer else 0.01 for truth, answer in pairs], "n": [1] * len(pairs),
    }  # fmt: skip
    (slide,) = about([finding(plot="matrix", series=series)], folder)
    assert isinstance(slide.body, Grid) and all(row[0] != row[1] for row in slide.body.rows)


def test_a_comparison_follows_the_scores(card, folder):
    rows = {"label": ["one", "two"], "value": [0.6, 0.7], "low": [0.5, 0.6], "high": [0.7, 0.8]}
    compared = Card(
        title="one and two", task="detection", summary="", cost=None, facts={"one": "yolo", "two": "rcnn"},
        findings=(finding(question="what it does", claim="Two is better.", plot="intervals", series=rows),),
    )  # fmt: skip
    slides = presentation.deck(card, folder, compared)
    assert kickers(slides)[5:9] == ["What it does", "Compared", "What it does", "Whom it fails"]
    (slide,) = [one for one in slides if one.kicker == "Compared"]
    assert slide.title == "Two is better." and "Compared: one, yolo; two, rcnn." in slide.notes


def test_a_model_that_invents_detail_says_so_before_its_scores(card, folder):
    figure = "41% (36% to 47%) of 400 pictures were restored as another race than their own."
    findings = (*card.findings[:-1], dataclasses.replace(card.findings[-1], imagined=figure))
    restored = dataclasses.replace(card.examples[0], kind="restored")
    invents = dataclasses.replace(card, findings=findings, examples=(*card.examples, restored))
    slides = presentation.deck(invents, folder)
    assert kickers(slides)[:2] == ["Detection", "Warning"]
    said = f"{MUST_NOT_IDENTIFY} {figure}"
    assert slides[1].body == Statements(items=(said, *card.warnings), grave=True) and said in slides[1].notes
    texts = [text for one in presentation.placed(slides, "run")[1].elements for text in getattr(one, "paragraphs", ())]
    assert said in texts  # whole, not shortened
    assert sum("imagined, not recovered" in slide.title for slide in slides) == 1
    without = presentation.deck(dataclasses.replace(invents, warnings=()), folder)
    assert without[1].body.items == (said,)


def test_the_headline_score_stands_beside_the_plot_of_scores_by_class(folder):
    series = {"label": ["a"], "value": [0.1]}
    asked = {"question": "what it does"}
    by_class = finding(claim="Best at a.", value=None, interval=None, plot="intervals", series=series, **asked)
    headline = finding(claim="AP is 0.62.", metric="AP", value=0.62, interval=(0.6, 0.64), **asked)
    card = Card(title="T", task="detection", summary="S.", findings=(headline, by_class), cost=None)
    (slide,) = [one for one in presentation.deck(card, folder) if one.kicker == "What it does"]
    assert slide.title == "AP is 0.62." and slide.body.value == "0.620" and slide.body.behind[0] == "AP"
    assert slide.body.finding.claim == "Best at a." and {"AP is 0.62.", "Best at a."} <= set(slide.notes)


def test_numbers_of_a_table_are_whole(folder):
    findings = [finding(metric=f"{k}", value=1234.5678, interval=(1200.0, 1300.0)) for k in range(5)]
    (slide,) = about(findings, folder)
    (page,) = [one for one in presentation.placed([slide], "run")]
    (table,) = [one for one in page.elements if hasattr(one, "rows")]
    assert all("…" not in cell.text for row in table.rows for cell in row)


def test_a_series_that_does_not_fit_is_refused_with_the_claim(folder):
    with pytest.raises(ValueError, match=re.escape("'A gap.'")):
        about([finding(plot="intervals", series={"label": ["a"]})], folder)


def test_a_picture_that_is_gone_says_so_and_the_slide_stays(card, tmp_path):
    slides = presentation.deck(card, tmp_path)
    pages = presentation.placed(slides, "run")
    texts = [text for page in pages for one in page.elements for text in getattr(one, "paragraphs", ())]
    assert texts.count("Its file is no longer in the run folder.") == 6
    assert not any(isinstance(slide.body, Facts) and slide.body.picture for slide in slides)
