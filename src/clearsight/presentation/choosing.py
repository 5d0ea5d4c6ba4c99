"""Which findings of a card become slides, and how much of a plot can be read from the last row of a room."""

from collections.abc import Sequence
from dataclasses import replace

from clearsight.presentation.slides import Grid, Plotted, Slide
from clearsight.quantities import counted, number, score
from clearsight.report.plots import reading
from clearsight.report.series import rows, table
from clearsight.report.wording import VERDICTS, cells_of, interval_of, name_of, sentence_case
from clearsight.types import Finding, Question

MOST_SLIDES = 2  # of one question
MOST_ROWS = {"intervals": 9, "bars": 9}
MOST_LINES = 6
MOST_CLASSES = 12
MOST_TABLE_ROWS = 8
GRAVEST = ("fail", "insufficient")


def slides_about(question: Question, findings: Sequence[Finding], most: int = MOST_SLIDES) -> list[Slide]:
    """The slides on one question: what failed first, then in the order of the card; at most two with plots.

    Where no finding has a plot, one slide holds the numbers as a table.
    """
    mine = [finding for finding in findings if finding.question == question]
    drawn = sorted((one for one in mine if one.plot is not None and rows(one)), key=lambda one: one.verdict != "fail")
    if not drawn:
        return [] if not mine else [_as_table(question, mine)]
    slides = [_as_plot(question, one) for one in drawn[:most]]
    return [_with_headline(slides[0], mine), *slides[1:]] if question == "what it does" else slides


def _with_headline(slide: Slide, findings: Sequence[Finding]) -> Slide:
    """The slide with the headline score and its claim, where its plot shows scores by class and has none of its own."""
    headline = next((one for one in findings if number(one.value) is not None), None)
    if headline is None or headline.plot is not None or not isinstance(slide.body, Plotted) or slide.body.value:
        return slide
    value, behind = _number_of(headline)
    body = replace(slide.body, value=value, behind=behind)
    return replace(slide, title=headline.claim, body=body, notes=(*notes_of(headline), *slide.notes))


def notes_of(finding: Finding) -> tuple[str, ...]:
    """What stands behind a finding, for the speaker."""
    name = name_of(finding)
    n = f"n = {counted(finding.n, finding.unit)}"
    value = "" if number(finding.value) is None else f" {score(finding.value, finding.interval)}"
    interval = "" if number(finding.value) is None else f" Interval: {interval_of(finding)}."
    verdict = "" if finding.verdict == "none asked" else f" {VERDICTS[finding.verdict]}."
    return (
        finding.claim,
        f"{sentence_case(name)}{':' if value else ''}{value}; {n}.{interval}{verdict}",
        f"Method: {finding.method}",
        f"Does not show: {finding.limits}",
    )


def _as_plot(question: Question, finding: Finding) -> Slide:
    shown, left_out = _readable(finding)
    if shown is None:
        return _as_cells(question, finding)
    value, behind = _number_of(finding)
    more = f" {left_out} more {'is' if left_out == 1 else 'are'} in the report." if left_out else ""
    return Slide(
        kicker=sentence_case(question),
        title=finding.claim,
        body=Plotted(
            finding=shown,
            value=value,
            behind=behind,
            verdict="" if finding.verdict == "none asked" else VERDICTS[finding.verdict],
            reading=f"{reading(shown)}{more}".strip(),
        ),
        notes=notes_of(finding),
    )


def _number_of(finding: Finding) -> tuple[str | None, tuple[str, ...]]:
    """The value in large, and what stands below it: its name, its interval, its n."""
    n = f"n = {counted(finding.n, finding.unit)}"
    if number(finding.value) is None:
        return None, (n,)
    name = name_of(finding)
    interval = () if finding.interval is None else (f"interval {interval_of(finding)}",)
    return score(finding.value, finding.interval), (name, *interval, n)


def _readable(finding: Finding) -> tuple[Finding | None, int]:
    """The finding with as much of its series as a slide has room for, and how much was left out; None for too much."""
    points = rows(finding)
    if finding.plot == "matrix":
        return (finding, 0) if len({row["truth"] for row in points}) <= MOST_CLASSES else (None, 0)
    keep = list(range(len(points)))
    if finding.plot == "curve":
        names = list(dict.fromkeys(row["line"] for row in points))
        keep = [index for index in keep if points[index]["line"] in names[:MOST_LINES]]
        left_out = max(0, len(names) - MOST_LINES)
    else:
        most = MOST_ROWS.get(str(finding.plot), len(points))
        keep, left_out = keep[:most], max(0, len(points) - most)
    series = {name: [column[index] for index in keep] for name, column in finding.series.items()}
    if "note" in series:  # they are for readers; the speaker has them in the notes
        series["note"] = [None] * len(keep)
    return replace(finding, series=series), left_out


def _as_cells(question: Question, finding: Finding) -> Slide:
    """A plot of too many parts as the first rows of its table."""
    columns = table(finding)
    cells = list(zip(*(column.cells for column in columns), strict=True))
    body = Grid(
        headings=tuple(column.heading for column in columns),
        rows=tuple(cells[:MOST_TABLE_ROWS]),
        numeric=tuple(column.numeric for column in columns),
        left_out=max(0, len(cells) - MOST_TABLE_ROWS),
    )
    return Slide(kicker=sentence_case(question), title=finding.claim, body=body, notes=notes_of(finding))


def _as_table(question: Question, findings: Sequence[Finding]) -> Slide:
    """Findings without plots as rows, the gravest first; the title is the claim of the first of them."""
    ordered = sorted(findings, key=lambda one: GRAVEST.index(one.verdict) if one.verdict in GRAVEST else len(GRAVEST))
    shown = ordered[:MOST_TABLE_ROWS]
    lines = tuple(
        (
            *cells_of(one),
            "" if one.verdict == "none asked" else VERDICTS[one.verdict],
        )
        for one in shown
    )
    headings = ("score", "value", "interval", "n", "verdict" if any(line[-1] for line in lines) else "")
    body = Grid(
        headings=headings, rows=lines, numeric=(False, True, True, True, False), left_out=len(ordered) - len(shown)
    )
    notes = tuple(line for one in shown for line in notes_of(one))
    return Slide(kicker=sentence_case(question), title=shown[0].claim, body=body, notes=notes)
