"""How much worse a number became than in an earlier run, on the same pictures: paired, resampled by cluster."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from clearsight.acceptance.measured import Measured
from clearsight.acceptance.policy import Threshold, nearest
from clearsight.audits.attributes import group_metrics
from clearsight.metrics import resample
from clearsight.metrics.resample import Estimate
from clearsight.types import UNKNOWN, Evidence, Metric, Weights

GAP = "gap in "
REPLICATES = 1000


def of_evidence(old: Evidence, new: Evidence, threshold: Threshold) -> tuple[Measured, ...]:
    """What a threshold that compares is about: how much worse the new is, one number, or one for each group of ``by``.

    Of "gap in METRIC" it is how much further a group fell behind all others. Worse is positive, whichever way the
    metric goes.

    Raises:
        ValueError: the two are not of the same pictures, or there is no such metric or group (the nearest are named).
    """
    metric = _metric(new, threshold.metric.removeprefix(GAP))
    attribute, names = _groups(new, threshold)
    if threshold.metric.startswith(GAP) and not names:
        raise ValueError(f"a {threshold.metric} is one between groups. Name a group, or an attribute with by.")
    strata = new.groups[attribute] if attribute else None
    # Weights, not a Resampling: that draws sums anew for each evidence, and these must be of the same pictures.
    weights = resample.cluster_weights(new.clusters, REPLICATES, strata=strata)
    if not names:
        return (_change(old, new, metric, threshold.metric, "", None, weights),)
    return tuple(
        _change(old, new, metric, threshold.metric, f"{attribute} = {name}", new.groups[attribute] == name, weights)
        for name in names
    )


def _metric(evidence: Evidence, name: str) -> Metric:
    known = {metric.name: metric for metric in (*evidence.statistics.metrics(), *group_metrics(evidence))}
    if name not in known:
        raise ValueError(
            f"{name!r} cannot be compared picture by picture. {nearest(name, list(known), 'What can')} Of other "
            "numbers of the report, limit the number itself with at_least or at_most."
        )
    if known[name].ideal is not None:
        raise ValueError(
            f"{name!r} is best at {known[name].ideal:g}, and has no worse direction. Use at_least, at_most."
        )
    return known[name]


def _groups(evidence: Evidence, threshold: Threshold) -> tuple[str, Sequence[str]]:
    """The attribute, and the names of its groups that are asked for; "" and none for all pictures together."""
    if not threshold.group and not threshold.by:
        return "", ()
    attribute, _, name = threshold.group.partition(" = ") if threshold.group else (threshold.by, "", "")
    if attribute not in evidence.groups:
        hint = nearest(attribute, sorted(evidence.groups), "Attributes")
        raise ValueError(f"there is no attribute {attribute!r} to compare by. {hint}")
    known = sorted({str(one) for one in evidence.groups[attribute]} - {UNKNOWN})
    if threshold.group and name not in known:
        raise ValueError(f"{attribute} has no group {name!r}. {nearest(name, known, 'Groups')}")
    return attribute, (name,) if threshold.group else known


def _change(
    old: Evidence, new: Evidence, metric: Metric, said: str, group: str, rows: np.ndarray | None, weights: Weights
) -> Measured:
    if said.startswith(GAP) and rows is not None:
        rest = ~rows & (new.groups[group.partition(" = ")[0]] != UNKNOWN)
        before, after = (_gap(metric, one, rows, rest, weights) for one in (old, new))
    else:
        before, after = (resample.interval(metric, one, weights, rows=rows) for one in (old, new))
    found = resample.paired(after, before, metric.bias_rate)
    sign = -1.0 if metric.higher_is_better else 1.0
    known = found.interval is not None and np.isfinite(found.error)
    low, high = found.interval or (0.0, 0.0)
    return Measured(
        metric=said,
        group=group,
        value=sign * found.value if np.isfinite(found.value) else None,
        n=after.images,
        unit=new.unit,
        center=sign * (low + high) / 2,
        errors=(found.error, found.error) if known else None,
        freedom=after.freedom,
        before=before.value if np.isfinite(before.value) else None,
        note="" if known else f"it cannot be compared on {after.images} {new.unit} of {after.clusters} clusters",
    )


def _gap(metric: Metric, evidence: Evidence, rows: np.ndarray, rest: np.ndarray, weights: Weights) -> Estimate:
    """A group less all others, as an estimate on the replicates."""
    found = resample.gap(metric, evidence, rows, rest, weights)
    return replace(found.first, value=found.value, samples=found.first.samples - found.second.samples)
