"""Several runs on the same pictures, paired: how much better one is, whether that is more than chance, what each costs.

Pictures are resampled by cluster, the same for all runs, so what makes a picture hard for all of them cancels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearsight.metrics import resample
from clearsight.run import Run
from clearsight.types import Dataset, Evidence
from clearsight.verbs import trained
from clearsight.verbs.evaluate import read_for
from clearsight.verbs.speed import Speed, speeds

REPLICATES = 1000
METHOD = f"paired cluster bootstrap, {REPLICATES} replicates, 95% interval"


@dataclass(frozen=True, kw_only=True)
class Score:
    """A metric's value and its 95% interval; None where resampling says nothing."""

    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One run: what it is, its scores by metric, what training took (kWh low, mid, high), and how quick it is.

    ``speed`` is None where it was not measured.
    """

    name: str
    path: str
    model: str
    backbone: str
    scores: Mapping[str, Score]
    training_s: float | None
    kwh: tuple[float, float, float] | None
    speed: Speed | None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One metric of a run and of the first on the same ``n`` pictures: ``second - first`` with its 95% interval, p."""

    run: str
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
    """All metrics of several runs on one evaluation, each run against the first; one ``claim`` for each of these.

    ``page`` is the report of the comparison, where one was written.
    """

    evidence: str
    unit: str
    n: int
    runs: tuple[Contender, ...]
    differences: tuple[Difference, ...]
    claims: tuple[str, ...]
    notes: tuple[str, ...] = ()
    page: str | None = None


def compare(*runs: Run | str | Path, out: Path | str | None = None, speed: bool = True, seed: int = 0) -> Comparison:
    """Compare runs on an evaluation that all have of the same pictures; differences are to the first.

    Args:
        out: a new file for the comparison as a page, with pictures of what each run misses.
        speed: time each run on some of these pictures, in processes of their own, by turns.

    Raises:
        ValueError: fewer than two runs, or no evaluation of the same pictures (the message says how to make one).
    """
    opened = _opened(runs, out)
    names = _names(opened)
    found, evidence = shared(opened)
    metrics = _common(evidence)
    weights = resample.cluster_weights(evidence[0].clusters, REPLICATES, seed)
    scores: list[dict[str, Score]] = [{} for _ in opened]
    differences = []
    for metric in metrics:
        estimates = [resample.interval(_named(one, metric), one, weights) for one in evidence]
        for mine, estimate in zip(scores, estimates, strict=True):
            mine[metric] = Score(value=estimate.value, interval=estimate.interval)
        differences += [
            _difference(names[index], metric, evidence[0], evidence[index], weights) for index in range(1, len(opened))
        ]
    notes: list[str] = []
    pictures = _pictures(opened[0], evidence[0], notes, timed=speed, shown=out is not None)
    timed = speeds(opened, pictures) if speed and pictures is not None else (None,) * len(opened)
    result = Comparison(
        evidence=found,
        unit=evidence[0].unit,
        n=len(evidence[0].ids),
        runs=tuple(
            _contender(run, name, score, quick)
            for run, name, score, quick in zip(opened, names, scores, timed, strict=True)
        ),
        differences=tuple(differences),
        claims=tuple(_claim(one, names[0]) for one in differences if one.metric == metrics[0]),
        notes=tuple(notes),
    )
    if out is None:
        return result
    from clearsight.verbs.compare_page import write

    return write(result, opened, evidence, pictures, Path(out))


def _opened(runs: Sequence[Run | str | Path], out: Path | str | None) -> list[Run]:
    opened = [trained.opened(run) for run in runs]
    if len(opened) < 2:
        raise ValueError(f"{len(opened)} run was named. Expected two or more: clearsight compare RUN RUN.")
    if out is not None and Path(out).exists():
        raise ValueError(f"{out} exists. A comparison is written into a new file: choose another with --out.")
    return opened


def shared(runs: Sequence[Run]) -> tuple[str, list[Evidence]]:
    """The evaluation all runs have of the same pictures, tests before other splits; raises ValueError for none."""
    names = set.intersection(*(set(run.evidence_names) for run in runs))
    for name in sorted(names, key=lambda name: (not name.endswith("test"), name)):
        if name.startswith("baseline"):
            continue
        found = [run.read_evidence(name, trained.task_of(run.config).statistics_type) for run in runs]
        if all(_same(found[0], one) for one in found[1:]):
            return name, found
    paths = ", ".join(str(run.path) for run in runs)
    raise ValueError(
        f"{paths} were not judged on the same pictures. Judge each on one data set: "
        f"clearsight evaluate {runs[0].path} DATA, and so on."
    )


def _pictures(run: Run, evidence: Evidence, notes: list[str], *, timed: bool, shown: bool) -> Dataset | None:
    """The pictures of the run's own data that were judged, where they are of use; None, and notes why, without them."""
    if not (timed or shown):
        return None
    try:
        if evidence.unit == "rows":
            raise ValueError("these runs learn from tables")
        source, split = read_for(run, run.config.data, None, True), evidence.about.get("split", "")
        if source.name != evidence.about.get("data") or split not in source.splits:
            raise ValueError(f"{run.config.data} does not hold the pictures of {evidence.about.get('data')}, {split}")
        if len(source.split(split)) != len(evidence.ids):
            raise ValueError(f"{run.config.data} no longer has the pictures the runs were judged on")
    except ValueError as error:
        lost = {"speed was not measured": timed, "there are no pictures": shown}
        notes += [f"{what}: {str(error).splitlines()[0]}" for what, wanted in lost.items() if wanted]
        return None
    return source.split(split)


def _same(one: Evidence, other: Evidence) -> bool:
    """Whether two evaluations are of the same pictures: with other truths, such as masks for boxes, by their ids."""
    alike = ("fingerprint",) if one.task == other.task else ("data", "split")
    return one.ids == other.ids and all(one.about.get(key) == other.about.get(key) for key in alike)


def _common(evidence: Sequence[Evidence]) -> list[str]:
    """The metrics that all runs have, in the order of the first; raises ValueError for none."""
    theirs = [[metric.name for metric in one.statistics.metrics()] for one in evidence]
    common = [name for name in theirs[0] if all(name in other for other in theirs)]
    if not common:
        tasks = " and ".join(sorted({one.task for one in evidence}))
        raise ValueError(f"these runs do {tasks}, which have no metric in common. Compare runs of one task.")
    return common


def _named(evidence: Evidence, name: str) -> resample.Metric:
    return next(metric for metric in evidence.statistics.metrics() if metric.name == name)


def _names(runs: Sequence[Run]) -> list[str]:
    """The names of the runs' folders; their paths where two share one."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.path) for run in runs]


def _difference(run: str, metric: str, old: Evidence, new: Evidence, weights: np.ndarray) -> Difference:
    mine = _named(old, metric)
    gap = resample.change(mine, old, new, weights)
    return Difference(
        run=run,
        metric=metric,
        first=gap.second.value,
        second=gap.first.value,
        difference=gap.value,
        interval=gap.interval,
        p=gap.p,
        n=gap.first.images,
        clusters=gap.first.clusters,
        higher_is_better=mine.higher_is_better,
        method=METHOD,
    )


def _contender(run: Run, name: str, scores: Mapping[str, Score], speed: Speed | None) -> Contender:
    config = run.config
    try:
        cost = run.read_card().cost
    except ValueError:
        cost = None
    return Contender(
        name=name,
        path=str(run.path),
        model=config.model,
        backbone=config.backbone,
        scores=scores,
        training_s=None if cost is None else cost.seconds,
        kwh=None if cost is None else cost.kwh,
        speed=speed,
    )


def _claim(headline: Difference, first: str) -> str:
    second = headline.run
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
