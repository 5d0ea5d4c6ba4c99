"""Two runs on the same pictures, paired: how much better one is, and whether that is more than chance."""

from dataclasses import dataclass
from pathlib import Path

from clearsight.metrics import resample
from clearsight.run import Run
from clearsight.types import Evidence
from clearsight.verbs import trained

REPLICATES = 1000


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One metric of both runs on the same ``n`` pictures, and ``second - first`` with its 95% interval and p."""

    metric: str
    first: float
    second: float
    difference: float
    interval: tuple[float, float] | None
    p: float
    n: int
    clusters: int
    higher_is_better: bool
    method: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All metrics of two runs on one evaluation, and what each run took."""

    first: str
    second: str
    evidence: str
    differences: tuple[Difference, ...]
    kwh: tuple[tuple[float, float, float] | None, tuple[float, float, float] | None]
    claim: str


def compare(first: Run | str | Path, second: Run | str | Path, *, seed: int = 0) -> Comparison:
    """Compare two runs on an evaluation that both have of the same pictures.

    Pictures are resampled by cluster, the same for both runs, so what makes a picture hard for both cancels.

    Raises:
        ValueError: the runs have no evaluation of the same pictures (the message says how to make one).
    """
    first, second = trained.opened(first), trained.opened(second)
    name, old, new = _shared(first, second)
    weights = resample.cluster_weights(old.clusters, REPLICATES, seed)
    differences = []
    for mine, theirs in zip(old.statistics.metrics(), new.statistics.metrics(), strict=True):
        assert mine.name == theirs.name
        gap = resample.change(mine, old, new, weights)
        differences.append(
            Difference(
                metric=mine.name,
                first=gap.second.value,
                second=gap.first.value,
                difference=gap.value,
                interval=None if gap.low is None or gap.high is None else (gap.low, gap.high),
                p=gap.p,
                n=gap.first.images,
                clusters=gap.first.clusters,
                higher_is_better=mine.higher_is_better,
                method=f"paired cluster bootstrap, {REPLICATES} replicates, 95% interval",
            )
        )
    kwh = (_kwh(first), _kwh(second))
    claim = _claim(first.name, second.name, differences[0])
    return Comparison(
        first=first.name, second=second.name, evidence=name, differences=tuple(differences), kwh=kwh, claim=claim
    )


def _shared(first: Run, second: Run) -> tuple[str, Evidence, Evidence]:
    """The evaluation both runs have of the same pictures, tests before other splits."""
    tasks = [run.config.task for run in (first, second)]
    if tasks[0] != tasks[1]:
        raise ValueError(f"{first.path} does {tasks[0]} and {second.path} {tasks[1]}. Compare runs of one task.")
    kind = trained.task_of(first.config).statistics_type
    names = [name for name in first.evidence_names if name in second.evidence_names and not name.startswith("baseline")]
    for name in sorted(names, key=lambda name: (not name.endswith("test"), name)):
        old, new = first.read_evidence(name, kind), second.read_evidence(name, kind)
        if old.ids == new.ids and old.about.get("fingerprint") == new.about.get("fingerprint"):
            return name, old, new
    raise ValueError(
        f"{first.path} and {second.path} were not judged on the same pictures. Judge both on one data set: "
        f"clearsight evaluate {first.path} DATA; clearsight evaluate {second.path} DATA."
    )


def _kwh(run: Run) -> tuple[float, float, float] | None:
    try:
        cost = run.read_card().cost
    except ValueError:
        return None
    return None if cost is None else cost.kwh


def _claim(first: str, second: str, headline: Difference) -> str:
    if headline.interval is None:
        return f"{second} and {first} cannot be told apart: too few clusters of pictures to resample."
    low, high = headline.interval
    better = headline.difference > 0 if headline.higher_is_better else headline.difference < 0
    if low <= 0 <= high:
        return (
            f"{second} and {first} cannot be told apart by {headline.metric}: the difference is "
            f"{headline.difference:+.3f} [{low:+.3f}, {high:+.3f}] on {headline.n} pictures."
        )
    return (
        f"{second} is {'better' if better else 'worse'} than {first} by {abs(headline.difference):.3f} "
        f"{headline.metric} [{low:+.3f}, {high:+.3f}] on {headline.n} pictures."
    )
