"""The card and the report of a run with what a later test found, in place of what an earlier one of its sort found."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import replace

from clearsight import report
from clearsight.evaluation.conclusion import untested_damage
from clearsight.run import Run
from clearsight.types import Card, Example, Finding


def added(
    run: Run,
    found: Sequence[Finding],
    examples: Sequence[Example],
    belongs: Callable[[Finding], bool],
    kind: str = "corrupted",
) -> Card:
    """Write the card with ``found`` in place of the findings that ``belongs`` names, and the report.

    ``examples``, if there are any, take the place of those of the ``kind`` they are of.
    """
    former = run.read_card()
    findings = (*(one for one in former.findings if not belongs(one)), *found)
    card = replace(
        former,
        findings=findings,
        examples=(*(one for one in former.examples if one.kind != kind or not examples), *examples),
        untested=untested_damage(former.untested, findings),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    run.write_card(card)
    report.write(card, run.path)
    return card
