"""When to trust it: calibration of the confidence, for all pictures and by group."""

from dataclasses import dataclass

import numpy as np

from clearsight.audits.attributes import Attribute, attributes_of
from clearsight.audits.sentences import between, joined, number
from clearsight.metrics.calibration import (
    CalibrationError,
    brier,
    calibration_error,
    overconfidence,
    reliability,
    restricted,
)
from clearsight.metrics.resample import Resampling, cluster_weights, interval
from clearsight.types import Confidences, Finding, Request

CLAIMS_AT_LEAST = 60
PICTURES_AT_LEAST = 30
NAMED_AT_MOST = 8
LEANS = ("too sure of itself", "too modest")


def calibration(request: Request) -> tuple[Finding, ...]:
    """Reliability, calibration error beside its null, and the Brier score; the error again for each group.

    No findings where the task makes no claims of confidence.
    """
    claims = request.evidence.statistics.confidences()
    if claims is None:
        return ()
    if not _enough(claims):
        return (_too_few(claims, request.evidence.unit),)
    return (_reliability(request, claims), _brier(request, claims), *_groups(request, claims))


def _limits(claims: Confidences, unit: str) -> str:
    return (
        f"A claim here is that {claims.claim}. It says nothing of objects for which no claim was made (those it "
        f"missed), and it holds for {unit} like these only."
    )


def _enough(claims: Confidences) -> bool:
    return len(claims.score) >= CLAIMS_AT_LEAST and len(np.unique(claims.row)) >= PICTURES_AT_LEAST


def _too_few(claims: Confidences, unit: str) -> Finding:
    pictures = len(np.unique(claims.row))
    return Finding(
        question="when to trust it",
        claim=f"Nobody can say whether its confidence is to be trusted: it made only {len(claims.score)} claims "
        f"in {pictures} {unit}; {CLAIMS_AT_LEAST} in {PICTURES_AT_LEAST} are needed.",
        metric="calibration error",
        value=None,
        interval=None,
        n=len(claims.score),
        unit="claims",
        method="Bins of at least 30 claims.",
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
        metric="calibration error (ECE, debiased)",
        value=error.debiased,
        interval=None,
        n=len(claims.score),
        unit="claims",
        method=f"{len(bins.n)} bins of equal mass, Wilson intervals widened for claims of one cluster; debiased after "
        f"Kumar et al. 2019. Raw {error.value:.4f}; were it perfect, {error.null_mean:.4f} on average and "
        f"{error.null_95:.4f} at the 95th percentile of {request.replicates} simulations.",
        limits=_limits(claims, request.evidence.unit),
        plot="reliability",
        series={
            "confidence": bins.confidence.tolist(),
            "correct": bins.correct.tolist(),
            "low": bins.low.tolist(),
            "high": bins.high.tolist(),
            "n": bins.n.tolist(),
        },
        axes=("confidence claimed", "share that is right"),
    )


def _sentence(claims: Confidences, error: CalibrationError) -> str:
    """The mean confidence beside the share that is right, and, told apart from it, the calibration error."""
    claimed, held = (round(100 * float(part.mean()), 1) for part in (claims.score, claims.correct))
    average = f"On average its {len(claims.score)} claims say {claimed:.1f}% and {held:.1f}% of them are right"
    gap = f"among claims of like confidence the gap averages {100 * error.value:.1f} points (the calibration error"
    chance = f"chance alone would make up to {100 * error.null_95:.1f}"
    if error.value <= error.null_95:
        return f"{average}; {gap}), which is no further off than chance: {chance} in a perfectly calibrated model."
    lean = _lean(claimed - held, error)
    link = ", so it is" if lean in LEANS else "; it is"
    amount = f" by {abs(claimed - held):.1f} points" if lean in LEANS else ""
    rest = f"{100 * error.debiased:.1f} without what chance adds"
    return f"{average}{link} {lean}{amount}. {gap[0].upper()}{gap[1:]}; {rest}); {chance}."


def _lean(points: float, error: CalibrationError) -> str:
    """Which way claims are wrong: both ways where the mean difference, in points, is under half the error."""
    if abs(points) < 100 * error.value / 2:
        return "too sure at some confidences and too modest at others"
    return LEANS[0] if points > 0 else LEANS[1]


def _brier(request: Request, claims: Confidences) -> Finding:
    metric = brier(claims, request.evidence.statistics.images)
    weights = cluster_weights(request.evidence.clusters, request.replicates, request.seed)
    found = interval(metric, request.evidence, weights, request.confidence)
    share = float(claims.correct.mean())
    return Finding(
        question="when to trust it",
        claim=f"Its Brier score is {number(found.value)}{between(found.interval)}; always claiming {100 * share:.0f}% "
        f"would score {number(share * (1 - share))}. Lower is better.",
        metric=metric.name,
        value=found.value,
        interval=found.interval,
        clusters=found.clusters,
        n=len(claims.score),
        unit="claims",
        method=f"{100 * request.confidence:g}% interval from {request.replicates} resamplings of whole clusters.",
        limits=_limits(claims, request.evidence.unit),
    )


def _of_group(claims: Confidences, error: CalibrationError) -> str:
    """The calibration error of a group, after which way it leans and how far on average where it is off."""
    size = f"calibration error {100 * error.value:.1f} points"
    if error.value <= error.null_95:
        return size
    points = 100 * float(claims.score.mean() - claims.correct.mean())
    lean = _lean(points, error)
    return f"{lean} by {abs(points):.1f} points on average; {size}" if lean in LEANS else f"{lean}; {size}"


def _groups(request: Request, claims: Confidences) -> list[Finding]:
    """The calibration error of each group with enough claims, beside the null of as many claims; and by how much it is
    too sure of itself there.
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
        parts = [f"off for {joined(_first(off))}"] if off else []
        parts += [f"no further off than chance allows for {joined(_first(fine))}"] if fine else []
        parts += [f"not to be judged for {joined(_first(few))} (too few claims)"] if few else []
        findings.append(
            Finding(
                question="when to trust it",
                claim=f"By {attribute.name}, its confidence is {joined(parts)}.",
                metric="calibration error by group",
                value=None,
                interval=None,
                n=len(claims.score),
                unit="claims",
                method="; ".join(one.method for one in judged)
                + ". The null is the 95th percentile for a perfectly calibrated model. The plot: mean confidence minus "
                f"share right, with {100 * request.confidence:g}% intervals from {request.replicates} resamplings of "
                "whole clusters.",
                limits=_limits(claims, request.evidence.unit)
                + " The groups' nulls are not corrected for the number of groups.",
                group=attribute.name,
                plot="intervals",
                series=_excess(request, claims, attribute, [one.group for one in judged]),
                axes=("confidence minus share right: above 0 it is too sure of itself",),
            )
        )
    return findings


@dataclass(frozen=True, kw_only=True)
class _Group:
    """What is said of the calibration of one group; ``off`` is whether it is further off than chance."""

    group: str
    off: bool
    said: str
    method: str


def _of_one(request: Request, claims: Confidences, attribute: Attribute, group: str) -> _Group | None:
    """The calibration error of a group; None where there are too few claims."""
    own = restricted(claims, attribute.rows(group))
    if not _enough(own):
        return None
    error = calibration_error(own, request.evidence.clusters, request.replicates, request.seed)
    return _Group(
        group=group,
        off=error.value > error.null_95,
        said=f"{group} ({_of_group(own, error)})",
        method=f"{group}: {len(own.score)} claims, error {error.value:.4f}, debiased {error.debiased:.4f}, "
        f"null {error.null_95:.4f}",
    )


def _first(words: list[str]) -> list[str]:
    """The words, or the first of them and how many more there are."""
    more = len(words) - NAMED_AT_MOST
    return words if more <= 0 else [*words[:NAMED_AT_MOST], f"{more} more"]


def _excess(request: Request, claims: Confidences, attribute: Attribute, groups: list[str]) -> dict[str, list]:
    """Mean confidence minus the share right, for all and by group, as rows of a plot."""
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
