"""The numbers that thresholds are about: findings of a card by name and group, and what a run cost."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from scipy import stats

from clearsight.acceptance.policy import Threshold, nearest
from clearsight.types import Card, Cost, Finding

CARD_CONFIDENCE = 0.95  # of every interval in a card
OF_COST = ("energy_kwh", "co2e_kg")
# Rows of a plot of intervals that are about everything rather than a group.
WHOLE = "all "


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number with what is known of its error.

    ``center`` is the value less its bias; ``errors`` are the standard errors below and above it, None where nothing is
    known of them, with ``freedom`` degrees of freedom. A number of the ``kind`` "range" has no error from sampling:
    ``ends`` are the least and the most it may be.
    """

    metric: str
    group: str
    value: float | None
    n: int
    unit: str
    kind: Literal["sampled", "range"] = "sampled"
    center: float = 0.0
    errors: tuple[float, float] | None = None
    freedom: float = float("inf")
    ends: tuple[float, float] | None = None
    before: float | None = None
    note: str = ""

    def p_over(self, limit: float) -> float:
        """The p value of the number being at most ``limit``: small where it is surely more."""
        return self._p(self.center - limit, 0)

    def p_under(self, limit: float) -> float:
        """The p value of the number being at least ``limit``: small where it is surely less."""
        return self._p(limit - self.center, 1)

    def bounds(self, confidence: float) -> tuple[float, float] | None:
        """The least and the most it may be, each with this confidence; of a range its ends."""
        if self.errors is None:
            return self.ends
        reach = float(stats.t.ppf(confidence, self.freedom))
        return self.center - reach * self.errors[0], self.center + reach * self.errors[1]

    def _p(self, beyond: float, side: int) -> float:
        if self.errors is None:
            return 1.0
        error = self.errors[side]
        return float(stats.t.sf(beyond / error, self.freedom)) if error > 0 else float(beyond <= 0)


def of_card(card: Card, threshold: Threshold) -> tuple[Measured, ...]:
    """What a threshold without comparison is about, one number, or one for each group of ``by``.

    The ends of a card's interval, which holds with 95%, give the error to either side; nearer and further, the number
    is taken to be normally distributed.

    Raises:
        ValueError: the card has no such number, or no such group (the nearest are named).
    """
    if threshold.metric in OF_COST:
        return (_of_cost(card.cost, threshold.metric),)
    named = [finding for finding in card.findings if finding.metric == threshold.metric]
    if not named:
        known = sorted({finding.metric for finding in card.findings} | set(OF_COST))
        raise ValueError(f"the report has no {threshold.metric!r}. {nearest(threshold.metric, known, 'It has')}")
    rows = {row.group: row for finding in reversed(named) for row in _rows(finding)}
    asked = threshold.by or threshold.group
    inside = tuple(row for group, row in rows.items() if threshold.by and group.startswith(f"{threshold.by} = "))
    if not inside and threshold.group in rows and not threshold.by:
        inside = (rows[threshold.group],)
    if not inside:
        raise ValueError(f"the report tells no {threshold.metric} of {asked or 'all together'}. {_hint(card, asked)}")
    return inside


def _hint(card: Card, asked: str) -> str:
    """What the report tells of a group or by an attribute; where it tells nothing, the nearest that it knows."""
    told: dict[str, set[str]] = {}
    for finding in card.findings:
        for group in {row.group for row in _rows(finding)} - {""}:
            told.setdefault(group, set()).add(finding.metric)
            told.setdefault(group.partition(" = ")[0], set()).add(finding.metric)
    if asked in told:
        return f"Of {asked} it tells: {', '.join(sorted(told[asked]))}."
    return nearest(asked, sorted(told), "Groups and attributes it knows")


def _rows(finding: Finding) -> Iterator[Measured]:
    """The number of a finding itself, and those of the rows of its plot, with the group each is about."""
    if finding.plot == "intervals" and {"label", "value", "low", "high", "n"} <= set(finding.series):
        series = finding.series
        cells = zip(*(series[name] for name in ("label", "value", "low", "high", "n")), strict=True)
        for label, value, low, high, n in cells:
            if not str(label).startswith(WHOLE):
                group = f"{finding.group} = {label}" if finding.group else str(label)
                yield _sampled(finding, group, value, None if low is None or high is None else (low, high), n)
    yield _sampled(finding, finding.group or "", finding.value, finding.interval, finding.n)


def _sampled(finding: Finding, group: str, value: float | None, ends: tuple[float, float] | None, n: int) -> Measured:
    reach = float(stats.norm.ppf(0.5 + CARD_CONFIDENCE / 2))
    errors = None
    if value is not None and ends is not None:
        errors = (max(0.0, value - ends[0]) / reach, max(0.0, ends[1] - value) / reach)
    return Measured(
        metric=finding.metric,
        group=group,
        value=value,
        n=n,
        unit=finding.unit,
        kind="range" if finding.question == "what it cost" else "sampled",
        center=0.0 if value is None else value,
        errors=None if finding.question == "what it cost" else errors,
        ends=ends,
        note="" if value is not None else "the report gives no number for it",
    )


def _of_cost(cost: Cost | None, metric: str) -> Measured:
    found = None if cost is None else cost.kwh if metric == "energy_kwh" else cost.kg_co2e
    note = "nothing was metered" if cost is None else "no grid zone was named" if found is None else ""
    return Measured(
        metric=metric,
        group="",
        value=None if found is None else found[1],
        n=1,
        unit="runs",
        kind="range",
        ends=None if found is None else (found[0], found[2]),
        note=note,
    )
