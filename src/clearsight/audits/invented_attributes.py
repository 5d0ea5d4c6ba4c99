"""Whom it fails: how often an attribute that is read from made pictures is wrong, by group, beside the real pictures.

A classifier of the attribute that was trained on real pictures reads the held-out ones and what was made of them. Its
own errors are taken out of both the real and the made (see ``metrics.attribute_errors``). The sentence of the first
figure opens the report: what is made must not be used to identify anybody.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from clearsight.audits.mixes import LIMITS, not_seen, seen, tells_apart, too_few
from clearsight.audits.scores import limits_of
from clearsight.audits.sentences import between, joined, number
from clearsight.metrics.attribute_errors import (
    AttributeErrorStatistics,
    corrected_error,
    corrected_errors,
    error_on_made,
    error_on_real,
)
from clearsight.metrics.group_mix import accuracy_over_groups, share_interval
from clearsight.metrics.resample import Estimate, cluster_weights, interval, paired
from clearsight.types import Evidence, Finding, Metric, Request, Weights

NAMED = 3
_MEANING = "the share of pictures whose attribute is read wrongly"
_REAL = Metric(name="error on real", compute=error_on_real, meaning=_MEANING, higher_is_better=False, bias_rate=1.0)
_MADE = Metric(name="error on made", compute=error_on_made, meaning=_MEANING, higher_is_better=False, bias_rate=1.0)


def invented_attributes(request: Request) -> tuple[Finding, ...]:
    """One finding for each attribute that was read from made pictures; none for other runs."""
    by_attribute: dict[str, list[Evidence]] = {}
    for evidence in request.more.values():
        if isinstance(evidence.statistics, AttributeErrorStatistics):
            by_attribute.setdefault(evidence.statistics.attribute, []).append(evidence)
    return tuple(
        _told(request, [_Read(request=request, evidence=one) for one in readings])
        if seen(readings[0].statistics)
        else _unread(readings[0].statistics)
        for readings in by_attribute.values()
    )


@dataclass(frozen=True)
class _Read:
    """One attribute, read from the pictures of one maker and from the real ones, on the same replicates."""

    request: Request
    evidence: Evidence

    @property
    def statistics(self) -> AttributeErrorStatistics:
        found: AttributeErrorStatistics = self.evidence.statistics
        return found

    @cached_property
    def weights(self) -> Weights:
        # Strata of groups would take their shares for known, and make the intervals of all pictures too narrow. They
        # are weights, not sums drawn for each metric, so that both errors are of the same replicates.
        return cluster_weights(self.evidence.clusters, self.request.replicates, self.request.seed)

    def estimate(self, metric: Metric, group: int | None = None) -> Estimate:
        """A share of wrong readings, of all pictures or of a group's."""
        rows = None if group is None else self.statistics.truth == group
        return interval(metric, self.evidence, self.weights, self.request.confidence, rows)

    @cached_property
    def corrected(self) -> tuple[Float[np.ndarray, "k"], Float[np.ndarray, "replicates k"]]:
        """The corrected errors of all pictures and of each group: their values and replicates."""

        def all_of(weights: np.ndarray) -> np.ndarray:
            whole = corrected_error(self.statistics, weights)[:, None]
            return np.concatenate([whole, corrected_errors(self.statistics, weights)], axis=1)

        ones = np.ones((1, self.statistics.images))
        return all_of(ones)[0], all_of(self.weights)

    @cached_property
    def informed(self) -> bool:
        """Whether the classifier tells the groups apart well enough to correct for its errors."""
        truth, real = self.statistics.truth, self.statistics.real
        value = float(accuracy_over_groups(truth, real, np.ones((1, len(truth))))[0])
        samples = accuracy_over_groups(truth, real, self.weights)
        low, _ = share_interval(value, samples, len(truth), self.request.confidence) or (0.0, 1.0)
        return tells_apart(low, len(self.statistics.group_names))

    @cached_property
    def unexplained(self) -> tuple[int, ...]:
        """The groups whose corrected error lies below 0 by more than chance: no mix of real groups is read so."""
        _, samples = self.corrected
        known = samples[np.isfinite(samples).all(1), 1:]
        if not self.informed or len(known) < 2:
            return ()
        tail = (1 - self.request.confidence) / 2
        return tuple(np.flatnonzero(np.quantile(known, 1 - tail, axis=0) < 0).tolist())

    def corrected_ends(self, group: int | None = None) -> tuple[float, float, float] | None:
        """A corrected error within [0, 1] and both ends of its interval; None where it is not known."""
        if not self.informed or (self.unexplained if group is None else group in self.unexplained):
            return None
        place = 0 if group is None else group + 1
        count = self.statistics.images if group is None else int((self.statistics.truth == group).sum())
        values, samples = self.corrected
        ends = share_interval(float(values[place]), samples[:, place], count, self.request.confidence)
        return None if ends is None else (float(np.clip(values[place], 0, 1)), *ends)


def _told(request: Request, readings: list[_Read]) -> Finding:
    own = readings[0]
    statistics = own.statistics
    made, real = own.estimate(_MADE), own.estimate(_REAL)
    return Finding(
        question="whom it fails",
        claim=_claim(own, made, real),
        metric=f"wrong {statistics.attribute}",
        value=made.value,
        interval=made.interval,
        n=statistics.images,
        unit=own.evidence.unit,
        clusters=made.clusters,
        method=_method(request, own),
        limits=f"{LIMITS}{too_few(statistics)} {limits_of(request.evidence)}",
        group=statistics.attribute,
        plot="intervals",
        series=_series(readings),
        axes=(f"share whose {statistics.attribute} is read wrongly",),
        imagined=(
            f"Read by a classifier from what it made of {statistics.images} held-out {own.evidence.unit}, "
            f"{statistics.attribute} was wrong for {number(made.value, _MADE)}{between(made.interval, _MADE)}; "
            f"from the real ones for {number(real.value, _REAL)}{between(real.interval, _REAL)}."
        ),
    )


def _claim(own: _Read, made: Estimate, real: Estimate) -> str:
    statistics = own.statistics
    more = paired(made, real, _MADE.bias_rate, own.request.confidence)
    ends = "" if more.interval is None else f" ({100 * more.interval[0]:+.0f} to {100 * more.interval[1]:+.0f})"
    said = (
        f"Read from what it made, {statistics.attribute} is wrong for {number(made.value, _MADE)}"
        f"{between(made.interval, _MADE)} of {statistics.images} {own.evidence.unit}; read from the real ones by the "
        f"same classifier, for {number(real.value, _REAL)}{between(real.interval, _REAL)}: "
        f"{100 * more.value:+.0f} points{ends}."
    )
    whole = own.corrected_ends()
    if own.unexplained:
        names = joined([statistics.group_names[group] for group in own.unexplained])
        said += (
            f" What it made of {names} is read rightly more often than the real pictures are, which no mix of groups "
            "explains: made pictures are read in another way, so the classifier's errors cannot be taken out of all."
        )
    elif whole is None:
        return f"{said} The classifier is too weak on these pictures for its own errors to be taken out."
    else:
        value, low, high = whole
        said += f" Without the classifier's own errors, {100 * value:.0f}% ({100 * low:.0f}% to {100 * high:.0f}%)"
        said += " of what it made shows another group than the true one."
    known = [(group, own.corrected_ends(group)) for group in range(len(statistics.group_names))]
    told = sorted(((ends, group) for group, ends in known if ends is not None), reverse=True)
    if len(told) + len(own.unexplained) < 2 or not told:
        return said
    words = [
        f"{statistics.group_names[group]} {100 * value:.0f}% ({100 * low:.0f}% to {100 * high:.0f}%)"
        for (value, low, high), group in (told if len(told) <= NAMED + 1 else [*told[:NAMED], told[-1]])
    ]
    return f"{said} By true group: {joined(words)}."


def _method(request: Request, own: _Read) -> str:
    statistics = own.statistics
    by = f" ({statistics.classifier})" if statistics.classifier else ""
    several = f"{statistics.draws} pictures" if statistics.draws > 1 else "one picture"
    return (
        f"A classifier{by}, trained on the real training pictures, reads {several} made of each of {statistics.images} "
        f"held-out {own.evidence.unit}, and these themselves. Its own errors are taken out by the inverse of its "
        f"confusion matrix on the real ones, row by row. {100 * request.confidence:g}% bootstrap intervals "
        f"({request.replicates} replicates of the pictures), so they hold the uncertainty of that matrix and of the "
        "groups' shares; differences are paired."
    )


def _series(readings: list[_Read]) -> dict[str, list]:
    """For all pictures and each group: what each maker made, with the corrected share as a note, and the real ones."""
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}

    def add(label: str, estimate: Estimate, note: str | None) -> None:
        cells = (label, estimate.value, *(estimate.interval or (None, None)), estimate.images, note)
        for column, cell in zip(rows, cells, strict=True):
            rows[column].append(cell)

    names = readings[0].statistics.group_names
    for group in (None, *range(len(names))):
        of = "all" if group is None else names[group]
        for one in readings:
            ends = one.corrected_ends(group)
            note = (
                None
                if ends is None
                else f"without the classifier's errors {ends[0]:.1%} ({ends[1]:.1%} to {ends[2]:.1%})"
            )
            add(f"{of}: {one.statistics.maker}", one.estimate(_MADE, group), note)
        add(f"{of}: real pictures", readings[0].estimate(_REAL, group), None)
    return rows


def _unread(statistics: AttributeErrorStatistics) -> Finding:
    """What is said of an attribute with too few or too many groups to be read."""
    said = f"How often {statistics.attribute} is wrong in what it made is not known"
    return not_seen(statistics, said, f"wrong {statistics.attribute}", "pictures")
