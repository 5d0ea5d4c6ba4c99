"""The card as a short text for the terminal: plain, readable without colour, every number with n and interval."""

import textwrap
from collections.abc import Collection, Sequence

from clearsight.quantities import counted, number, score
from clearsight.report.folding import folded, heading
from clearsight.report.opening import opening
from clearsight.report.page import bill
from clearsight.report.wording import NOT_ASSESSED, QUESTIONS, VERDICTS, cleaned, interval_of, sentence_case
from clearsight.types import Card, Finding, Question

# Terminals of every code page show these.
_PLAIN = str.maketrans({"–": "-", "−": "-", "₂": "2", "…": "...", "≥": ">=", "≤": "<="})


def summary(card: Card, width: int = 88, most: int = 4, questions: Collection[Question] = QUESTIONS) -> str:
    """The title, the summary and, for each of the ``questions``, its first ``most`` findings (those of one
    method count as one and have a line each); lines are at most ``width`` long."""
    card = cleaned(card)
    first = opening(card.findings)
    parts = [_wrapped(first, width), ""] if first else []
    parts += [_wrapped(card.title, width), ""]
    parts += [f"{_wrapped(f'WARNING: {text}', width)}\n" for text in card.warnings]
    parts.append(_wrapped(card.summary, width))
    if card.facts:
        parts += ["", *(_wrapped(f"{name}: {text}", width, "  ") for name, text in card.facts.items())]
    for question in questions:
        mine = [finding for finding in card.findings if finding.question == question]
        parts += ["", sentence_case(question)]
        if question == "what it cost" and card.cost:
            parts += [_wrapped(f"{name.lower()}: {text}", width, "  ") for name, text in bill(card.cost).rows]
        elif not mine:
            parts.append(_wrapped(NOT_ASSESSED[question], width, "  "))
        shown = [[mine[place] for place in places] for places in folded(mine)]
        for together in shown[:most]:
            parts += _together(together, width)
        if len(shown) > most:
            parts.append(f"  and {sum(map(len, shown[most:]))} more in the report")
        if question == "who answers for it":
            parts.append(_wrapped(f"responsible: {card.responsible or 'nobody has been named'}", width, "  "))
            parts += [_wrapped(f"not tested: {item}", width, "  ") for item in card.untested]
    if card.notes:
        parts += ["", "Notes", *(_wrapped(f"- {note}", width, "  ") for note in card.notes)]
    return "\n".join(parts).translate(_PLAIN)


def _together(findings: Sequence[Finding], width: int) -> list[str]:
    """Findings of one method: the first in full and a line for each other, or a line for each below what they lack."""
    title, first = heading(findings), findings[0]
    if title == first.claim:
        return [*_finding(first, width), *(_wrapped(_beside(one, first), width, "    ") for one in findings[1:])]
    lines = [_wrapped(f"{_verdict(first)}{title}", width, "  ")]
    for one in findings:
        named = f"{_named(one)}, " if number(one.value) is not None else ""
        lines.append(_wrapped(f"{one.group or one.metric}: {named}n = {counted(one.n, one.unit)}", width, "    "))
    return lines


def _verdict(finding: Finding) -> str:
    return "" if finding.verdict == "none asked" else f"[{VERDICTS[finding.verdict].upper()}] "


def _finding(finding: Finding, width: int) -> list[str]:
    lines = [_wrapped(f"{_verdict(finding)}{finding.claim}", width, "  ")]
    facts = f"n = {counted(finding.n, finding.unit)}"
    if number(finding.value) is not None:
        facts = f"{_named(finding)}, {facts}"
    return [*lines, _wrapped(facts, width, "    ")]


def _beside(finding: Finding, first: Finding) -> str:
    """A finding in a line below the first of its method; its n only where it is another."""
    n = counted(finding.n, finding.unit)
    return _named(finding) + (f", n = {n}" if finding.n != first.n else "")


def _named(finding: Finding) -> str:
    if number(finding.value) is None:
        return f"{finding.metric}: not defined"
    interval = f" ({interval_of(finding)})" if finding.interval is not None else ", no interval"
    return f"{finding.metric}: {score(finding.value, finding.interval)}{interval}"


def _wrapped(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(
        text, width, initial_indent=indent, subsequent_indent=indent + ("  " if indent else ""), break_on_hyphens=False
    )
