"""Paired comparison of several runs on the same pictures: differences with intervals, and costs.

Pictures are resampled by cluster, the same for all runs, so that the difficulty of a picture cancels.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from clearsight.audits.cost import TRAINING
from clearsight.comparison.speed import Speed
from clearsight.loading import trained
from clearsight.metrics import resample
from clearsight.quantities import MISSING, fixed, significant
from clearsight.run import Run
from clearsight.types import Cost, Evidence, Stage

REPLICATES = 1000
# Evidence of a split "test", also where the fingerprint of the data follows.
TEST = re.compile(r"(^|-)test(-[0-9a-f]{8})?$")
METHOD = f"paired cluster bootstrap, {REPLICATES} replicates, 95% interval"


@dataclass(frozen=True, kw_only=True)
class Score:
    """A metric's value and its 95% interval; None where undefined."""

    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One run: its model, scores by metric, cost of training (kWh low, mid, high), and speed.

    ``speed`` is None where it was not measured.
    """

    name: str
    path: str
    model: str
    backbone: str
    scores: Mapping[str, Score]
    training_s: float | None
    kwh: tuple[float, float, float] | None
    speed: Speed | None = None


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

    ``counted`` says how many images of what kind the ``n`` are. ``page`` is the report of the comparison, where one was
    written; ``best`` is the run that does best by each metric that is defined for any.
    """

    evidence: str
    unit: str
    n: int
    counted: str
    runs: tuple[Contender, ...]
    differences: tuple[Difference, ...]
    claims: tuple[str, ...]
    notes: tuple[str, ...] = ()
    page: str | None = None
    best: Mapping[str, str] = field(default_factory=dict)


def compared(runs: Sequence[Run], name: str, evidence: Sequence[Evidence], seed: int = 0) -> Comparison:
    """The comparison of runs by their evaluations of the same pictures, called ``name``, in the order of the runs."""
    names = _unique_names(runs)
    metrics = _common(evidence)
    weights = resample.cluster_weights(evidence[0].clusters, REPLICATES, seed)
    scores: list[dict[str, Score]] = [{} for _ in runs]
    best = {}
    differences = []
    for metric in metrics:
        estimates = [resample.interval(_named(one, metric), one, weights) for one in evidence]
        for mine, estimate in zip(scores, estimates, strict=True):
            mine[metric] = Score(value=estimate.value, interval=estimate.interval)
        merit = _named(evidence[0], metric).merit
        known = [
            (merit(one.value), run) for run, one in zip(names, estimates, strict=True) if not math.isnan(one.value)
        ]
        if known:
            best[metric] = max(known)[1]
        differences += [
            _difference(names[index], metric, evidence[0], evidence[index], weights) for index in range(1, len(runs))
        ]
    return Comparison(
        evidence=name,
        unit=evidence[0].unit,
        n=len(evidence[0].ids),
        counted=evidence[0].counted,
        runs=tuple(_contender(run, name, score) for run, name, score in zip(runs, names, scores, strict=True)),
        differences=tuple(differences),
        claims=tuple(_claim(one, names[0], evidence[0].counted) for one in differences if one.metric == metrics[0]),
        best=best,
    )


def shared(runs: Sequence[Run]) -> tuple[str, list[Evidence]]:
    """The evaluation all runs have of the same pictures, tests before other splits; raises ValueError for none.

    They are the same by their fingerprints, whatever each run calls its own; the name is that of the first run.
    """
    common = set.intersection(*(set(run.evidence_names) for run in runs))
    for name in sorted(evaluations(runs[0]), key=lambda name: (not TEST.search(name), name not in common, name)):
        first = _read(runs[0], name)
        others = [alike(run, name, first) for run in runs[1:]]
        found = [first, *(one for one in others if one is not None)]
        if len(found) == len(runs):
            return name, found
    paths = ", ".join(str(run.path) for run in runs)
    if trained.makes_pictures(runs[0].config.model):
        raise ValueError(
            f"{paths} were not compared with the same real pictures, as the same features see them. Train each on the "
            f"same data, at one size, and judge each again with the same version: clearsight audit {runs[0].path} DATA."
        )
    tasks = sorted({run.config.task for run in runs})
    if len(tasks) > 1:
        raise ValueError(
            f"{paths} do different tasks ({', '.join(tasks)}), and their scores do not mean the same. Expected runs of "
            "one task, or of tasks with common truths, such as boxes and masks, judged on the same split of one data "
            "set."
        )
    raise ValueError(
        f"{paths} were not evaluated on the same pictures. Evaluate each on one data set: "
        f"clearsight evaluate {runs[0].path} DATA, and so on."
    )


def evaluations(run: Run) -> list[str]:
    """The evaluations of the run itself: not those of its baseline, or of what stands in for a generator."""
    if trained.makes_pictures(run.config.model):
        return [name for name in run.evidence_names if name in ("test", "val")]
    return [name for name in run.evidence_names if not name.startswith("baseline")]


def _read(run: Run, name: str) -> Evidence:
    return run.read_evidence(name, trained.task_of(run.config).statistics_type)


def alike(run: Run, name: str, first: Evidence) -> Evidence | None:
    """The evaluation of a run that is of the same pictures as ``first``, looked for under that name first."""
    names = sorted(evaluations(run), key=lambda own: (own != name, own))
    return next((found for found in (_read(run, own) for own in names) if _same_pictures(first, found)), None)


def _same_pictures(one: Evidence, other: Evidence) -> bool:
    """Whether two evaluations are of the same pictures: with other truths, such as masks for boxes, by their ids.

    Generated pictures must also have been seen by the same extractors.
    """
    alike = ("fingerprint", "first extractor", "second extractor") if one.task == other.task else ("data", "split")
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


def _unique_names(runs: Sequence[Run]) -> list[str]:
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


def _contender(run: Run, name: str, scores: Mapping[str, Score]) -> Contender:
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
        training_s=None if cost is None else _trained(cost).seconds,
        kwh=None if cost is None else _trained(cost).kwh,
    )


def _trained(cost: Cost) -> Cost | Stage:
    """What the training took, or all where the card of an earlier version does not tell it apart."""
    return cost.stages.get(TRAINING, cost)


def _claim(headline: Difference, first: str, counted: str) -> str:
    second = headline.run
    if headline.interval is None:
        return f"{second} and {first} cannot be told apart: too few clusters of pictures to resample."
    low, high = headline.interval
    better = headline.difference > 0 if headline.higher_is_better else headline.difference < 0
    if low <= 0 <= high:
        return (
            f"{second} and {first} cannot be told apart by {headline.metric}: the difference is "
            f"{signed(headline.difference)} [{signed(low)}, {signed(high)}] on {counted}."
        )
    return (
        f"{second} is {'better' if better else 'worse'} than {first} by {shown(abs(headline.difference))} "
        f"{headline.metric} [{signed(low)}, {signed(high)}] on {counted}."
    )


def shown(value: float) -> str:
    """A score with three digits after the point, with three figures where it is 10 or more; a dash where undefined."""
    if math.isnan(value):
        return MISSING
    return fixed(value, 3) if abs(value) < 10 else significant(value)


def signed(difference: float) -> str:
    """A difference as a score is shown, with its sign."""
    return ("+" if difference >= 0 else "") + shown(difference)
