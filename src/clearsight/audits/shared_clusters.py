"""Whether pictures were judged whose clusters were trained on, and the score on those that were left out of training.

A frame of a video that was trained on is easy: its neighbours were seen. Such a score promises more than another
street, patient or camera will show. The rows of the others are weights like any: an indicator.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from clearsight.audits.scores import how, trained_on
from clearsight.audits.sentences import between, number
from clearsight.metrics.resample import Estimate, Resampling, interval
from clearsight.types import FEW_CLUSTERS, Evidence, Finding, Metric, Request

LEFT_OUT = "clusters left out of training"
TOLERANCE = 0.05
RELATIVE_TOLERANCE = 0.1


def shared_clusters(request: Request) -> tuple[Finding, ...]:
    """Nothing where no cluster is shared; else that the score is too good, with that on whole clusters left out."""
    evidence = request.evidence
    if evidence.seen is None or not evidence.seen.any():
        return ()
    metric = evidence.statistics.metrics()[0]
    weights = Resampling(clusters=evidence.clusters, replicates=request.replicates, seed=request.seed)
    whole = interval(metric, evidence, weights, request.confidence)
    rows = ~evidence.seen
    left_out = interval(metric, evidence, weights, request.confidence, rows) if rows.any() else None
    training = bool(evidence.seen.all()) and evidence.about.get("split") == "train"
    judged = left_out is not None and left_out.clusters >= FEW_CLUSTERS and bool(np.isfinite(left_out.value))
    if judged:
        assert left_out is not None
        said = (
            f" On the {left_out.images} {evidence.unit} of {left_out.clusters} clusters left out of training, "
            f"{metric.name} is {number(left_out.value, metric)}{between(left_out.interval, metric)}."
        )
    elif training:
        said = " They say how well it fits these, and nothing of others: judge it on another split."
    else:
        said = f" {_too_few(metric, whole, left_out, evidence, request.confidence)}"
    return (
        Finding(
            question="what it does",
            claim=" ".join(too_good(evidence)) + said,
            metric=f"{metric.name}, {LEFT_OUT}",
            value=left_out.value if judged and left_out else None,
            interval=left_out.interval if judged and left_out else None,
            clusters=left_out.clusters if judged and left_out else whole.clusters,
            n=left_out.images if judged and left_out else len(rows),
            unit=evidence.unit,
            method=(how(request, left_out or whole) + " ") * judged
            + f"Clusters of {evidence.unit}: {evidence.about.get('clusters', 'as the data say')}.",
            limits="Clusters that were left out may be unlike those that were trained on in other ways too. Nothing "
            f"is claimed from fewer than {FEW_CLUSTERS} clusters. With --resplit, whole clusters are left out of "
            "training.",
            verdict="none asked" if judged else "insufficient",
            plot="intervals",
            series=_rows(metric, evidence, weights, request, whole, left_out if judged else None),
            axes=(metric.name,),
        ),
    )


def too_good(evidence: Evidence) -> tuple[str, ...]:
    """That scores are too good, where judged pictures are of clusters that were trained on; else nothing."""
    if evidence.seen is None or not evidence.seen.any():
        return ()
    seen, every = int(evidence.seen.sum()), len(evidence.seen)
    if evidence.about.get("split") == "train":
        return (f"The scores are too good: {trained_on(evidence)}.",)
    clusters = len(np.unique(evidence.clusters[evidence.seen]))
    which = f"all {every}" if seen == every else f"{seen} of the {every}"
    several = "clusters" if clusters > 1 else "one cluster"
    count = f"{clusters} {several}" if clusters > 1 else several
    return (
        f"The scores are too good: {which} judged {evidence.unit} are of {count} that the model was trained on too, "
        "such as other frames of the same video.",
    )


def warnings_of(findings: Sequence[Finding]) -> tuple[str, ...]:
    """What is to be read before any score: the claims of this audit among all findings."""
    return tuple(finding.claim for finding in findings if finding.metric.endswith(LEFT_OUT))


def _too_few(metric: Metric, whole: Estimate, left_out: Estimate | None, evidence: Evidence, confidence: float) -> str:
    """That too few clusters were left out, and how many it would take."""
    have = left_out.clusters if left_out else 0
    start = "No cluster was" if not have else f"Only {have} cluster{'s were' if have > 1 else ' was'}"
    return f"{start} left out of training, too few to judge by: {needed(metric, whole, left_out, confidence)}"


def needed(metric: Metric, whole: Estimate, left_out: Estimate | None, confidence: float) -> str:
    """How many clusters it takes: at least ten, and for 5 points to either side as the spread between clusters has it.

    The spread is that between the clusters left out, where there are two or more, else between all judged.
    """
    known = left_out if left_out is not None and left_out.clusters > 1 else whole
    wanted = TOLERANCE if np.isfinite(metric.bounds).all() else RELATIVE_TOLERANCE * abs(known.value)
    least = f"it takes at least {FEW_CLUSTERS}"
    if known.clusters < 2 or not np.isfinite(known.error) or known.error == 0 or not wanted > 0:
        return f"{least}."
    reach = float(stats.norm.ppf(0.5 + confidence / 2)) * known.error
    count = int(np.ceil(known.clusters * (reach / wanted) ** 2))
    return f"{least}, and about {max(count, FEW_CLUSTERS)} for an interval of {wanted:.2g} to either side."


def _rows(
    metric: Metric,
    evidence: Evidence,
    weights: Resampling,
    request: Request,
    whole: Estimate,
    left_out: Estimate | None,
) -> dict[str, list]:
    assert evidence.seen is not None
    unit = evidence.unit
    shown: list[tuple[str, Estimate | None, int]] = [(f"all {unit}", whole, whole.images)]
    seen = interval(metric, evidence, weights, request.confidence, evidence.seen)
    shown.append(("clusters trained on", seen, seen.images))
    shown.append(("clusters left out", left_out, int((~evidence.seen).sum())))
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    for label, estimate, count in shown:
        known = estimate is not None and np.isfinite(estimate.value)
        ends = (estimate.interval if known and estimate else None) or (None, None)
        value = estimate.value if known and estimate else None
        for column, cell in zip(rows, (label, value, *ends, count, None if known else "too few to judge"), strict=True):
            rows[column].append(cell)
    return rows
