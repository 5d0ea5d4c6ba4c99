"""Which groups a generator makes too often or too rarely, corrected for the errors of the classifier that says so.

With a declared reference (``Request.reference``) there is a verdict. A group's tolerance is a fifth of its declared
share, as in the four-fifths rule, and at least a point:

- "pass": the interval of every group lies within its tolerance;
- "fail": some group differs from its declared share, and chance does not explain it (Holm over the groups);
- "insufficient": neither, or the classifier does not tell the groups apart.
"""

from collections.abc import Mapping

import numpy as np

from clearsight.audits.mixes import Mixes, how_well, limits_of_mix, mixes, not_seen, unseen
from clearsight.audits.scores import limits_of
from clearsight.audits.sentences import chance, joined
from clearsight.metrics.group_mix import GroupMixStatistics
from clearsight.types import Finding, Request, Verdict

NAMED = 4
RELATIVE_TOLERANCE, TOLERANCE = 0.2, 0.01
TRAINING = "training"
DECLARED = "the declared reference"


def group_mix(request: Request) -> tuple[Finding, ...]:
    """The share of each group among the generated pictures beside training and a declared reference.

    One finding for each attribute that the request has evidence of; none for other tasks.
    """
    told = [
        _refused(request, found)
        if found.too_weak or found.unexplained(0)
        else _told(request, found, _declared(request.reference, found))
        for found in mixes(request)
    ]
    return (*told, *map(_unseen, unseen(request)))


def _declared(reference: Mapping[str, Mapping[str, float]], found: Mixes) -> np.ndarray | None:
    """The declared shares of the groups that are judged; None where nobody declared any."""
    shares = reference.get(found.statistics.attribute)
    if shares is None:
        return None
    judged = np.array([shares.get(name, 0.0) for name in found.statistics.group_names])
    return judged / judged.sum() if judged.sum() > 0 else None


def _refused(request: Request, found: Mixes) -> Finding:
    statistics = found.statistics
    return Finding(
        question="whom it fails",
        claim=f"How often it generates each {statistics.attribute} is not known: {_why(found)}",
        metric=f"mix of {statistics.attribute}",
        value=None,
        interval=None,
        n=found.pictures[0],
        unit="generated pictures",
        clusters=found.clusters,
        method=_method(request, found),
        limits=f"No share is shown because it would mislead. {limits_of_mix(found)}",
        group=statistics.attribute,
        verdict="insufficient",
    )


def _why(found: Mixes) -> str:
    if found.too_weak:
        return (
            f"{how_well(found)}. That is too weak to correct its errors. More real pictures of each group would help, "
            "or larger ones."
        )
    return (
        "to the classifier these pictures look like no mix of the real groups, which would need shares below 0. They "
        f"are too unlike real pictures (on these, {how_well(found)})."
    )


def _unseen(statistics: GroupMixStatistics) -> Finding:
    """What is said of an attribute with too few or too many groups."""
    attribute = statistics.attribute
    said = f"How often it generates each {attribute} is not known"
    return not_seen(statistics, said, f"mix of {attribute}", "generated pictures")


def _told(request: Request, found: Mixes, declared: np.ndarray | None) -> Finding:
    statistics = found.statistics
    shares = np.array(statistics.training_mix) if declared is None else declared
    p = found.chances(shares)
    verdict: Verdict = "none asked" if declared is None else _verdict(found, declared, p, 1 - request.confidence)
    method = _method(request, found)
    if declared is not None:
        method += (
            f" A group's tolerance is {RELATIVE_TOLERANCE:.0%} of its declared share, at least "
            f"{100 * TOLERANCE:g} point: it passes where every interval lies within."
        )
    return Finding(
        question="whom it fails",
        claim=_claim(found, shares, p, TRAINING if declared is None else DECLARED, verdict),
        metric=f"mix of {statistics.attribute}",
        value=None,
        interval=None,
        n=found.pictures[0],
        unit="generated pictures",
        clusters=found.clusters,
        method=method,
        limits=f"{limits_of_mix(found)} {limits_of(request.evidence)}",
        group=statistics.attribute,
        verdict=verdict,
        plot="intervals",
        series=_series(found, declared),
        axes=("share of the generated pictures",),
    )


def _method(request: Request, found: Mixes) -> str:
    by = f" ({found.statistics.classifier})" if found.statistics.classifier else ""
    said = how_well(found)
    return (
        f"The mean probabilities of a classifier{by} on the generated pictures, multiplied by the inverse of its "
        f"confusion matrix on held-out real pictures. {said[0].upper()}{said[1:]}. {100 * request.confidence:g}% "
        f"bootstrap intervals ({request.replicates} replicates of both kinds of pictures), so they hold the "
        "uncertainty of the confusion matrix. P values are corrected for all groups (Holm)."
    )


def _series(found: Mixes, declared: np.ndarray | None) -> dict[str, list]:
    """A row for each group: its share with an interval, and what was trained on, declared, and seen."""
    statistics = found.statistics
    made = statistics.truncation == statistics.truncations[0]
    answers = statistics.probabilities[made].argmax(1)
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    for group in found.groups:
        note = f"training {statistics.training_mix[group]:.1%}, "
        note += "" if declared is None else f"declared {declared[group]:.1%}, "
        note += f"seen {found.seen[0, group]:.1%}"
        ends = found.interval(0, group) or (None, None)
        cells = (statistics.group_names[group], found.share(0, group), *ends, int((answers == group).sum()), note)
        for column, cell in zip(rows, cells, strict=True):
            rows[column].append(cell)
    return rows


def _verdict(found: Mixes, declared: np.ndarray, p: list[float], sure: float) -> Verdict:
    within = []
    for group in found.groups:
        low, high = found.interval(0, group) or (0.0, 1.0)
        tolerance = max(RELATIVE_TOLERANCE * declared[group], TOLERANCE)
        within.append(declared[group] - tolerance <= low and high <= declared[group] + tolerance)
    if all(within):
        return "pass"
    return "fail" if min(p) < sure else "insufficient"


def _claim(found: Mixes, shares: np.ndarray, p: list[float], of: str, verdict: Verdict) -> str:
    """The groups whose share differs by more than chance, the largest gap first."""
    statistics, made = found.statistics, found.pictures[0]
    gaps, sure = found.values[0] - shares, 1 - found.confidence
    order = [group for group in np.argsort(-np.abs(gaps), kind="stable").tolist() if p[group] < sure]
    after = {
        "pass": " Every interval lies within the tolerance.",
        "insufficient": f" The intervals are too wide to say that it keeps to {of}.",
    }.get(verdict, "")
    if not order:
        return (
            f"No {statistics.attribute} is generated more or less often than in {of} by more than chance, among {made} "
            f"pictures.{after}"
        )
    told = [_one(found, group, shares[group], of, p[group]) for group in order[:NAMED]]
    more = f", and {len(order) - NAMED} more" if len(order) > NAMED else ""
    return f"The mix of {statistics.attribute} is not that of {of}: {joined(told)}{more}.{after}"


def _one(found: Mixes, group: int, share: float, of: str, p: float) -> str:
    low, high = found.interval(0, group) or (0.0, 1.0)
    return (
        f"{found.statistics.group_names[group]} {found.share(0, group):.1%} ({low:.1%} to {high:.1%}; {of.split()[-1]} "
        f"{share:.1%}; {chance(p)})"
    )
