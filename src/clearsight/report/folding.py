"""Findings that answer one question by one method with the same limits: shown as one table, the method said once.

So are findings of one kind that lack evidence, such as groups that are too small to judge.
"""

import re
from collections.abc import Sequence

from clearsight.types import Finding

FOLDED_FROM = 3
FOLDED = ("none asked", "insufficient")


def folded(findings: Sequence[Finding]) -> list[list[int]]:
    """The places of findings, those that belong into one table together, in the order of the first of each.

    At least three are folded, and only such as have no plot, no rows of their own and one verdict, which is none or
    insufficient evidence: what passed or failed a test stands alone. Limits may differ where evidence is lacking, since
    they name groups: see `shared_limits`.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    for index, finding in enumerate(findings):
        plain = finding.plot is None and not finding.series and finding.verdict in FOLDED
        limits = finding.limits if finding.verdict == "none asked" else ""
        one = (finding.question, finding.method, limits, finding.unit, finding.verdict) if plain else (index,)
        alike.setdefault(one, []).append(index)
    found = [part for places in alike.values() for part in ([places] if len(places) >= FOLDED_FROM else _apart(places))]
    return sorted(found)


def heading(findings: Sequence[Finding]) -> str:
    """What stands above a table of findings: the claim of the first, or of what there is too little evidence."""
    if findings[0].verdict != "insufficient":
        return findings[0].claim
    names = list(dict.fromkeys(finding.group or finding.metric for finding in findings))
    return f"Too little evidence for {', '.join(names[:-1])} and {names[-1]}." if len(names) > 1 else findings[0].claim


def shared_limits(findings: Sequence[Finding]) -> tuple[str, list[str]]:
    """The sentences on limits that all findings have in common, and for each finding its others."""
    each = [re.split(r"(?<=\.) ", finding.limits) for finding in findings]
    common = [sentence for sentence in each[0] if all(sentence in other for other in each)]
    return " ".join(common), [" ".join(part for part in own if part not in common) for own in each]


def _apart(places: Sequence[int]) -> list[list[int]]:
    return [[place] for place in places]
