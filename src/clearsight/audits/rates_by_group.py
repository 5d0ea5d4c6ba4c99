"""Error rates by group: what a group is wrongly told and what it is denied, and the equalised-odds difference.

Of two classes, and of each of several labels: the false-positive and the false-negative rate of every group, and the
larger of the two rates' largest differences between groups (equalised odds, Hardt et al. 2016), corrected for being the
largest as ``metrics.extremes`` does.
"""

import numpy as np

from clearsight.audits.attributes import POSITIVES_AT_LEAST, Attribute, attributes_of, group_rule, of_one_truth
from clearsight.audits.sentences import between, number
from clearsight.audits.worst_group import limits_of
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.error_rates import Decisive, ErrorRates, error_rates
from clearsight.metrics.extremes import Extreme, extremes
from clearsight.metrics.resample import Estimate, Resampling, interval
from clearsight.types import Finding, Metric, Request

LABELS_AT_MOST = 20
Judged = list[tuple[str, Estimate]]
METHOD = (
    "The larger of both rates' largest differences between groups. Corrected for being the largest: groups' true rates "
    "are taken to spread around a common mean (hierarchical normal model). {confidence:g}% interval: bounds of all "
    "groups and both rates at once (Sidak), which cover more often than that. Whiskers of rates stand each alone."
)


def rates_by_group(request: Request) -> tuple[Finding, ...]:
    """For every attribute, the error rates of each label by group; nothing of more than two classes, or of none."""
    statistics = request.evidence.statistics
    if not isinstance(statistics, Decisive):
        return ()
    indices, other = list(range(min(LABELS_AT_MOST, len(statistics.class_names)))), ""
    if isinstance(statistics, ClassificationStatistics):
        if statistics.positive is not None or len(statistics.class_names) != 2:
            return ()
        indices, other = (
            [1],
            statistics.class_names[0],
        )  # the errors of the other class are the same two, the other way round
    findings = []
    for attribute in attributes_of(request):
        if of_one_truth(request.evidence, attribute):
            continue
        weights = Resampling(
            clusters=request.evidence.clusters,
            replicates=request.replicates,
            seed=request.seed,
            strata=attribute.codes,
        )
        for index in indices:
            findings += _of_label(request, attribute, error_rates(statistics, index, other), weights, index)
    return tuple(findings)


def _of_label(
    request: Request, attribute: Attribute, errors: ErrorRates, weights: Resampling, index: int
) -> list[Finding]:
    """The rates of one label, or class, by one attribute; nothing where no rate is known of two groups."""
    present, absent = request.evidence.statistics.decisions(index)[:2]
    both = [
        (rate, _judged(request, attribute, rate, cases, weights))
        for rate, cases in zip(errors.both, (absent, present), strict=True)
    ]
    extreme = [_largest(request, rate, judged) for rate, judged in both]
    known = [one for one in extreme if one is not None]
    if not known:
        return []
    widest = Extreme(
        **{name: max(getattr(one, name) for one in known) for name in ("observed", "corrected", "low", "high")}
    )
    ends = (min(widest.low, widest.corrected), max(widest.high, widest.corrected))
    apart = f"{_points(widest.observed)} points as observed, {_points(widest.corrected)} ({_points(ends[0])} to "
    claim = (
        f"By {attribute.name}, the error rates of {errors.name} differ by {apart}{_points(ends[1])}) corrected for "
        f"being the largest. {_told(both[0])} {_told(both[1])}"
    )
    return [
        Finding(
            question="whom it fails",
            claim=claim.strip(),
            metric=f"equalised-odds difference of {errors.name}",
            value=widest.corrected,
            interval=ends,
            n=int(attribute.known.sum()),
            unit=request.evidence.unit,
            clusters=min(one.clusters for _, judged in both for _, one in judged),
            method=METHOD.format(confidence=100 * request.confidence),
            limits=f"{group_rule(request.evidence)} A rate needs {POSITIVES_AT_LEAST} cases of its truth in a group. "
            "Groups too small to judge are not among them, and may fare worse.",
            group=attribute.name,
            plot="intervals",
            series=_series(both),
            axes=("error rate (FPR: false-positive, FNR: false-negative)",),
        )
    ]


def _judged(request: Request, attribute: Attribute, rate: Metric, cases: np.ndarray, weights: Resampling) -> Judged:
    """The rate of each group that has enough cases of its truth."""
    found = []
    for group in attribute.large:
        rows = attribute.rows(group)
        if int((cases & rows).sum()) >= POSITIVES_AT_LEAST:
            one = interval(rate, request.evidence, weights, request.confidence, rows)
            if one.interval is not None:
                found.append((group, one))
    return found


def _largest(request: Request, rate: Metric, judged: Judged) -> Extreme | None:
    if len(judged) < 2:
        return None
    estimates = [one for _, one in judged]
    values = np.array([one.value for one in estimates])
    return extremes(values, limits_of(rate, estimates), request.confidence**0.5, higher_is_better=False).gap


def _told(rate: tuple[Metric, Judged]) -> str:
    """Whom the rate is highest and lowest for."""
    metric, judged = rate
    if len(judged) < 2:
        return ""
    ordered = sorted(judged, key=lambda pair: -pair[1].value)
    (worst, high), (best, low) = ordered[0], ordered[-1]
    ends = [f"{number(one.value, metric)}{between(one.interval, metric)}" for one in (high, low)]
    return f"The {metric.name} is {ends[0]} for {worst} and {ends[1]} for {best}."


def _series(both: list[tuple[Metric, Judged]]) -> dict[str, list]:
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    for kind, (_, judged) in zip(("FPR", "FNR"), both, strict=True):
        for group, one in judged:
            ends = one.interval or (None, None)
            cells = (f"{group}, {kind}", one.value, *ends, one.images, None)
            for column, cell in zip(rows, cells, strict=True):
                rows[column].append(cell)
    return rows


def _points(share: float) -> str:
    return f"{100 * share:.0f}"
