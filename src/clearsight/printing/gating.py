"""The verdict of a policy as text for a terminal."""

from clearsight.acceptance.decision import Gated
from clearsight.acceptance.written import method, sentence, tally
from clearsight.report.wording import VERDICTS


def gated(found: Gated) -> str:
    """The verdict, a line for each threshold, the gravest first, and how they were judged."""
    order = {"fail": 0, "insufficient": 1, "pass": 2}
    lines = [f"{found.title} ({found.run}): {VERDICTS[found.verdict].upper()}. {tally(found)}."]
    for check in sorted(found.checks, key=lambda one: order.get(one.verdict, 3)):
        lines.append(f"  {VERDICTS[check.verdict]}: {sentence(check)}")
    if found.against:
        lines.append(f"Changes are to {found.against}, on the same pictures; worse is positive.")
    return "\n".join([*lines, method(found), *found.notes])
