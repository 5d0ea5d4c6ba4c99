"""What breaks it: how scores fall when pictures are noisy, blurred, foggy, too dark or compressed; by group too.

Each picture is judged undamaged and under each corruption and severity, so that every loss is paired by picture. The
mean over severities is Hendrycks & Dietterich's (2019), the mean over all corruptions (mPC) and its share of the score
on undamaged pictures (rPC) those of Michaelis et al. 2019. No loss is divided by that of a reference network, since
none was trained on these data: the loss is the numerator of the relative corruption error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from clearsight.audits.attributes import attributes_of, crossed
from clearsight.audits.comparisons import compared, gap_findings
from clearsight.audits.scores import how
from clearsight.audits.sentences import between, joined, number
from clearsight.metrics.degradation import Degradation
from clearsight.metrics.rates import holm
from clearsight.metrics.resample import (
    ROUNDING,
    Estimate,
    Gap,
    Resampling,
    cluster_weights,
    interval,
    interval_from,
    paired,
)
from clearsight.types import Evidence, Finding, Metric, Request, Weights

UNDAMAGED = "none"
MEAN = "score under corruption"
BY_SEVERITY = "score by severity"
EVERY = "score of every corruption and severity"
LIMITS = (
    "Corruptions made by a program stand for damage in the world, and are not it: a real night or a dirty lens "
    "differs. It holds for these pictures and severities, which are this package's own: scores are not comparable with "
    "published benchmarks."
)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One corruption of one severity: its evidence, and the estimate of the headline metric."""

    corruption: str
    family: str
    severity: int
    evidence: Evidence
    estimate: Estimate


def under_corruption(request: Request) -> tuple[Finding, ...]:
    """The losses by corruption, severity and group; nothing where no corrupted pictures were judged."""
    given = {name: one for name, one in request.more.items() if "corruption" in one.about}
    clean = next((one for one in given.values() if one.about["corruption"] == UNDAMAGED), None)
    damaged = [one for one in given.values() if one is not clean]
    if clean is None or not damaged or not len(clean.ids):
        return ()
    index_metric = clean.statistics.metrics()[0]
    # The same weights for all: sums drawn without weights would differ between evaluations, and pair nothing.
    weights = cluster_weights(clean.clusters, request.replicates, request.seed)
    undamaged = interval(index_metric, clean, weights, request.confidence)
    conditions = [_condition(request, one, weights) for one in damaged]
    conditions.sort(key=lambda one: (one.corruption, one.severity))
    return (
        _by_corruption(request, clean, index_metric, undamaged, conditions),
        _by_severity(request, clean, index_metric, undamaged, conditions),
        _every(request, clean, index_metric, undamaged, conditions),
        *_by_group(request, clean, conditions),
    )


def belongs(finding: Finding) -> bool:
    """Whether a finding is one of this audit."""
    return finding.question == "what breaks it" and (
        finding.metric in (MEAN, BY_SEVERITY, EVERY) or "under corruption" in finding.metric
    )


def _condition(request: Request, one: Evidence, weights: Weights) -> Condition:
    metric: Metric = one.statistics.metrics()[0]
    return Condition(
        corruption=one.about["corruption"],
        family=one.about["family"],
        severity=int(one.about["severity"]),
        evidence=one,
        estimate=interval(metric, one, weights, request.confidence),
    )


def averaged(metric: Metric, estimates: Sequence[Estimate], confidence: float) -> Estimate:
    """The mean of several estimates on the same replicates of the same pictures, as an estimate."""
    first = estimates[0]
    value = float(np.mean([one.value for one in estimates]))
    samples = np.mean([one.samples for one in estimates], axis=0)
    bias = float(np.mean([one.bias for one in estimates]))
    known = samples[np.isfinite(samples)]
    error = float(np.sqrt(known.var(ddof=1) + bias**2)) if len(known) > 1 else float("nan")
    ends = interval_from(
        value, samples, first.clusters, confidence, metric.bounds, metric.bias_rate, first.effective
    ) or (None, None)
    return replace(first, value=value, samples=samples, bias=bias, error=error, low=ends[0], high=ends[1])


def _grouped(conditions: Sequence[Condition], name: str) -> dict[str, list[Condition]]:
    """The conditions by a field, in order."""
    found: dict[str, list[Condition]] = {}
    for one in conditions:
        found.setdefault(str(getattr(one, name)), []).append(one)
    return found


def _mean(request: Request, metric: Metric, conditions: Sequence[Condition]) -> Estimate:
    return averaged(metric, [one.estimate for one in conditions], request.confidence)


def _by_corruption(
    request: Request, clean: Evidence, metric: Metric, undamaged: Estimate, conditions: Sequence[Condition]
) -> Finding:
    """The mean score of each corruption, the worst first, beside that of the undamaged pictures."""
    means = {name: _mean(request, metric, mine) for name, mine in _grouped(conditions, "corruption").items()}
    gaps = {name: _change(paired(one, undamaged, metric.bias_rate, request.confidence)) for name, one in means.items()}
    corrected = dict(zip(gaps, holm([gap.p for gap in gaps.values()]), strict=True))
    whole = averaged(metric, list(means.values()), request.confidence)
    order = sorted(means, key=lambda name: metric.merit(means[name].value))
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    shown = [("all pictures undamaged", undamaged, None), ("mean of all corruptions", whole, None)]
    for label, estimate, gap in [*shown, *((name.replace("-", " "), means[name], gaps[name]) for name in order)]:
        ends = estimate.interval or (None, None)
        note = None if gap is None else f"change {gap.value:+.2f}{between(gap.interval)}"
        value = estimate.value if np.isfinite(estimate.value) else None
        for column, cell in zip(rows, (label, value, *ends, estimate.images, note), strict=True):
            rows[column].append(cell)
    worse = [name for name in order if _lower(metric, gaps[name]) and corrected[name] <= 1 - request.confidence]
    return Finding(
        question="what breaks it",
        claim=_claim(metric, undamaged, whole, (order[0], means[order[0]]), conditions)
        + f" {_losing(len(worse), len(means))}",
        metric=MEAN,
        value=whole.value if np.isfinite(whole.value) else None,
        interval=whole.interval,
        n=undamaged.images,
        unit=clean.unit,
        clusters=undamaged.clusters,
        method=f"{how(replace(request, evidence=clean), undamaged)} Every corruption is judged on the same "
        f"{clean.unit} ({_drawn(clean)}) at severity {_severities(conditions)}, and the mean over severities is shown; "
        "differences to the undamaged pictures are paired, and Holm-corrected for all corruptions. Corruptions after "
        "Hendrycks & Dietterich 2019.",
        limits=LIMITS,
        plot="intervals",
        series=rows,
        axes=(metric.name,),
    )


def _change(gap: Gap) -> Gap:
    """The difference, which is none where it and its error are the rounding of sums of replicates."""
    least = ROUNDING * max(abs(gap.first.value), abs(gap.second.value), ROUNDING)
    return replace(gap, value=0.0, low=0.0, high=0.0, p=1.0) if max(abs(gap.value), gap.error) < least else gap


def _losing(worse: int, corruptions: int) -> str:
    if corruptions == 1:
        return "That is more than chance." if worse else "That may be chance."
    verb = "makes" if worse == 1 else "make"
    return f"Of the {corruptions} corruptions, {worse or 'none'} {verb} it worse by more than chance."


def _lower(metric: Metric, gap: Gap) -> bool:
    """Whether the damaged pictures score worse."""
    return metric.merit(gap.first.value) < metric.merit(gap.second.value)


def _drawn(clean: Evidence) -> str:
    return clean.about.get("pictures", f"{len(clean.ids)} of them")


def _severities(conditions: Sequence[Condition]) -> str:
    return joined([str(level) for level in sorted({one.severity for one in conditions})])


def _claim(
    metric: Metric, undamaged: Estimate, whole: Estimate, worst: tuple[str, Estimate], conditions: Sequence[Condition]
) -> str:
    name, lowest = worst
    severities = len({one.severity for one in conditions})
    over = f" on average over {severities} severities" if severities > 1 else f" at severity {conditions[0].severity}"
    clean = f"{number(undamaged.value, metric)}{between(undamaged.interval, metric)} on the same pictures undamaged"
    worst_said = f"{number(lowest.value, metric)}{between(lowest.interval, metric)}"
    if len({one.corruption for one in conditions}) == 1:
        return f"Under {name.replace('-', ' ')} {metric.name} is {worst_said}{over}, against {clean}."
    kept = ""
    if metric.higher_is_better and metric.bounds[0] == 0 and undamaged.value > 0:
        kept = f", which is {100 * whole.value / undamaged.value:.0f}% of that"
    mean = f"{number(whole.value, metric)}{between(whole.interval, metric)}"
    return (
        f"It copes worst with {name.replace('-', ' ')}: {metric.name} is {worst_said}{over}, against {clean}. "
        f"Averaged over all corruptions it is {mean}{kept}."
    )


def _by_severity(
    request: Request, clean: Evidence, metric: Metric, undamaged: Estimate, conditions: Sequence[Condition]
) -> Finding:
    """The score of each family of corruptions against the severity."""
    rows: dict[str, list] = {"line": [], "x": [], "y": [], "low": [], "high": []}
    ends: dict[str, float] = {}
    for family, mine in _grouped(conditions, "family").items():
        points = [(0, undamaged)]
        points += [(int(level), _mean(request, metric, same)) for level, same in _grouped(mine, "severity").items()]
        ends[family] = max(points, key=lambda point: point[0])[1].value
        for severity, estimate in sorted(points, key=lambda point: point[0]):
            low, high = estimate.interval or (None, None)
            value = estimate.value if np.isfinite(estimate.value) else None
            for column, cell in zip(rows, (family, severity, value, low, high), strict=True):
                rows[column].append(cell)
    hardest = max(one.severity for one in conditions)
    order = sorted(ends, key=lambda family: metric.merit(ends[family]))
    said = joined([f"{number(ends[family], metric)} under {family}" for family in order])
    return Finding(
        question="what breaks it",
        claim=f"At severity {hardest} {metric.name} is {said}; undamaged it is {number(undamaged.value, metric)}.",
        metric=BY_SEVERITY,
        value=None,
        interval=None,
        n=undamaged.images,
        unit=clean.unit,
        clusters=undamaged.clusters,
        method=f"{how(replace(request, evidence=clean), undamaged)} Each line is the mean over the corruptions of a "
        "family; severity 0 are the same pictures undamaged.",
        limits=LIMITS,
        plot="curve",
        series=rows,
        axes=("severity", metric.name),
    )


def _every(
    request: Request, clean: Evidence, metric: Metric, undamaged: Estimate, conditions: Sequence[Condition]
) -> Finding:
    """A table of all conditions; the error beside that of the undamaged pictures where scores end at 1."""
    severities = sorted({one.severity for one in conditions})
    table: dict[str, list] = {"corruption": [], "family": []}
    table |= {f"severity {level}": [] for level in severities}
    ratio = metric.bounds == (0.0, 1.0) and metric.higher_is_better and undamaged.value < 1
    table |= {"mean": []} | ({"mean error as a multiple of the undamaged": []} if ratio else {})
    for name, mine in _grouped(conditions, "corruption").items():
        cells = {one.severity: _cell(metric, one.estimate) for one in mine}
        mean = _mean(request, metric, mine)
        row: list[str | None] = [name, mine[0].family, *(cells.get(level) for level in severities), _cell(metric, mean)]
        row += [f"{(1 - mean.value) / (1 - undamaged.value):.2f}"] if ratio else []
        for column, cell in zip(table.values(), row, strict=True):
            column.append(cell)
    return Finding(
        question="what breaks it",
        claim=f"{metric.name[:1].upper()}{metric.name[1:]} of every corruption at every severity; undamaged it is "
        f"{_cell(metric, undamaged)}.",
        metric=EVERY,
        value=None,
        interval=None,
        n=undamaged.images,
        unit=clean.unit,
        clusters=undamaged.clusters,
        method=how(replace(request, evidence=clean), undamaged),
        limits=LIMITS,
        series=table,
    )


def _cell(metric: Metric, estimate: Estimate) -> str:
    known = bool(np.isfinite(estimate.value))
    return f"{number(estimate.value, metric)}{between(estimate.interval, metric)}" if known else "not defined"


def _by_group(request: Request, clean: Evidence, conditions: Sequence[Condition]) -> list[Finding]:
    """Whether the corruptions take more from one group than from the others, with tests and Holm's correction."""
    asked = tuple(word for word in request.by if set(crossed(word)) <= set(clean.groups))
    losses = Degradation(clean=clean.statistics, conditions=tuple(one.evidence.statistics for one in conditions))
    if not clean.groups or (request.by and not asked) or not losses.metrics():
        return []
    mine = replace(request, evidence=replace(clean, statistics=losses), by=asked, more={})
    comparisons = []
    for attribute in attributes_of(mine):
        weights = Resampling(
            clusters=clean.clusters, replicates=request.replicates, seed=request.seed, strata=attribute.codes
        )
        comparisons += compared(mine, attribute, losses.metrics(), weights)
    found: Mapping[str, str] = {"question": "what breaks it"}
    return [replace(finding, **found) for finding in gap_findings(mine, comparisons)]  # type: ignore[arg-type]
