"""Findings of one method are one table: everything of each is there, the method once; what was tested stands alone."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from clearsight import report
from clearsight.report.folding import folded
from clearsight.types import Card, Finding

METHOD = "95% interval from a cluster bootstrap (12 clusters of test pictures, 1,000 replicates)."
LIMITS = "It holds for these test pictures only."


def scores(count: int) -> list[Finding]:
    """Scores that differ in all but what is behind them."""
    return [
        Finding(
            question="what it does", claim=f"Claim number {i} of the scores.", metric=f"score {i}",
            value=None if i == 2 else 0.5 + i / 100, interval=None if i == 2 else (0.4 + i / 100, 0.6 + i / 100),
            n=292, unit="pictures", method=METHOD, limits=LIMITS,
        )
        for i in range(count)
    ]  # fmt: skip


@pytest.fixture
def many(card: Card) -> Card:
    """The card with nine scores of one method, before everything else."""
    return replace(card, findings=(*scores(9), *card.findings))


def test_three_of_one_kind_are_folded_and_two_are_not() -> None:
    assert folded(scores(3)) == [[0, 1, 2]] and folded(scores(2)) == [[0], [1]] and folded([]) == []
    one, two, three, four = scores(4)
    other = replace(one, method="Another.")
    assert folded([one, other, two, three]) == [[0, 2, 3], [1]], "in the order of the first"
    for apart in (
        replace(four, limits="Others."),
        replace(four, question="whom it fails"),
        replace(four, unit="rows"),
        replace(four, verdict="fail"),
        replace(four, verdict="insufficient"),
        replace(four, plot="bars", series={"label": ["a"], "value": [1.0]}),
    ):
        assert folded([one, two, three, apart]) == [[0, 1, 2], [3]], apart
        assert folded([one, two, apart]) == [[0], [1], [2]], apart


@pytest.mark.parametrize("made", ["page", "model card"])
def test_everything_is_there_and_the_method_once(many: Card, folder: Path, made: str) -> None:
    text = report.html(many, folder) if made == "page" else report.markdown(many)
    assert text.count(METHOD) == 1 and text.count(LIMITS) == 1
    for finding in scores(9):
        assert finding.metric in text and finding.claim in text
        if finding.value is not None:
            assert f"{finding.value:.2f}" in text and f"{finding.interval[0]:.2f}–{finding.interval[1]:.2f}" in text
    assert text.index("Claim number 0") < text.index(METHOD) and re.search(r"292\W+pictures", text)


def test_the_table_comes_first_and_its_rows_can_be_linked_to(many: Card, folder: Path) -> None:
    page = report.html(many, folder)
    assert page.count('class="finding folded"') == 1
    section = page[page.index('id="what-it-does"') : page.index('id="whom-it-fails"')]
    assert section.index("finding folded") < section.index("<figure")
    assert all(f'id="finding-{index}"' in page for index in range(1, len(many.findings) + 1))


def test_a_count_of_its_own_stands_in_each_row(many: Card, folder: Path) -> None:
    one = replace(many, findings=(replace(many.findings[0], n=17), *many.findings[1:]))
    for text in (report.html(one, folder), report.summary(one)):
        assert re.search(r"17\W+pictures", text) and re.search(r"292\W+pictures", text)


def test_the_terminal_has_a_line_for_each_and_counts_them_as_one(many: Card) -> None:
    text = report.summary(many)
    lines = [line for line in text.splitlines() if line.startswith("    score ")]
    assert len(lines) == 9 and "score 2: not defined" in text and text.count("n = 292 pictures") == 1
    assert "Claim number 1" not in text and "Claim number 0" in text
    assert report.summary(replace(many, findings=scores(9)), most=1).count("more in the report") == 0


def test_plots_one_below_the_other_do_not_repeat_their_method(card: Card, folder: Path) -> None:
    drawn = [
        replace(one, plot="bars", series={"label": ["a", "b"], "value": [1.0, 2.0]}, axes=("size", "px"))
        for one in scores(3)
    ]
    page = report.html(replace(card, findings=(*drawn, replace(drawn[0], limits="Others."))), folder)
    assert page.count(METHOD) == 2 and page.count(LIMITS) == 1 and page.count("Method and limits as above.") == 2


def test_what_lacks_evidence_is_one_table_with_every_claim(card: Card, folder: Path) -> None:
    """Eight groups too small to judge are one entry in all three reports, and none of their sentences is lost."""
    small = [
        replace(
            one, question="whom it fails", claim=f"Nobody can say how it does where site is {i}.", group=f"site = {i}",
            value=None, interval=None, n=i + 1, verdict="insufficient", limits=f"Small groups. The group: {i}.",
        )
        for i, one in enumerate(scores(8))
    ]  # fmt: skip
    few = replace(card, findings=(*card.findings, *small))
    page, model_card, text = report.html(few, folder), report.markdown(few), report.summary(few, most=9)
    title = "Too little evidence for site = 0, site = 1, site = 2,"
    assert page.count(title) == 1 and text.count("Too little evidence for site = 0, site = 1") == 1
    assert page.count("Small groups.") == model_card.count("Small groups.") == 1
    for one in small:
        assert page.count(one.claim) == 1 and model_card.count(one.claim) == 1
        assert page.count(one.limits.split(". ")[1]) == model_card.count(one.limits.split(". ")[1]) == 1
        assert f"{one.group}: n = {one.n} picture" in text
    assert page.count("Insufficient evidence") == report.html(card, folder).count("Insufficient evidence") + 1
    assert "Verdict: insufficient evidence." in model_card


def test_the_headline_stands_before_pictures_and_plots(card: Card, folder: Path) -> None:
    """Even where it is not one of several scores that are folded into a table."""
    first = scores(1)[0]
    page = report.html(replace(card, findings=(first, *card.findings)), folder)
    section = page[page.index('id="what-it-does"') : page.index('id="whom-it-fails"')]
    assert section.index(first.claim) < section.index("<figure")
