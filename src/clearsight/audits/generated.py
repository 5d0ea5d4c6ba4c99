"""What a generator's scores mean: each beside real pictures, shuffled pixels, and copies of the training set."""

import numpy as np

from clearsight.audits.scores import estimated, how, limits_of
from clearsight.audits.sentences import between, joined, number
from clearsight.metrics.generation import GenerationStatistics
from clearsight.metrics.resample import Estimate, Resampling
from clearsight.types import Evidence, Finding, Metric, Request

# Evidence by these names, and what it is of.
CALIBRATORS = {"floor": "real training pictures", "ceiling": "shuffled pixels", "copies": "copies of training pictures"}
LIMITS = (
    "Scores by these features compare with others by the same features, number of pictures and resizer only: they are "
    "not those of another network. What the features do not see, no score shows. Precision, recall, density and "
    "coverage hold the other kind of pictures fixed, so their intervals are somewhat too narrow. Those of distances "
    "near 0 are too wide."
)


def generated(request: Request) -> tuple[Finding, ...]:
    """One table of all scores beside those of stand-ins for a generator; nothing for other tasks, or without these."""
    evidence = request.evidence
    if not isinstance(evidence.statistics, GenerationStatistics):
        return ()
    known = [name for name in CALIBRATORS if name in request.more]
    if not known:
        return ()
    weights = Resampling(clusters=evidence.clusters, replicates=request.replicates, seed=request.seed)
    metrics = evidence.statistics.metrics()
    first = estimated(request, metrics[0], weights)
    series: dict[str, list] = {
        "score": [metric.name for metric in metrics],
        "generated": [_known(estimated(request, metric, weights).value) for metric in metrics],
    }
    for name in known:
        series[CALIBRATORS[name]] = [_known(_value(metric, request.more[name])) for metric in metrics]
    return (
        Finding(
            question="what it does",
            claim=_claim(request, metrics[0], first, known),
            metric="scores beside what they can be",
            value=None,
            interval=None,
            n=evidence.statistics.images,
            unit=evidence.unit,
            clusters=first.clusters,
            method=f"{how(request, first)} {_seen_by(evidence)}",
            limits=f"{LIMITS} {limits_of(evidence)}",
            series=series,
        ),
    )


def _claim(request: Request, metric: Metric, estimate: Estimate, known: list[str]) -> str:
    if not np.isfinite(estimate.value):
        return f"{metric.name} is not defined: too few {request.evidence.unit} to judge by."
    said = [f"{CALIBRATORS[name]} reach {number(_value(metric, request.more[name]), metric)}" for name in known]
    start = f"{metric.name} is {number(estimate.value, metric)}{between(estimate.interval, metric)}"
    copied = " Copies score as well as real pictures do: only the copy rate tells them." if "copies" in known else ""
    return f"{start} on {request.evidence.counted}; as many {joined(said)}.{copied}"


def _seen_by(evidence: Evidence) -> str:
    about = evidence.about
    told = [f"{name}: {about[name]}." for name in ("first extractor", "second extractor", "resizer") if name in about]
    return " ".join(each[0].upper() + each[1:] for each in told)


def _value(metric: Metric, evidence: Evidence) -> float:
    return float(metric.compute(evidence.statistics, np.ones((1, evidence.statistics.images)))[0])


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
