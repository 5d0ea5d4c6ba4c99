import re
from dataclasses import replace

import pytest

from clearsight import report
from clearsight.report import annex_iv
from clearsight.report.model_card import escaped

yaml = pytest.importorskip("yaml")


def front_matter(card) -> dict:
    text = report.markdown(card)
    assert text.startswith("---\n")
    return yaml.safe_load(text.split("---\n")[1])


def test_front_matter_is_what_the_hub_reads(card):
    front = front_matter(card)
    assert front["library_name"] == "clearsight"
    assert front["pipeline_tag"] == "object-detection"
    assert front["tags"] == ["clearsight", "detection"]
    assert "license" not in front
    (entry,) = front["model-index"]
    assert entry["name"] == card.title
    (result,) = entry["results"]
    assert result["task"] == {"type": "object-detection"}
    assert result["dataset"] == {"name": "blood/ (Pascal VOC)", "type": "blood-pascal-voc"}
    assert result["metrics"] == [
        {"type": "ap", "value": 0.6214, "name": "AP"},
        {"type": "recall-at-0-41", "value": 0.9104, "name": "recall at 0.41"},
    ]


def test_emissions_are_grams_and_only_with_a_zone(card):
    emissions = front_matter(card)["co2_eq_emissions"]
    assert emissions["emissions"] == pytest.approx(4.12)
    assert emissions["geographical_location"] == "FRA"
    assert "co2_eq_emissions" not in front_matter(replace(card, cost=replace(card.cost, zone=None, kg_co2e=None)))
    assert "co2_eq_emissions" not in front_matter(replace(card, cost=None))


@pytest.mark.parametrize(
    ("licence", "expected"),
    [("Apache-2.0", {"license": "apache-2.0"}), ("ask: us", {"license": "other", "license_name": "ask: us"})],
)
def test_a_licence_only_where_one_is_known(card, licence, expected):
    front = front_matter(replace(card, facts={**card.facts, "licence": licence}))
    assert expected.items() <= front.items()


def test_every_finding_is_told_with_n_interval_method_and_limits(card):
    text = report.markdown(card)
    for finding in card.findings:
        assert f"**{escaped(finding.claim)}**" in text
        assert f"Method: {escaped(finding.method)}" in text
        assert f"Does not show: {escaped(finding.limits)}" in text
    assert "- AP: 0.62, interval 0.59–0.65; n = 87 pictures." in text
    assert "| stain: faint | 0.815 | 0.764–0.861 | 249 | gap −0.12, p = 0.002 after correction |" in text
    assert "- Verdict: insufficient evidence." in text
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings[-7:-1] == [
        "What it does",
        "Whom it fails",
        "When to trust it",
        "What breaks it",
        "What it cost",
        "Who answers for it",
    ]


def test_hostile_text_is_no_markup(hostile):
    front = front_matter(hostile)
    assert front["tags"][1].startswith("detection ")
    body = report.markdown(hostile).split("---\n", 2)[2]
    assert "<" not in body
    assert not re.search(r"(?<!\\)\]\(", body)
    assert not re.search(r"(?i)https?://", body)
    tables = [line for line in body.splitlines() if line.startswith("|")]
    columns = {len(re.findall(r"(?<!\\)\|", line)) for line in tables}
    assert columns <= {3, 4, 5, 6}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb", "a b"),
        ("- item", "\\- item"),
        ("1. first", "1\\. first"),
        ("0.621", "0.621"),
        ("# title", "\\# title"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("www.evil.example", "www\\.evil.example"),
        ("a|b`c`", "a\\|b\\`c\\`"),
    ],
)
def test_escaping(text, expected):
    assert escaped(text) == expected


def test_annex_iv_says_where_items_are_and_which_are_missing(card):
    items = {(one.point, one.asks): one for one in annex_iv.items(card)}
    assert items["2(g)", "testing: accuracy"].state == "here"
    assert '"What it does", 2 numbers' in items["2(g)", "testing: accuracy"].where
    assert items["3", "accuracy for specific persons or groups"].state == "here"
    assert items["2(f)", "changes determined beforehand"].state == "missing"
    points = {one.point for one in annex_iv.items(card)}
    assert points >= {"1(a)", "2(a)", "2(b)", "2(c)", "2(d)", "2(e)", "2(g)", "2(h)", *"3456789"}
    text = report.markdown(card)
    assert text.count("\n| 2(g) |") == 5 and "finding aid and no assessment" in text
    assert "complian" not in text.lower() and "complies" not in text.lower()


def test_annex_iv_of_an_empty_card_is_missing_throughout(card):
    empty = replace(card, findings=(), cost=None, facts={}, provenance={}, untested=(), responsible=None, created="")
    assert {one.state for one in annex_iv.items(empty)} == {"missing"}
    assert all(one.lacks for one in annex_iv.items(empty))
    groups_only = replace(empty, findings=tuple(one for one in card.findings if one.question == "whom it fails"))
    here = [one for one in annex_iv.items(groups_only) if one.state == "here"]
    assert {one.point for one in here} == {"2(g)", "3"}


def test_a_report_nobody_answers_for_is_not_said_to_be_dated_and_signed(card):
    def signed(card):
        return next(one for one in annex_iv.items(card) if "signed" in one.asks)

    assert signed(replace(card, responsible=None, created="")).state == "missing"
    assert signed(replace(card, responsible="A. Person", created="2026-01-01T00:00:00+00:00")).state == "partly"
