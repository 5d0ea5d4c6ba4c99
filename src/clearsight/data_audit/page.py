"""The audit of some data as a page in the style of the reports: plots of what matters most, tables behind them."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from clearsight import report
from clearsight.audits.sentences import chance
from clearsight.data_audit import sentences
from clearsight.data_audit.associations import NOTABLE, SURE, Pair
from clearsight.data_audit.audit import DataAudit
from clearsight.data_audit.balance import STATES, Balance
from clearsight.data_audit.representation import CellOfGroups
from clearsight.files import durable
from clearsight.quantities import counted
from clearsight.report.wording import ASKED_OF_DATA
from clearsight.sources.problems import shown
from clearsight.types import Card, Finding

FILE = "data.html"
STRONGEST = 25
CLOSER = 3
CLUSTERED = "Rows of one cluster count by what clusters leave of them."
NOTHING = "No two columns go together by more than chance and a Cramér's V of 0.1."
NOT_WHY = "It does not show why, nor whether a model will make use of it. Groups are what the data say they are."


def write_page(folder: Path, found: DataAudit, leaks: Sequence[Finding] = ()) -> DataAudit:
    """Write ``data.html`` into the folder; the audit with the page's path."""
    findings = (
        *_balances(found),
        *_represented(found),
        *_together(found),
        *sorted(leaks, key=lambda one: not one.value),
    )
    card = Card(
        title=found.name,
        task="before training",
        summary=summary(found),
        findings=findings,
        cost=None,
        facts={
            found.unit: f"{found.rows:,}",
            "clusters": f"{found.clusters:,}" if found.clusters < found.rows else "every one alone",
            "judged on": found.judged_on,
            "reference": found.representation.reference or "none declared",
        },
        notes=found.notes,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    folder.mkdir(parents=True, exist_ok=True)
    durable.write_bytes(folder / FILE, report.html(card, folder, ASKED_OF_DATA, "Data report").encode("utf-8"))
    return replace(found, page=str(folder / FILE))


def summary(found: DataAudit) -> str:
    """The most important of each part, in sentences."""
    said = [sentences.beaten(found.balances[0], found.unit)] if found.balances else []
    off = different(found)
    if off:
        said.append(f"{len(off)} of {counted(found.representation.tests, 'shares')} differ from the reference.")
    small = [cell for cell in found.representation.cells if cell.too_small]
    if small:
        total = len(found.representation.cells)
        said.append(f"{len(small)} of {total} groups and intersections are too small to judge.")
    notable = [pair for pair in found.associations.pairs if pair.notable]
    if notable:
        said.append(f"{sentences.together(notable[0])}.")
    return " ".join(said) or "Nothing stands out."


def different(found: DataAudit) -> list[CellOfGroups]:
    """The cells that differ from the reference beyond chance, single groups first, those that fall short most first."""
    off = [cell for cell in found.representation.cells if cell.p is not None and cell.p <= SURE and cell.expected]
    return sorted(off, key=lambda cell: (len(cell.attributes), cell.share / (cell.expected or 1.0)))


def _balances(found: DataAudit) -> Iterator[Finding]:
    several = [one for one in found.balances if one.trivial_blank_absent is not None or found.kind == "objects"]
    if several:
        yield _answers(several, found)
    for one in found.balances:
        if one not in several:
            yield _classes(one, found)


def _answers(several: Sequence[Balance], found: DataAudit) -> Finding:
    """What always giving one answer scores, for each of several labels."""
    notes = [" · ".join(f"{one.counts[state]:,} {state}" for state in STATES if state in one.counts) for one in several]
    return Finding(
        question="what must be beaten",
        claim=sentences.beaten(several[0], found.unit),
        metric="accuracy of always giving the most frequent answer",
        value=several[0].trivial,
        interval=several[0].interval,
        n=several[0].known,
        unit=found.unit,
        method=f"Where it is known whether the label is present; Wilson intervals. {CLUSTERED}",
        limits="Accuracy says little of rare labels: such an answer has a balanced accuracy of 50% and an AUROC of "
        "0.5, and its average precision is the label's frequency. Blank cells may mean absent, or that nobody looked.",
        plot="intervals",
        series={
            "label": [one.label for one in several],
            "value": [one.trivial for one in several],
            "low": [one.interval[0] if one.interval else None for one in several],
            "high": [one.interval[1] if one.interval else None for one in several],
            "n": [one.known for one in several],
            "note": [f"always {one.answer}: {note}{_if_blank(one)}" for one, note in zip(several, notes, strict=True)],
        },
        axes=("right by always giving one answer",),
    )


def _if_blank(one: Balance) -> str:
    blank = one.trivial_blank_absent
    return "" if blank is None else f"; if blank is absent, always absent: {sentences.share(blank)}"


def _classes(one: Balance, found: DataAudit) -> Finding:
    return Finding(
        question="what must be beaten",
        claim=sentences.beaten(one, found.unit),
        metric="accuracy of always giving the most frequent answer",
        value=one.trivial,
        interval=one.interval,
        n=one.known,
        unit=found.unit,
        method=f"The share of the most frequent class; Wilson interval. {CLUSTERED}",
        limits="A model may beat it and still fail every rare class: judge each class by its own score.",
        plot="bars",
        series={"label": list(one.counts), "value": list(one.counts.values()), "ours": [False] * len(one.counts)},
        axes=(found.unit,),
    )


def _represented(found: DataAudit) -> Iterator[Finding]:
    for names, cells in groupby(found.representation.cells, key=lambda cell: cell.attributes):
        yield _shares(names, list(cells), found)
    small = [cell for cell in found.representation.cells if cell.too_small]
    if small:
        yield Finding(
            question="who is in the data",
            claim=f"{len(small)} of {len(found.representation.cells)} groups and intersections are too small to judge.",
            metric="groups too small to judge",
            value=float(len(small)),
            interval=None,
            n=found.rows,
            unit=found.unit,
            method=f"Fewer than 30. {sentences.rule_of_size(small, found.judged_on)}",
            limits="A group that is large enough here can still be too small for a rare class within it.",
            series={
                "group": [cell.name for cell in small],
                "there are": [cell.judged for cell in small],
                "for an interval of 5 points": [cell.needed_for_interval for cell in small],
                "for a gap of 10 points": [cell.needed_for_gap for cell in small],
            },
        )


def _shares(names: tuple[str, ...], cells: Sequence[CellOfGroups], found: DataAudit) -> Finding:
    off = [cell for cell in cells if cell.p is not None and cell.p <= SURE]
    unknown = {name: found.representation.unknown[name] for name in names if found.representation.unknown[name]}
    said = ", ".join(f"{shown(name)} of {counted(count, found.unit)}" for name, count in unknown.items())
    tested = any(cell.p is not None for cell in cells)
    by = " and ".join(shown(name) for name in names)
    first = min(cells, key=lambda cell: cell.share / cell.expected if cell.expected else 1.0)
    if not tested:
        first = min(cells, key=lambda cell: cell.share)
    claim = f"{sentences.represented(first)}."
    if tested and not off:
        claim = f"By {by}, no share differs from the reference by more than chance."
    return Finding(
        question="who is in the data",
        claim=claim,
        metric=f"share, by {by}",
        value=None,
        interval=None,
        n=sum(cell.rows for cell in cells),
        unit=found.unit,
        method=f"Wilson intervals, each for its cell alone. {CLUSTERED}"
        + (
            f" P values are binomial, corrected for all {found.representation.tests} tests of this page (Holm)."
            if tested
            else ""
        ),
        limits="The reference is the one that was declared. " * tested
        + "Groups are what the data say they are."
        + (f" Not known, and left out: {said}." if said else ""),
        plot="intervals",
        series={
            "label": [", ".join(cell.values) for cell in cells],
            "value": [cell.share for cell in cells],
            "low": [cell.interval[0] if cell.interval else None for cell in cells],
            "high": [cell.interval[1] if cell.interval else None for cell in cells],
            "n": [cell.rows for cell in cells],
            "note": [_beside(cell) for cell in cells],
            "expected": [cell.expected for cell in cells],
        },
        axes=(f"share of the {found.unit}",),
    )


def _beside(cell: CellOfGroups) -> str | None:
    parts = []
    if cell.expected is not None and cell.p is not None:
        parts.append(f"expected {sentences.share(cell.expected)}, {chance(cell.p)}")
    if cell.too_small:
        parts.append(f"too small: {cell.judged} to judge by")
    return "; ".join(parts) or None


def _together(found: DataAudit) -> Iterator[Finding]:
    pairs = found.associations.pairs
    if not pairs:
        return
    notable = [pair for pair in pairs if pair.notable]
    untested = len(found.associations.untested)
    yield Finding(
        question="what goes together",
        claim=f"{sentences.together(notable[0])}." if notable else NOTHING,
        metric="Cramér's V",
        value=pairs[0].v,
        interval=pairs[0].interval,
        n=pairs[0].rows,
        unit=found.unit,
        clusters=pairs[0].clusters,
        method="Cramér's V corrected for bias (Bergsma 2013): 0 where two columns are independent, 1 where one tells "
        f"the other. Chi-square tests, corrected for all {len(pairs)} pairs (Holm). Numbers are in "
        f"quarters. {CLUSTERED}",
        limits=f"{NOT_WHY} {len(notable)} pairs of {len(pairs)} reach V {NOTABLE}."
        + (f" {untested} pairs have too few {found.unit} to tell." if untested else ""),
        plot="intervals",
        series={
            "label": [f"{pair.first} and {pair.second}" for pair in pairs[:STRONGEST]],
            "value": [pair.v for pair in pairs[:STRONGEST]],
            "low": [pair.interval[0] for pair in pairs[:STRONGEST]],
            "high": [pair.interval[1] for pair in pairs[:STRONGEST]],
            "n": [pair.rows for pair in pairs[:STRONGEST]],
            "note": [None if pair.notable else f"{pair.kind}, {chance(pair.p)}" for pair in pairs[:STRONGEST]],
        },
        axes=("Cramér's V",),
    )
    yield from (_closer(pair, found) for pair in notable[:CLOSER])


def _closer(pair: Pair, found: DataAudit) -> Finding:
    """One pair as a matrix: of each value of the first, the shares of the values of the second."""
    cells = [
        (value, other, row[place] / max(1, sum(row)), row[place])
        for value, row in zip(pair.values, pair.counts, strict=True)
        for place, other in enumerate(pair.others)
    ]
    return Finding(
        question="what goes together",
        claim=f"{sentences.together(pair)}. {sentences.rare(pair)}",
        metric="Cramér's V",
        value=pair.v,
        interval=pair.interval,
        n=pair.rows,
        unit=found.unit,
        clusters=pair.clusters,
        method=f"{pair.kind.capitalize()}. The shares of each row add up to 100%; p is corrected as above. {CLUSTERED}",
        limits=NOT_WHY + (f" Left out, as too few: {', '.join(pair.left_out)}." if pair.left_out else ""),
        group=f"{pair.first} and {pair.second}",
        series={
            pair.first: [value for value, _, _, _ in cells],
            pair.second: [other for _, other, _, _ in cells],
            "share": [round(part, 4) for _, _, part, _ in cells],
            found.unit: [count for _, _, _, count in cells],
        },
    )
