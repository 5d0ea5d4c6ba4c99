"""Groups compared with the rest: two tests of each gap, Holm's correction over all, and what could have been found."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from clearsight.audits.attributes import PICTURES_AT_LEAST, Attribute, enough, group_rule, truths_within
from clearsight.audits.sentences import chance, number
from clearsight.metrics.permutation import Permutations, permutation_p
from clearsight.metrics.rates import holm
from clearsight.metrics.resample import Estimate, Gap, Resampling, gap
from clearsight.types import Finding, Metric, Request, Values, Verdict

TOLERANCE = 0.05
RELATIVE_TOLERANCE = 0.1
POWER = 0.8


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A group against the rest by one metric; ``p`` before correction, of the permutation where that is ``exact``, else
    the larger of both tests.

    ``p_any`` is that of a gap of whatever origin. ``null`` are the permuted gaps that exist, ``stratified`` whether
    labels were permuted among equal truths.
    """

    attribute: Attribute
    group: str
    metric: Metric
    gap: Gap
    p: float
    p_any: float
    null: Values
    stratified: bool
    exact: bool

    @property
    def harm(self) -> float:
        """How much worse the group is than the rest, in the metric's units."""
        return -self.gap.value if self.metric.higher_is_better else self.gap.value


def compared(
    request: Request, attribute: Attribute, metrics: Sequence[Metric], weights: Resampling
) -> list[Comparison]:
    """Each group large enough against all other pictures of known group; of two groups, only the worse."""
    evidence, known = request.evidence, attribute.known
    strata = truths_within(evidence, attribute)
    permutations = Permutations(
        labels=attribute.codes,
        known=known,
        clusters=evidence.clusters,
        permutations=request.replicates,
        seed=request.seed + 1,
        strata=strata,
        equal=weights.equal,
    )
    comparisons = []
    rests = {group: known & ~attribute.rows(group) for group in attribute.large}
    judged = [group for group in attribute.large if enough(evidence, rests[group])]
    for metric in metrics:
        tested, exact = [], permutations.exact(metric, evidence.statistics)
        for group in judged:
            found = gap(metric, evidence, attribute.rows(group), rests[group], weights, request.confidence)
            if not np.isfinite(found.value):
                continue
            permuted = permutations.gaps(metric, evidence.statistics, attribute.names.index(group))
            tested.append(
                Comparison(
                    attribute=attribute,
                    group=group,
                    metric=metric,
                    gap=found,
                    p=max(0.0 if exact else found.p, permutation_p(found.value, permuted)),
                    p_any=found.p,
                    null=permuted[np.isfinite(permuted)],
                    stratified=strata is not None,
                    exact=exact,
                )
            )
        if len(attribute.large) + len(attribute.small) == 2:
            # Two groups make one comparison; it is told from the side of the one that is served worse.
            tested = sorted(tested, key=lambda one: one.harm, reverse=True)[:1]
        comparisons += tested
    return comparisons


def gap_findings(request: Request, comparisons: Sequence[Comparison]) -> list[Finding]:
    """A finding of each comparison, corrected for all; of an intersection, those not found by one metric are one."""
    corrected = holm([comparison.p for comparison in comparisons])
    alone: list[Finding] = []
    together: dict[tuple[str, str], list[tuple[Comparison, float]]] = {}
    for each, p in zip(comparisons, corrected, strict=True):
        if each.attribute.crossed and p > 1 - request.confidence:
            together.setdefault((each.attribute.name, each.metric.name), []).append((each, p))
        else:
            alone.append(_finding(request, each, p, len(comparisons)))
    return [*alone, *(_not_found(request, pairs, len(comparisons)) for pairs in together.values())]


def _not_found(request: Request, pairs: Sequence[tuple[Comparison, float]], tests: int) -> Finding:
    """The groups of an intersection whose gap was not found, in one plot: of each its gap and the one it would take."""
    first, (least_p, unit) = pairs[0][0], (min(p for _, p in pairs), request.evidence.unit)
    verdicts = [_verdict(request, each, real=False) for each, _ in pairs]
    sizes = [detectable(each, tests, request.confidence) for each, _ in pairs]
    known = [size for size in sizes if np.isfinite(size) and size > 0]
    worst: Verdict = "insufficient" if "insufficient" in verdicts else "pass"
    ends = [each.gap.interval or (None, None) for each, _ in pairs]
    found = f" Gaps of {_span(known, first.metric)} would be found four times of five." if known else ""
    return Finding(
        question="whom it fails",
        claim=f"In {len(pairs)} groups of {first.attribute.name} no gap in {first.metric.name} to the other {unit} is "
        f"found that chance, or the truths of their {unit}, would not explain ({chance(least_p)} and more after "
        f"correcting for {tests} comparisons).{found}",
        metric=f"gaps in {first.metric.name} that were not found",
        value=None,
        interval=None,
        n=sum(each.gap.first.images for each, _ in pairs),
        unit=unit,
        clusters=min(each.gap.first.clusters for each, _ in pairs),
        method=_method(request, first, tests),
        limits=_limits(request, first),
        group=first.attribute.name,
        verdict=worst if request.by else "none asked",
        plot="intervals",
        series={
            "label": [each.group for each, _ in pairs],
            "value": [each.gap.value for each, _ in pairs],
            "low": [low for low, _ in ends],
            "high": [high for _, high in ends],
            "n": [each.gap.first.images for each, _ in pairs],
            "note": [None] * len(pairs),
            "gap that would be found": [size if np.isfinite(size) else None for size in sizes],
        },
        axes=(f"group minus the others, {first.metric.name}",),
    )


def _span(sizes: Sequence[float], metric: Metric) -> str:
    """The least and the largest of several differences."""
    low, high = (_amount(size, metric) for size in (min(sizes), max(sizes)))
    return low if low == high else f"{low.removesuffix(' points')} to {high}"


def tolerance(metric: Metric, value: float) -> float:
    """The gap that does not matter: 5 points of a score with two ends, a tenth of the value of any other."""
    return TOLERANCE if np.isfinite(metric.bounds).all() else RELATIVE_TOLERANCE * abs(value)


def needed(metric: Metric, known: Estimate, value: float) -> int:
    """Pictures for an interval as wide as the tolerance to either side, at the spread of ``known``; at least 30."""
    width, wanted = known.interval, tolerance(metric, value)
    if width is None or not wanted > 0:
        return 10 * PICTURES_AT_LEAST
    return max(PICTURES_AT_LEAST, int(np.ceil(known.images * ((width[1] - width[0]) / 2 / wanted) ** 2)))


def detectable(each: Comparison, tests: int, confidence: float = 0.95, power: float = POWER) -> float:
    """The gap that would be found with this power, were the group so much worse; corrected for so many tests.

    The permuted gaps say how far a gap must lie from their mean (Bonferroni); beyond that it must lie by its own error
    under the gap, which for a share is that of the share it then is. NaN where it would exceed the scale.
    """
    level = (1 - confidence) / max(1, tests)
    spread = float(each.null.std(ddof=1)) if len(each.null) > 1 else 0.0
    away = np.abs(each.null - each.null.mean()) if len(each.null) else np.zeros(1)
    beyond = float(stats.norm.ppf(1 - level / 2))
    far = max(float(np.quantile(away, 1 - max(level, 1 / len(away)))), beyond * spread * (level * len(away) < 1))
    reach = float(stats.norm.ppf(power))
    if not each.exact and np.isfinite(each.gap.error):
        return max(far + reach * spread, (beyond + reach) * each.gap.error)
    gap, rest, sign = far, each.gap.second.value, -1.0 if each.metric.higher_is_better else 1.0
    scale = rest * (1 - rest)
    for _ in range(30):
        share = float(np.clip(rest + sign * gap, 0.0, 1.0))
        gap = far + reach * spread * (float(np.sqrt(share * (1 - share) / scale)) if scale > 0 else 1.0)
    return gap if 0 <= rest + sign * gap <= 1 else float("nan")


def _finding(request: Request, each: Comparison, p: float, tests: int) -> Finding:
    metric, found = each.metric, each.gap
    real = p <= 1 - request.confidence
    verdict = _verdict(request, each, real) if request.by else "none asked"
    return Finding(
        question="whom it fails",
        claim=_claim(request, each, p, tests, verdict),
        metric=f"gap in {metric.name}",
        value=found.value,
        interval=found.interval,
        clusters=min(found.first.clusters, found.second.clusters),
        n=found.first.images,
        unit=request.evidence.unit,
        method=_method(request, each, tests),
        limits=_limits(request, each),
        group=f"{each.attribute.name} = {each.group}",
        verdict=verdict,
    )


def _method(request: Request, each: Comparison, tests: int) -> str:
    """How gaps were tested."""
    tests_said = "that of" if each.exact else "the larger of that test and of"
    among = " among pictures of equal truth" if each.stratified else ""
    return (
        f"Group minus rest, paired cluster bootstrap within groups ({request.replicates} replicates), bias-corrected; "
        f"p is {tests_said} {request.replicates} permutations of the group labels{among}, Holm-corrected for {tests} "
        f"comparison{'s' if tests > 1 else ''}. The gap that would be found is for a power of {POWER:.0%} after that "
        "correction."
    )


def _limits(request: Request, each: Comparison) -> str:
    """What a gap does not show."""
    return (
        f"{group_rule(request.evidence)} It shows that the group is served differently, not why: groups may differ in "
        "other things as well. "
        + ("Classes a group has no objects of are left out of its average. " if "AP" in each.metric.name else "")
        + f"{each.attribute.name} is what the data say it is."
    )


def _verdict(request: Request, each: Comparison, real: bool) -> Verdict:
    if real:
        return "fail" if each.harm > 0 else "pass"
    ends = each.gap.interval
    if ends is None:
        return "insufficient"
    most = -ends[0] if each.metric.higher_is_better else ends[1]
    return "pass" if most <= tolerance(each.metric, each.gap.second.value) else "insufficient"


def _claim(request: Request, each: Comparison, p: float, tests: int, verdict: Verdict) -> str:
    metric, first, second, unit = each.metric, each.gap.first.value, each.gap.second.value, request.evidence.unit
    where = f"where {each.attribute.name} is {each.group}"
    values = f"{number(first, metric)} {where}, against {number(second, metric)} on the other {unit}"
    start = f"{metric.meaning[0].upper()}{metric.meaning[1:]} is {values}"
    after = f"{chance(p)} after correcting for {tests} comparisons" if tests > 1 else chance(p)
    if p <= 1 - request.confidence:
        share = _share(first, second) if metric.bounds[0] == 0 else ""
        return f"{start}{share}. Chance does not explain it ({after})."
    plainly = each.p_any * tests <= 1 - request.confidence
    why = "It is no more than the truths of its pictures explain" if plainly else "That may be chance"
    least = detectable(each, tests, request.confidence)
    if not np.isfinite(least):
        power = f" With so few {unit}, no gap would be found four times of five."
    else:
        power = f" A gap of {_amount(least, metric)} would be found four times of five." if least > 0 else ""
    need, wanted = needed(metric, each.gap.first, second), tolerance(metric, second)
    short = verdict != "pass" and need > each.gap.first.images
    more = f" About {need} {unit} of it would settle it to within {wanted:.2f}." if short else ""
    return f"{start}. {why} ({after}).{power}{more}"


def _amount(size: float, metric: Metric) -> str:
    """A difference in words: of shares, in points of per cent, rounded up, so as not to promise too much."""
    return (
        f"{np.ceil(100 * size - 1e-9):.0f} points" if metric.meaning.startswith("the share") else number(size, metric)
    )


def _share(first: float, second: float) -> str:
    if second <= 0:
        return ""
    ratio = first / second
    return f": {100 * ratio:.0f}% of it" if ratio < 1 else f": {ratio:.2g} times that" if ratio >= 1.05 else ""
