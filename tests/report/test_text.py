import re
from dataclasses import replace

from clearsight import report


def test_the_summary_tells_every_question_with_numbers(card):
    text = report.summary(card)
    flat = " ".join(text.split())
    for fact in (
        card.title,
        "AP: 0.62 (0.59-0.65), n = 87 pictures",
        "[FAIL] It finds 12 of 100 cells fewer",
        "(-0.17 to -0.07)",
        "[INSUFFICIENT EVIDENCE] Site C",
        "energy: 4-11 Wh, modelled",
        "emissions: 2.4-6.1 g CO2e (grid zone FRA)",
        "responsible: Dr. Amara Okafor, haematology",
        "not tested: Smears of another laboratory or stain.",
        "2 pictures were skipped",
    ):
        assert fact in flat, fact
    order = [
        text.index(f"\n{name}\n") for name in ("What it does", "Whom it fails", "What it cost", "Who answers for it")
    ]
    assert order == sorted(order)


def test_lines_fit_and_need_no_special_terminal(card):
    text = report.summary(card, width=60)
    assert max(map(len, text.splitlines())) <= 60
    text.encode("cp1252")


def test_hostile_text_cannot_steer_a_terminal(hostile):
    text = report.summary(hostile)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert max(map(len, text.splitlines())) <= 88


def test_what_is_missing_is_said(card):
    text = report.summary(replace(card, findings=(), cost=None, responsible=None))
    assert text.count("Not assessed: ") == 6
    assert "nobody has been named" in text


def test_only_the_first_findings_are_told(card):
    text = report.summary(replace(card, findings=card.findings[:1] * 9), most=2)
    assert "and 7 more in the report" in text


def test_a_number_without_an_interval_says_so(card):
    alone = replace(card.findings[0], metric="ECE", value=0.25, interval=None)
    text = " ".join(report.summary(replace(card, findings=(alone,))).split())
    assert "ECE: 0.250, no interval, n = " in text
