"""Cost, findings, requests to an audit, and the card: what a report is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from clearsight.types.evidence import Evidence
from clearsight.types.guarantees import Guarantee

Question = Literal[
    "what it does", "whom it fails", "when to trust it", "what breaks it", "what it cost", "who answers for it",
    "what must be beaten", "who is in the data", "what goes together", "what is in two splits",
]  # fmt: skip
Plot = Literal["intervals", "reliability", "curve", "bars", "matrix", "parallel"]
Verdict = Literal["pass", "fail", "insufficient", "none asked"]
How = Literal["measured", "modelled", "assumed"]
FEW_CLUSTERS = 10


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a run: seconds, [low, mid, high] kWh, and how many pictures it predicted on, where it did that."""

    seconds: float
    kwh: tuple[float, float, float]
    pictures: int = 0


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a block of work took. Energies are [low, mid, high] kWh; CO2e only where a grid zone was named.

    ``parts`` divide the energy by device; ``stages`` divide it by what it was for, such as "training", "evaluation"
    and "audit".
    """

    seconds: float
    kwh: tuple[float, float, float]
    how: How
    device: str
    parts: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    zone: str | None = None
    kg_co2e: tuple[float, float, float] | None = None
    notes: tuple[str, ...] = ()
    stages: Mapping[str, Stage] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One answer of an audit: a plain sentence, the number behind it, its interval, n, method and limits.

    ``question`` names the section of the report it answers in, the last four those of data before training; ``n``
    counts ``unit``; ``clusters`` is how many clusters were resampled for the interval, None where that has no meaning;
    ``caution`` is what a reader must know before any score. ``imagined`` is a sentence with the measured figure of how
    often a model invents what it shows: a report with such a finding opens with it, and with what its output must not
    be used for (see ``report.opening``). ``series`` holds the points of its plot, columns of equal length by name
    (plain numbers, words, or None), drawn as ``plot``:

    - "intervals": label, value, low, high, n, a note, and what was expected, per row; a dot and a whisker each;
    - "reliability": confidence, correct, low, high, n per bin, all but n in [0, 1];
    - "curve": line (its name), x, y, low, high; the names of the axes are in ``axes``;
    - "bars": label, value, and ours (True for what this run measured); ``axes`` names the value and its unit;
    - "matrix": truth, answer, share of the truth's row in [0, 1], n, low, high; a cell for each pair, all pairs given;
    - "parallel": line (its name), axis, place on it in [0, 1] or None, text, and ours; the last axis is the score.
    """

    question: Question
    claim: str
    metric: str
    value: float | None
    interval: tuple[float, float] | None
    n: int
    unit: str
    method: str
    limits: str
    group: str | None = None
    verdict: Verdict = "none asked"
    plot: Plot | None = None
    series: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    axes: tuple[str, ...] = ()
    clusters: int | None = None
    caution: str = ""
    imagined: str = ""

    @property
    def from_few_clusters(self) -> bool:
        """Whether it stands on so few independent clusters of pictures that this must be said beside its interval."""
        return self.clusters is not None and self.clusters < FEW_CLUSTERS


@dataclass(frozen=True, kw_only=True)
class Request:
    """What an audit is given: evidence, and where it asks for them the cost, other evidence, and the user's choices.

    ``more`` is evidence made under other conditions by name: "baseline", an older model, other pictures. ``reference``
    declares for an attribute the share that each of its groups should have, by name. ``never`` are the confusions that
    must not happen, as pairs of a true class and the one it must not be taken for. ``guarantees`` are what was settled
    for deployment, to be checked on the evidence. ``shared`` keeps what one audit has computed for those after it.
    """

    evidence: Evidence
    cost: Cost | None = None
    more: Mapping[str, Evidence] = field(default_factory=dict)
    by: tuple[str, ...] = ()
    reference: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    never: tuple[tuple[str, str], ...] = ()
    guarantees: tuple[Guarantee, ...] = ()
    zone: str | None = None
    replicates: int = 1000
    confidence: float = 0.95
    seed: int = 0
    shared: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)


Audit = Callable[[Request], tuple[Finding, ...]]


@dataclass(frozen=True, kw_only=True)
class Example:
    """A picture of the run folder for the report: its path relative to the run, and what it shows.

    ``about`` is what errors of one sort have in common, such as "Wrong class", or the name of a slice.
    """

    path: str
    caption: str
    kind: Literal["best", "worst", "typical", "error", "slice", "corrupted", "made", "copied", "restored"]
    score: float | None = None
    about: str = ""


@dataclass(frozen=True, kw_only=True)
class Card:
    """All findings, the cost and the provenance of a run: the only input of every report.

    ``facts`` are the plain facts in the order a reader meets them (model, backbone, data, pictures, seed, ...);
    ``provenance`` the fingerprints and versions; ``warnings`` what makes its scores wrong, to be read before them;
    ``notes`` what the run warned about; ``untested`` what nobody checked.
    """

    title: str
    task: str
    summary: str
    findings: tuple[Finding, ...]
    cost: Cost | None
    facts: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    untested: tuple[str, ...] = ()
    responsible: str | None = None
    created: str = ""
    version: int = 1
