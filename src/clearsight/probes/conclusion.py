"""The card of a probe: its findings, every reply and how it was read, and which system was asked."""

import datetime
from collections.abc import Sequence

from clearsight.files.provenance import provenance
from clearsight.probes.asking import excerpt
from clearsight.probes.probe import Judging, Probe, Reply
from clearsight.types import Card, Finding

SHOWN = 300
NOTES = (
    "A probe shows mistakes on these questions; that none is found does not show that there are none.",
    "One session on one day: a system that answers by chance, or that is changed, may answer otherwise the next time.",
    "Replies are read by rules, not understood. Look at the table of replies before you act on a figure.",
)


def card(
    probe: Probe, system: str, table: str, replies: Sequence[Reply], findings: Sequence[Finding], judging: Judging
) -> Card:
    """The findings of a probe with the replies behind them."""
    blank = sum(not each.reply for each in replies)
    return Card(
        title=probe.title,
        task=f"probe {probe.name}",
        summary=" ".join(finding.claim for finding in findings if finding.verdict != "none asked"),
        findings=(*findings, _table(probe, replies)),
        cost=None,
        facts={
            "system": system,
            "questions": table,
            "messages": f"{len(replies):,}",
            "tolerated": f"{judging.tolerated:.0%} mistakes",
            "seed": str(judging.seed),
        },
        provenance=provenance(),
        notes=((f"{blank} of {len(replies)} replies are blank.",) if blank else ()) + NOTES,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _table(probe: Probe, replies: Sequence[Reply]) -> Finding:
    judged = [each for each in replies if each.read_as]
    series: dict[str, list[str]] = {"when": [], "message": [], "reply": [], "read as": []}
    for each in judged:
        cells = (each.phase, excerpt(each.prompt, SHOWN), excerpt(each.reply, SHOWN), each.read_as)
        for column, cell in zip(series.values(), cells, strict=True):
            column.append(cell)
    return Finding(
        question="what it does",
        claim="Every reply, and how it was read.",
        metric="replies",
        value=None,
        interval=None,
        n=len(judged),
        unit="judged replies",
        method="Each reply is read by the rules of the probe.",
        limits="A reply may mean something that the rules do not see.",
        series=series if any(series["when"]) else {name: cells for name, cells in series.items() if name != "when"},
    )
