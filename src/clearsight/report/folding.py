"""Findings that answer one question by one method with the same limits: shown as one table, the method said once."""

from collections.abc import Sequence

from clearsight.types import Finding

FOLDED_FROM = 3


def folded(findings: Sequence[Finding]) -> list[list[int]]:
    """The places of findings, those that belong into one table together, in the order of the first of each.

    At least three are folded, and only such as have no plot, no rows of their own and no verdict: what failed a test
    or could not be tested stands alone.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    for index, finding in enumerate(findings):
        plain = finding.plot is None and not finding.series and finding.verdict == "none asked"
        one = (finding.question, finding.method, finding.limits, finding.unit) if plain else (index,)
        alike.setdefault(one, []).append(index)
    found = [part for places in alike.values() for part in ([places] if len(places) >= FOLDED_FROM else _apart(places))]
    return sorted(found)


def _apart(places: Sequence[int]) -> list[list[int]]:
    return [[place] for place in places]
