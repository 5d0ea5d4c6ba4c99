"""The card as one self-contained HTML page: no script, no network, and a policy that forbids both."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from clearsight.quantities import counted, duration, emissions, energy, moment, number, score
from clearsight.report.folding import folded, heading, shared_limits
from clearsight.report.opening import opening
from clearsight.report.pictures import Shown, by_subject, grids
from clearsight.report.plots import left_out, plot, reading
from clearsight.report.series import Column, table
from clearsight.report.wording import ASKED, NOT_ASSESSED, VERDICTS, cleaned, interval_of, sentence_case
from clearsight.types import Card, Cost, Finding, Question

_HERE = Path(__file__).parent
_SHORT = 12


@dataclass(frozen=True, kw_only=True)
class Block:
    """One finding as the page shows it."""

    key: str
    claim: str
    metric: str
    group: str | None
    value: str | None
    interval: str
    counted: str
    method: str
    limits: str
    verdict: str
    verdict_text: str
    plot: Markup | None
    reading: str
    left_out: int
    columns: tuple[Column, ...]
    as_above: bool = False

    @property
    def lines(self) -> list[tuple[str, ...]]:
        """The table row by row."""
        return list(zip(*(column.cells for column in self.columns), strict=True))


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Findings of one method in one table: a heading above it, what is said once below it.

    ``verdict`` is that of all of them; ``every_claim`` says that the heading is not the claim of the first.

    ``counted`` is the number that all rows have in common; empty where theirs differ and stand in the rows.
    """

    claim: str
    every_claim: bool
    verdict: str
    verdict_text: str
    rows: list[Block]
    counted: str
    method: str
    limits: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """One of the six questions with its findings: what it begins with, those with a plot, the others.

    ``blocks`` are all of them, in the order of the card.
    """

    key: str
    title: str
    asked: str
    question: Question
    not_assessed: str | None
    lead: list[Block | Fold]
    drawn: list[Block]
    told: list[Block | Fold]
    blocks: list[Block]
    tally: list[tuple[str, str]]

    @property
    def first(self) -> Block | None:
        """What the table of contents quotes."""
        drawn = next(iter(self.drawn), None)
        return next(iter(self.blocks), None) if self.lead or drawn is None else drawn


@dataclass(frozen=True, kw_only=True)
class Bill:
    """The cost of the run as text."""

    rows: list[tuple[str, str]]
    parts: list[tuple[str, str]]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A fingerprint or version: short where it is long, whole on request."""

    name: str
    short: str
    whole: str


def html(card: Card, folder: Path, asked: Mapping[Question, str] = ASKED, kind: str = "Model report") -> str:
    """The page of a card, with a section for each question ``asked``; pictures are read from the run folder.

    ``asked`` says below the title of each section what it is about, and ``kind`` above the title what the page is.

    Raises ValueError where the series of a finding does not fit its plot.
    """
    card = cleaned(card)
    environment = templates(_HERE)
    environment.filters["sentence"] = sentence_case
    style = "".join(stylesheet(name) for name in ("colours", "page", "plot"))
    blocks = [_block(finding, f"finding-{index}") for index, finding in enumerate(card.findings, start=1)]
    sections = [_section(question, text, card, blocks) for question, text in asked.items()]
    page = environment.get_template("page.html.jinja").render(
        card=card,
        kind=kind,
        opening=opening(card.findings),
        style=Markup(style),
        digest=digest(style),
        headline=headline(card.findings, blocks),
        created=moment(card.created) if card.created else "",
        sections=sections,
        grids=grids(card.examples, folder),
        errors=by_subject(card.examples, folder, "error", "Errors"),
        damaged=by_subject(card.examples, folder, "corrupted", "Damaged pictures"),
        slices=by_subject(card.examples, folder, "slice", "Slices"),
        bill=bill(card.cost) if card.cost else None,
        marks=[_mark(name, value) for name, value in card.provenance.items()],
    )
    return page.lstrip() + "\n"


def templates(folder: Path) -> Environment:
    """The templates of a folder: everything is escaped, a missing name is an error."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def stylesheet(name: str) -> str:
    """A style sheet of the report: "colours", "page" or "plot"."""
    return embedded(_HERE / f"{name}.css")


def embedded(path: Path) -> str:
    """A style sheet or script as it stands in a page."""
    return path.read_text(encoding="utf-8").replace("\r\n", "\n")


def digest(text: str) -> str:
    """What the policy of a page names a style or script by that it allows: its SHA-256 in base 64."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def headline(findings: Sequence[Finding], blocks: Sequence[Block]) -> Block | None:
    """The number of the top: the first finding on what the model does that has a value."""
    pairs = zip(findings, blocks, strict=True)
    return next((b for f, b in pairs if f.question == "what it does" and number(f.value) is not None), None)


def bill(cost: Cost) -> Bill:
    """What the cost says, in words; a missing zone is said, not guessed."""
    rows = [
        ("Time", f"{duration(cost.seconds)}, {', '.join(cost.stages) or 'training and evaluation'}"),
        ("Energy", f"{energy(cost.kwh)}, {cost.how}"),
        ("Device", cost.device),
    ]
    if cost.zone is not None and cost.kg_co2e is not None:
        rows.append(("Emissions", f"{emissions(cost.kg_co2e)} (grid zone {cost.zone})"))
    else:
        rows.append(("Emissions", "Not stated: no grid zone was named, and energy alone does not tell them."))
    parts = [(name, energy(kwh)) for name, kwh in cost.parts.items()]
    return Bill(rows=rows, parts=parts, notes=cost.notes)


def _block(finding: Finding, key: str) -> Block:
    return Block(
        key=key,
        claim=finding.claim,
        metric=finding.metric,
        group=finding.group,
        value=None if number(finding.value) is None else score(finding.value, finding.interval),
        interval=interval_of(finding),
        counted=counted(finding.n, finding.unit),
        method=finding.method,
        limits=finding.limits,
        verdict=finding.verdict,
        verdict_text=VERDICTS[finding.verdict],
        plot=plot(finding, key),
        reading=reading(finding),
        left_out=left_out(finding),
        columns=table(finding),
    )


def _tally(blocks: Sequence[Block]) -> list[tuple[str, str]]:
    """Each verdict that was asked for, gravest first, with how often where a section has several."""
    counts = {kind: sum(block.verdict == kind for block in blocks) for kind in ("fail", "insufficient", "pass")}
    several = sum(counts.values()) > 1
    return [(kind, f"{n} {VERDICTS[kind].lower()}" if several else VERDICTS[kind]) for kind, n in counts.items() if n]


def _fold(blocks: Sequence[Block], findings: Sequence[Finding]) -> Fold:
    same = len({block.counted for block in blocks}) == 1
    first, title = blocks[0], heading(findings)
    limits, others = shared_limits(findings)
    return Fold(
        claim=title,
        every_claim=title != first.claim,
        verdict=first.verdict,
        verdict_text=first.verdict_text,
        rows=[replace(block, claim=f"{block.claim} {own}".rstrip()) for block, own in zip(blocks, others, strict=True)],
        counted=first.counted if same else "",
        method=first.method,
        limits=limits,
    )


def _following(blocks: Sequence[Block]) -> list[Block]:
    """Blocks one below the other, of which none repeats what the one above it says of method and limits."""
    pairs = zip([None, *blocks], blocks, strict=False)
    return [
        replace(block, as_above=above is not None and (above.method, above.limits) == (block.method, block.limits))
        for above, block in pairs
    ]


def _section(question: Question, asked: str, card: Card, blocks: Sequence[Block]) -> Section:
    places = [index for index, finding in enumerate(card.findings) if finding.question == question]
    mine = [blocks[place] for place in places]
    findings = [card.findings[place] for place in places]
    parts = [index for index in folded(findings) if mine[index[0]].plot is None]
    told = [
        _fold([mine[index] for index in part], [findings[index] for index in part]) if len(part) > 1 else mine[part[0]]
        for part in parts
    ]
    lead = [part for part in told[:1] if (part.rows[0] if isinstance(part, Fold) else part).key == mine[0].key]
    return Section(
        key=question.replace(" ", "-"),
        title=sentence_case(question),
        asked=asked,
        question=question,
        not_assessed=None if mine or (question == "what it cost" and card.cost) else NOT_ASSESSED[question],
        lead=lead,
        drawn=_following([block for block in mine if block.plot is not None]),
        told=told[len(lead) :],
        blocks=mine,
        tally=_tally(mine),
    )


def _mark(name: str, value: str) -> Mark:
    long = len(value) > 2 * _SHORT and " " not in value
    return Mark(name=name, short=f"{value[:_SHORT]}…" if long else value, whole=value)


__all__ = ["Bill", "Block", "Fold", "Mark", "Section", "Shown", "bill", "headline", "html"]
