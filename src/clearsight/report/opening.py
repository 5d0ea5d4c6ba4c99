"""What the report of a model that invents detail opens with: what its output must not be used for, and why, in figures.

A finding with ``imagined`` makes a report open so, whichever model it is about. The sentence stands here and nowhere
else.
"""

from collections.abc import Sequence

from clearsight.types import Finding

MUST_NOT_IDENTIFY = (
    "Its output must not be used to identify anybody: many pictures fit what it is given, and the detail it shows is "
    "imagined, not recovered."
)


def opening(findings: Sequence[Finding]) -> str:
    """That output must not identify anybody, then every measured figure of why; "" where no finding measured any."""
    measured = dict.fromkeys(finding.imagined for finding in findings if finding.imagined)
    return " ".join([MUST_NOT_IDENTIFY, *measured]) if measured else ""
