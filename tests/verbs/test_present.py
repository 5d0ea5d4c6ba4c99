"""Slides and the report once more, from a run on the command line and in Python; and a run in a notebook."""

import dataclasses
import json
import re
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from typer.testing import CliRunner

import clearsight as cs
from clearsight import cli
from clearsight.console import progress
from clearsight.report import pdf
from clearsight.run import Run

BROWSER = any(shutil.which(name) for name in pdf.NAMES)


@pytest.fixture
def run(tiny_run, tmp_path):
    shutil.copytree(tiny_run.path, tmp_path / "tiny")
    return Run(tmp_path / "tiny")


def said(*words):
    """What a refused command says."""
    with pytest.raises(ValueError) as caught:
        CliRunner().invoke(cli.app, [str(word) for word in words], catch_exceptions=False, standalone_mode=False)
    return str(caught.value)


def test_slides_of_a_run_say_its_score_and_its_cost(run, tmp_path):
    made = CliRunner().invoke(cli.app, ["slides", str(run.path), "--out", str(tmp_path / "talk.html"), "--json"])
    assert json.loads(made.stdout) == {"file": str(tmp_path / "talk.html")}
    page, card = (tmp_path / "talk.html").read_text(encoding="utf-8"), run.read_card()
    assert card.title in page and "A. Person answers for it." in page and "Where it does worst" in page
    headline = next(one for one in card.findings if one.question == "what it does")
    assert f"Judged by {headline.metric}" in page and page.count("<section") >= 10
    assert re.search(r"default-src 'none'; img-src data:; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'", page)


def test_powerpoint_of_two_runs_compares_them(run, tmp_path):
    from pptx import Presentation

    shutil.copytree(run.path, tmp_path / "other")
    place = cs.slides(run, tmp_path / "other", out=tmp_path / "talks" / "both.pptx")
    titles = [slide.shapes.title.text for slide in Presentation(str(place)).slides]
    assert any("are equal" in title for title in titles) and run.read_card().title in titles


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("{run}", "--out", "talk.key"), r"talk.key is no file of slides. Expected a name that ends in .html"),
        (("nowhere",), "there is no run in nowhere"),
        (("{run}", "--out", "{run}/report.html"), "exists. Slides are written into a new file"),
    ],
)
def test_what_cannot_be_presented_is_said(words, wanted, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert re.search(wanted, said("slides", *[word.format(run=run.path) for word in words]))
    assert not list(tmp_path.glob("slides*"))


def test_a_run_without_a_card_says_how_to_make_one(run, tmp_path):
    (run.path / "card.json").unlink()
    for words in (("slides", run.path, "--out", tmp_path / "a.html"), ("report", run.path)):
        assert "has no card yet. Run `clearsight audit" in said(*words)
    assert not (tmp_path / "a.html").exists()


def test_python_pptx_missing_is_said_before_anything_is_read(run, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install '\.\[slides\]'"):
        cs.slides(run, out=tmp_path / "talk.pptx")


def test_the_report_is_written_again_from_the_card_alone(run):
    card = dataclasses.replace(run.read_card(), title="Another title", responsible="B. Other")
    run.write_card(card)
    for name in ("weights.safetensors", "report.html", "model-card.md"):
        (run.path / name).unlink()
    page, model_card = cs.write_report(run)
    assert "Another title" in page.read_text(encoding="utf-8") and "B. Other" in model_card.read_text(encoding="utf-8")


def test_the_plots_of_the_report_stand_alone_as_pictures(run, tmp_path):
    card = run.read_card()
    made = CliRunner().invoke(cli.app, ["report", str(run.path), "--plots", str(tmp_path / "plots")])
    drawn = [place for place in made.output.splitlines() if place.endswith(".svg")]
    assert len(drawn) == sum(finding.plot is not None and bool(finding.series) for finding in card.findings) > 3
    assert str(tmp_path / "plots" / "parts-of-the-brier-score.svg") in drawn
    names = "{http://www.w3.org/2000/svg}"
    for place in drawn:
        text = Path(place).read_text(encoding="utf-8")
        svg = ElementTree.fromstring(text)
        left, top, width, height = map(float, svg.get("viewBox").split())
        places = [(float(one.get("x")), float(one.get("y"))) for one in svg.iter(f"{names}text")]
        assert svg.tag == f"{names}svg" and "var(" not in text and "--" not in svg.find(f"{names}style").text
        assert all(left <= x <= left + width and top <= y <= top + height for x, y in places) and places
    before = (run.path / "report.html").stat().st_mtime_ns
    assert "could not write run.json: File exists" in said("report", run.path, "--plots", run.path / "run.json")
    assert (run.path / "report.html").stat().st_mtime_ns == before


def test_without_a_browser_it_says_what_to_install_and_writes_nothing(run, tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "_PLACES", ())
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    before = (run.path / "report.html").stat().st_mtime_ns
    message = said("report", run.path, "--pdf", tmp_path / "report.pdf")
    assert "Expected Chromium, Chrome or Edge: install one" in message
    assert not (tmp_path / "report.pdf").exists() and (run.path / "report.html").stat().st_mtime_ns == before


def test_a_browser_that_makes_nothing_is_said(monkeypatch):
    monkeypatch.setattr(pdf, "browser", lambda: shutil.which("true"))
    with pytest.raises(ValueError, match="made no PDF"):
        pdf.printed("<p>page")


@pytest.mark.skipif(not BROWSER, reason="no browser of the Chromium family on this machine")
def test_the_report_on_paper_is_whole(run, tmp_path):
    made = CliRunner().invoke(cli.app, ["report", str(run.path), "--pdf", str(tmp_path / "report.pdf")])
    assert made.output.splitlines()[-1] == str(tmp_path / "report.pdf")
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b(?!s)", content)) >= 4


def test_a_run_shows_itself_in_a_notebook(run, monkeypatch):
    monkeypatch.chdir(run.path.parent)
    shown, card = run._repr_html_(), run.read_card()
    headline = next(one for one in card.findings if one.question == "what it does")
    assert card.title in shown and headline.metric in shown and 'href="tiny/report.html"' in shown
    assert "data:image/" in shown and card.cost.device not in shown and " Wh" in shown


def test_what_it_shows_is_escaped_and_a_warning_is_seen(run):
    evil = '<script>hit()</script><img src=x onerror="hit()">'
    card = dataclasses.replace(run.read_card(), title=evil, warnings=(evil,), summary=evil)
    run.write_card(card)
    shown = run._repr_html_()
    assert shown.count("&lt;script&gt;") == 3 and "<script" not in shown and "<img src=x" not in shown


def test_a_run_without_a_card_or_with_a_broken_one_shows_that(run):
    (run.path / "card.json").write_text("{")
    assert "card.json" in run._repr_html_() and "no report yet" in run._repr_html_()
    (run.path / "card.json").unlink()
    assert "finished; it has no report yet" in run._repr_html_()
    shutil.rmtree(run.path)
    assert "no report yet" in run._repr_html_()


@pytest.mark.parametrize(
    ("notebook", "widgets", "bar"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_bar_is_drawn_in_notebooks_that_have_widgets(notebook, widgets, bar, monkeypatch):
    class Console:
        is_jupyter = notebook

    monkeypatch.setattr(progress, "Console", Console)
    monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: object() if widgets else None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert progress.live() is bar


def test_an_executed_notebook_holds_the_run_and_no_line_of_red(run, tmp_path):
    """Needs a kernel: skipped where ipykernel and nbclient are not installed."""
    for name in ("ipykernel", "nbclient", "nbformat"):
        pytest.importorskip(name)
    import nbclient
    import nbformat

    code = f"from clearsight.run import Run\nRun.open({str(run.path)!r})"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=120).execute()
    (output,) = notebook.cells[0].outputs
    assert "The whole report" in output["data"]["text/html"]
