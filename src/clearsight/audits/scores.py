"""What it does: every metric with its confidence interval, beside a trivial baseline, and by class."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from clearsight.audits.sentences import between, number
from clearsight.metrics.resample import Estimate, Gap, Resampling, change, interval
from clearsight.quantities import counted
from clearsight.types import Evidence, Finding, Metric, Request

CLASSES_AT_MOST = 200
CROSS_VALIDATION = "cross-validation"  # what evidence of no split names in its place: every row was held out once
# The accuracy on the pictures of one class has a name of its own.
OF_ONE_CLASS = {"accuracy": "recall"}
LIMITS = "It holds for {unit} like these and for this trained model only; another training run would differ."


def scores(request: Request) -> tuple[Finding, ...]:
    """Every metric with its interval beside the trivial baseline, and the headline metric class by class."""
    evidence, guess = request.evidence, request.more.get("baseline")
    weights = Resampling(clusters=evidence.clusters, replicates=request.replicates, seed=request.seed)
    metrics = evidence.statistics.metrics()
    estimates = {metric.name: estimated(request, metric, weights) for metric in metrics}
    guesses = {} if guess is None else {m.name: _value(m, guess) for m in metrics if m.beside_baseline}
    method = how(request, estimates[metrics[0].name])
    gain: tuple[float, ...] = ()
    if guess is not None:
        gain = gained(request, metrics[0], guess, weights).interval or ()
    findings = [_headline(metrics[0], estimates[metrics[0].name], guesses, gain, method, evidence)]
    findings += [_score(metric, estimates[metric.name], guesses, method, evidence) for metric in metrics[1:]]
    return (*findings, *_by_class(request, metrics[0], estimates[metrics[0].name], weights, method))


def estimated(request: Request, metric: Metric, weights: Resampling) -> Estimate:
    """A metric on all pictures of a request with its interval, computed once for all audits of the request.

    ``weights`` are its resamplings without strata, the same for every audit.
    """
    key = f"estimate of {metric.name}"
    if key not in request.shared:
        request.shared[key] = interval(metric, request.evidence, weights, request.confidence)
    found: Estimate = request.shared[key]
    return found


def gained(request: Request, metric: Metric, guess: Evidence, weights: Resampling) -> Gap:
    """What a metric gains over the trivial baseline, paired, computed once for all audits of the request."""
    key = f"gain in {metric.name}"
    if key not in request.shared:
        request.shared[key] = change(metric, guess, request.evidence, weights, request.confidence)
    found: Gap = request.shared[key]
    return found


def how(request: Request, estimate: Estimate) -> str:
    """The method behind an interval in words."""
    unit = request.evidence.unit
    single = estimate.clusters == estimate.images
    units = counted(estimate.images, unit) if single else f"{counted(estimate.clusters, 'clusters')} of {unit}"
    return (
        f"{100 * request.confidence:g}% interval from a {'' if single else 'cluster '}bootstrap ({units}, "
        f"{counted(request.replicates, 'replicates')}), bias-corrected."
    )


def limits_of(evidence: Evidence) -> str:
    """What a score does not show."""
    known = trained_on(evidence)
    return LIMITS.format(unit=evidence.unit) + (f" It is too good for other {evidence.unit}: {known}." if known else "")


def trained_on(evidence: Evidence) -> str:
    """That judged pictures, or others of their clusters, were trained on, as part of a sentence; else nothing."""
    if evidence.seen is None or not evidence.seen.any():
        return ""
    if evidence.about.get("split") == "train":
        return f"the model was trained on these very {evidence.unit}"
    return f"{int(evidence.seen.sum())} of these {evidence.unit} are of clusters that were trained on"


def _value(metric: Metric, evidence: Evidence) -> float:
    return float(metric.compute(evidence.statistics, np.ones((1, evidence.statistics.images)))[0])


def _headline(
    metric: Metric,
    estimate: Estimate,
    guesses: Mapping[str, float],
    gain: tuple[float, ...],
    method: str,
    evidence: Evidence,
) -> Finding:
    """The first score; ``gain`` is the interval of what it gains over the trivial baseline, paired, if there is one."""
    caution = ""
    about = evidence.about
    of = f" of {about['data']}" if about.get("data") else ""
    if split := about.get("split"):
        of += " by cross-validation" if split == CROSS_VALIDATION else f", split {split}"
    if not np.isfinite(estimate.value):
        claim = f"Its {metric.name} is not defined: the {evidence.counted} hold nothing to judge it by."
    else:
        claim = (
            f"It reaches {metric.name} {number(estimate.value, metric)}{between(estimate.interval, metric)} "
            f"on {evidence.counted}{of}"
        )
        guess = guesses.get(metric.name, float("nan"))
        better = metric.merit(guess) < metric.merit(estimate.value)
        word = "; a trivial baseline reaches" if better else ", no better than a trivial baseline, which reaches"
        if gain and gain[0] <= 0 <= gain[1]:
            word = ", not distinguishable from a trivial baseline, which reaches"
            caution = (
                f"By {metric.name} the model is not distinguishable from a trivial baseline: it reaches "
                f"{number(estimate.value, metric)} and the baseline {number(guess, metric)} on {evidence.counted}, and "
                f"the interval of the difference, {number(gain[0])} to {number(gain[1], metric)}, includes 0."
            )
        claim += f"{word} {number(guess, metric)}." if np.isfinite(guess) else "."
    known = trained_on(evidence)
    claim += f" That is too good: {known}." if known else ""
    return replace(_finding(metric, estimate, claim, method, evidence), caution=caution)


def _score(
    metric: Metric, estimate: Estimate, guesses: Mapping[str, float], method: str, evidence: Evidence
) -> Finding:
    if not np.isfinite(estimate.value):
        claim = f"{metric.name} is not defined here: there is nothing to judge it by."
    else:
        meaning = metric.meaning[0].upper() + metric.meaning[1:]
        claim = f"{meaning}: {number(estimate.value, metric)}{between(estimate.interval, metric)}"
        guess = guesses.get(metric.name, float("nan"))
        claim += f"; trivial baseline: {number(guess, metric)}." if np.isfinite(guess) else "."
    return _finding(metric, estimate, claim, method, evidence)


def _finding(metric: Metric, estimate: Estimate, claim: str, method: str, evidence: Evidence) -> Finding:
    known = np.isfinite(estimate.value)
    return Finding(
        question="what it does",
        claim=claim,
        metric=metric.name,
        value=estimate.value if known else None,
        interval=estimate.interval if known else None,
        n=estimate.images,
        unit=evidence.unit,
        clusters=estimate.clusters,
        method=method,
        limits=limits_of(evidence),
    )


def _by_class(
    request: Request, metric: Metric, whole: Estimate, weights: Resampling, method: str
) -> tuple[Finding, ...]:
    evidence = request.evidence
    classes = list(evidence.statistics.by_class().items())[:CLASSES_AT_MOST]
    if len(classes) < 2:
        return ()
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    found: list[tuple[float, str]] = []
    own = [(name, _of_class(metric, evidence, statistics, weights, request)) for name, statistics in classes]
    # Where a class has pictures of its own, only those speak for it.
    counts = [whole.images, *(getattr(statistics, "images_judged", whole.images) for _, statistics in classes)]
    for (name, estimate), count in zip([("all classes", whole), *own], counts, strict=True):
        known = bool(np.isfinite(estimate.value))
        ends = estimate.interval if known else None
        cells = (name, estimate.value if known else None, *(ends or (None, None)), count)
        for column, cell in zip(rows, (*cells, None if known else f"none in these {evidence.unit}"), strict=True):
            rows[column].append(cell)
    found = [(estimate.value, name) for name, estimate in own if np.isfinite(estimate.value)]
    if not found:
        return ()
    (top, strong), (low, weak) = (
        choose(found, key=lambda one: (metric.merit(one[0]), one[1])) for choose in (max, min)
    )
    name = OF_ONE_CLASS.get(metric.name, metric.name)
    claim = f"By {name} it is best at {strong} ({number(top, metric)}) and worst at {weak} ({number(low, metric)})."
    return (
        Finding(
            question="what it does",
            claim=claim,
            metric=f"{name} by class",
            value=None,
            interval=None,
            clusters=whole.clusters,
            n=whole.images,
            unit=evidence.unit,
            method=method,
            limits="The best and the worst of many classes look more extreme than they are; compare the intervals.",
            plot="intervals",
            series=rows,
            axes=(name,),
        ),
    )


def _of_class(
    metric: Metric, evidence: Evidence, statistics: object, weights: Resampling, request: Request
) -> Estimate:
    one = Evidence(task=evidence.task, statistics=statistics, ids=evidence.ids, clusters=evidence.clusters)
    return interval(metric, one, weights, request.confidence)
