"""What else is to be known of a run than its scores: evidence made with its network, and pictures of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from clearsight.run import Run
from clearsight.sources import Source
from clearsight.types import Evidence, Example


@dataclass(frozen=True, kw_only=True)
class MoreEvidence:
    """Evidence for the audits, by the name it is kept under, and pictures for the report."""

    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()


# Of a run, its data as it is judged on them, the evidence of one split, and the attributes that are asked about.
Look = Callable[[Run, Source, Evidence, Sequence[str]], MoreEvidence]


def nothing_more(run: Run, source: Source, judged: Evidence, by: Sequence[str]) -> MoreEvidence:
    """What most runs need."""
    return MoreEvidence()
