"""The card as a short text for the terminal: plain, readable without colour, every number with n and interval."""

import textwrap

from clearsight.report.page import bill
from clearsight.report.quantities import counted, number, score
from clearsight.report.wording import NOT_ASSESSED, QUESTIONS, VERDICTS, cleaned, interval_of, sentence_case
from clearsight.types import Card, Finding

# Terminals of every code page show these.
_PLAIN = str.maketrans({"–": "-", "−": "-", "₂": "2", "…": "...", "≥": ">=", "≤": "<="})


def summary(card: Card, width: int = 88, most: int = 4) -> str:
    """The title, the summary and, per question, its first ``most`` findings; lines are at most ``width`` long."""
    card = cleaned(card)
    parts = [_wrapped(card.title, width), ""]
    parts += [f"{_wrapped(f'WARNING: {text}', width)}\n" for text in card.warnings]
    parts.append(_wrapped(card.summary, width))
    if card.facts:
        parts += ["", *(_wrapped(f"{name}: {text}", width, "  ") for name, text in card.facts.items())]
    for question in QUESTIONS:
        mine = [finding for finding in card.findings if finding.question == question]
        parts += ["", sentence_case(question)]
        if question == "what it cost" and card.cost:
            parts += [_wrapped(f"{name.lower()}: {text}", width, "  ") for name, text in bill(card.cost).rows]
        elif not mine:
            parts.append(_wrapped(NOT_ASSESSED[question], width, "  "))
        for finding in mine[:most]:
            parts += _finding(finding, width)
        if len(mine) > most:
            parts.append(f"  and {len(mine) - most} more in the report")
        if question == "who answers for it":
            parts.append(_wrapped(f"responsible: {card.responsible or 'nobody has been named'}", width, "  "))
            parts += [_wrapped(f"not tested: {item}", width, "  ") for item in card.untested]
    if card.notes:
        parts += ["", "Notes", *(_wrapped(f"- {note}", width, "  ") for note in card.notes)]
    return "\n".join(parts).translate(_PLAIN)


def _finding(finding: Finding, width: int) -> list[str]:
    verdict = "" if finding.verdict == "none asked" else f"[{VERDICTS[finding.verdict].upper()}] "
    lines = [_wrapped(f"{verdict}{finding.claim}", width, "  ")]
    facts = f"n = {counted(finding.n, finding.unit)}"
    if number(finding.value) is not None:
        facts = f"{finding.metric}: {score(finding.value, finding.interval)} ({interval_of(finding)}), {facts}"
    return [*lines, _wrapped(facts, width, "    ")]


def _wrapped(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(
        text, width, initial_indent=indent, subsequent_indent=indent + ("  " if indent else ""), break_on_hyphens=False
    )
