"""When to trust it: calibration of the confidence, for all pictures and by group."""

from dataclasses import dataclass

import numpy as np

from clearsight.audits.attributes import Attribute, attributes_of
from clearsight.audits.scores import how
from clearsight.audits.sentences import between, joined, number
from clearsight.metrics.calibration import (
    CalibrationError,
    brier,
    brier_parts,
    calibration_error,
    overconfidence,
    reliability,
    restricted,
)
from clearsight.metrics.resample import Resampling, cluster_weights, interval
from clearsight.quantities import counted
from clearsight.types import Confidences, Finding, Request

CLAIMS_AT_LEAST = 60
PICTURES_AT_LEAST = 30
NAMED_AT_MOST = 8
LEANS = ("overconfident", "underconfident")


def calibration(request: Request) -> tuple[Finding, ...]:
    """Reliability, calibration error beside its null, and the Brier score; the error again for each group.

    No findings where the task gives no confidence.
    """
    claims = request.evidence.statistics.confidences()
    if claims is None:
        return ()
    if not _enough(claims):
        return (_too_few(claims, request.evidence.unit),)
    return (_reliability(request, claims), _brier(request, claims), _parts(request, claims), *_groups(request, claims))


def _limits(claims: Confidences, unit: str) -> str:
    return (
        f"A prediction is correct where {claims.claim}. Objects without a prediction (those it missed) are not "
        f"counted, and it holds for {unit} like these only."
    )


def _enough(claims: Confidences) -> bool:
    return len(claims.score) >= CLAIMS_AT_LEAST and len(np.unique(claims.row)) >= PICTURES_AT_LEAST


def _too_few(claims: Confidences, unit: str) -> Finding:
    pictures = len(np.unique(claims.row))
    return Finding(
        question="when to trust it",
        claim=f"Too few predictions to judge its calibration: {len(claims.score)} in {pictures} {unit}; at least "
        f"{CLAIMS_AT_LEAST} in {PICTURES_AT_LEAST} are needed.",
        metric="calibration error",
        value=None,
        interval=None,
        n=len(claims.score),
        unit="predictions",
        method="Bins of at least 30 predictions.",
        limits=_limits(claims, unit),
        verdict="insufficient",
    )


def _reliability(request: Request, claims: Confidences) -> Finding:
    clusters = request.evidence.clusters
    bins = reliability(claims, clusters, request.confidence)
    error = calibration_error(claims, clusters, request.replicates, request.seed)
    return Finding(
        question="when to trust it",
        claim=_sentence(claims, error),
        metric="expected calibration error (ECE)",
        value=error.value,
        interval=None,
        n=len(claims.score),
        unit="predictions",
        method=f"{len(bins.n)} bins of equal mass, Wilson intervals widened for predictions of one cluster. The ECE of "
        f"a perfectly calibrated model is {error.null_mean:.4f} on average and {error.null_95:.4f} at the 95th "
        f"percentile of {request.replicates} simulations. Debiased after Kumar et al. 2019: "
        f"{error.debiased:.4f}.",
        limits=_limits(claims, request.evidence.unit),
        plot="reliability",
        series={
            "confidence": bins.confidence.tolist(),
            "correct": bins.correct.tolist(),
            "low": bins.low.tolist(),
            "high": bins.high.tolist(),
            "n": bins.n.tolist(),
        },
        axes=("confidence", "share correct"),
    )


def _sentence(claims: Confidences, error: CalibrationError) -> str:
    """The calibration error beside its null, then mean confidence and share correct, and which way they differ."""
    confidence, correct = (100 * float(part.mean()) for part in (claims.score, claims.correct))
    means = (
        f"The mean confidence of its {counted(len(claims.score), 'predictions')} is {confidence:.1f}%, and "
        f"{correct:.1f}% of them are correct"
    )
    limit = f"(95th percentile {error.null_95:.3f})"
    if error.value <= error.null_95:
        return f"ECE {error.value:.3f}, no more than chance {limit}. {means}."
    lean = _lean(confidence - correct, error)
    by = f" by {abs(confidence - correct):.1f} points" if lean in LEANS else ""
    return (
        f"ECE {error.value:.3f}, more than chance {limit}; debiased, it is {error.debiased:.3f}. {means}: it is "
        f"{lean}{by}."
    )


def _lean(points: float, error: CalibrationError) -> str:
    """Which way confidence is wrong: both ways where the mean difference, in points, is under half the error."""
    if abs(points) < 100 * error.value / 2:
        return "overconfident at some confidences and underconfident at others"
    return LEANS[0] if points > 0 else LEANS[1]


def _brier(request: Request, claims: Confidences) -> Finding:
    metric = brier(claims, request.evidence.statistics.images)
    weights = cluster_weights(request.evidence.clusters, request.replicates, request.seed)
    found = interval(metric, request.evidence, weights, request.confidence)
    share = float(claims.correct.mean())
    return Finding(
        question="when to trust it",
        claim=f"Its Brier score is {number(found.value)}{between(found.interval)}; a constant confidence of "
        f"{100 * share:.0f}% would score {number(share * (1 - share))}. Lower is better.",
        metric=metric.name,
        value=found.value,
        interval=found.interval,
        clusters=found.clusters,
        n=len(claims.score),
        unit="predictions",
        method=how(request, found),
        limits=_limits(claims, request.evidence.unit),
    )


def _parts(request: Request, claims: Confidences) -> Finding:
    """The Brier score in parts, and the log loss, each beside that of a constant confidence."""
    parts = brier_parts(claims)
    words = (
        f"reliability {parts.reliability:.4f} (lower is better), resolution {parts.resolution:.4f} (higher is better), "
        f"uncertainty {parts.uncertainty:.4f} (of the task)"
    )
    return Finding(
        question="when to trust it",
        claim=f"The parts of its Brier score: {words}. Its log loss is {parts.log_loss:.3f}; a constant confidence "
        f"would have {parts.constant_log_loss:.3f}.",
        metric="parts of the Brier score",
        value=None,
        interval=None,
        n=len(claims.score),
        unit="predictions",
        method=f"Murphy 1973: Brier score = reliability - resolution + uncertainty, over {parts.bins} bins of "
        "equal mass, corrected for the bias of few predictions in a bin (Ferro & Fricker 2012); what varies within one "
        "is left out. The log loss is the mean negative log likelihood of being correct, in nats.",
        limits=_limits(claims, request.evidence.unit),
        plot="bars",
        series={
            "label": ["reliability (lower is better)", "resolution (higher is better)", "uncertainty (of the task)"],
            "value": [parts.reliability, parts.resolution, parts.uncertainty],
            "ours": [True, True, False],
        },
        axes=("part of the Brier score",),
    )


def _of_group(claims: Confidences, error: CalibrationError) -> str:
    """The calibration error of a group, after which way it leans and how far on average where it is off."""
    size = f"ECE {error.value:.3f}"
    if error.value <= error.null_95:
        return size
    points = 100 * float(claims.score.mean() - claims.correct.mean())
    lean = _lean(points, error)
    return f"{lean} by {abs(points):.1f} points on average; {size}" if lean in LEANS else f"{lean}; {size}"


def _groups(request: Request, claims: Confidences) -> list[Finding]:
    """The calibration error of each group with enough predictions, beside the null of as many; and by how much it is
    overconfident there.
    """
    findings = []
    for attribute in attributes_of(request):
        groups = [name for name in (*attribute.large, *attribute.small)]
        told = [_of_one(request, claims, attribute, group) for group in groups]
        judged = [one for one in told if one is not None]
        if not judged:
            continue
        few = [group for group, one in zip(groups, told, strict=True) if one is None]
        off, fine = ([one.said for one in judged if one.off is wrong] for wrong in (True, False))
        parts = [f"more than chance for {joined(_first(off))}"] if off else []
        parts += [f"no more than chance for {joined(_first(fine))}"] if fine else []
        parts += [f"not computed for {joined(_first(few))} (too few predictions)"] if few else []
        findings.append(
            Finding(
                question="when to trust it",
                claim=f"By {attribute.name}, its calibration error is {joined(parts)}.",
                metric="calibration error by group",
                value=None,
                interval=None,
                n=len(claims.score),
                unit="predictions",
                method="; ".join(one.method for one in judged)
                + ". Chance is a perfectly calibrated model with as many predictions. The plot: mean confidence minus "
                f"share correct, with {100 * request.confidence:g}% intervals from a cluster bootstrap "
                f"({counted(request.replicates, 'replicates')}).",
                limits=_limits(claims, request.evidence.unit)
                + " These percentiles are not corrected for the number of groups.",
                group=attribute.name,
                plot="intervals",
                series=_excess(request, claims, attribute, [one.group for one in judged]),
                axes=("confidence minus share correct: above 0 it is overconfident",),
            )
        )
    return findings


@dataclass(frozen=True, kw_only=True)
class _Group:
    """What is said of the calibration of one group; ``off`` is whether its error is more than chance."""

    group: str
    off: bool
    said: str
    method: str


def _of_one(request: Request, claims: Confidences, attribute: Attribute, group: str) -> _Group | None:
    """The calibration error of a group; None where there are too few predictions."""
    own = restricted(claims, attribute.rows(group))
    if not _enough(own):
        return None
    error = calibration_error(own, request.evidence.clusters, request.replicates, request.seed)
    return _Group(
        group=group,
        off=error.value > error.null_95,
        said=f"{group} ({_of_group(own, error)})",
        method=f"{group}: {counted(len(own.score), 'predictions')}, ECE {error.value:.4f}, debiased "
        f"{error.debiased:.4f}, 95th percentile by chance {error.null_95:.4f}",
    )


def _first(words: list[str]) -> list[str]:
    """The words, or the first of them and how many more there are."""
    more = len(words) - NAMED_AT_MOST
    return words if more <= 0 else [*words[:NAMED_AT_MOST], f"{more} more"]


def _excess(request: Request, claims: Confidences, attribute: Attribute, groups: list[str]) -> dict[str, list]:
    """Mean confidence minus the share correct, for all and by group, as rows of a plot."""
    evidence = request.evidence
    weights = Resampling(
        clusters=evidence.clusters, replicates=request.replicates, seed=request.seed, strata=attribute.codes
    )
    metric = overconfidence(claims, evidence.statistics.images)
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    chosen = [(f"all {evidence.unit}", None), *((group, attribute.rows(group)) for group in groups)]
    for label, own in chosen:
        found = interval(metric, evidence, weights, request.confidence, own)
        count = len(claims.row) if own is None else int(own[claims.row].sum())
        cells = (label, found.value, *(found.interval or (None, None)), count, None)
        for column, cell in zip(rows, cells, strict=True):
            rows[column].append(cell)
    return rows
