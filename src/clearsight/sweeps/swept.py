"""What a sweep found: its trials, the best configuration, and what scores depend on."""

from collections.abc import Mapping
from dataclasses import dataclass

from clearsight.sweeps.variance import Variance
from clearsight.types import Cost


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A trial and what became of it: its number, settings and seed, its score or its error, and its run folder."""

    number: int
    settings: Mapping[str, str]
    seed: int
    state: str
    score: float | None
    error: str
    kwh: tuple[float, float, float] | None
    run: str


@dataclass(frozen=True, kw_only=True)
class Best:
    """The configuration chosen, what it scores, and what was taken off for the choice.

    ``score`` is the mean over seeds on the pictures it was chosen by; ``corrected`` is that without the ``optimism`` of
    choosing or, where it is ``untouched`` by it, the score on test pictures; ``ends`` are of it. ``rivals`` are other
    configurations that resampling would choose.
    """

    settings: Mapping[str, str]
    score: float
    optimism: float
    corrected: float
    ends: tuple[float, float] | None
    split: str
    untouched: bool
    rivals: int


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a sweep found. ``best`` and ``variance`` are None where too few trials finished to say."""

    model: str
    data: str
    metric: str
    split: str
    pictures: int
    clusters: int
    trials: tuple[Tried, ...]
    failed: int
    best: Best | None
    variance: Variance | None
    cost: Cost | None
    unmetered: int
    claim: str
    folder: str
    page: str
