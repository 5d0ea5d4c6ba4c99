"""The verdict on each threshold, and on all.

A limit is broken where the number is beyond it by a one-sided test at ``1 - confidence``, after Holm's correction over
all thresholds that are tested: so a run that breaks none is failed in at most that share of cases, however many
thresholds there are. It is kept where a one-sided test shows the number within it; since a run passes only where
every limit is kept, no correction is due there (intersection-union test, Berger 1982). Anything else is insufficient
evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clearsight.acceptance.measured import Measured
from clearsight.acceptance.policy import DecideBy, Policy, Threshold
from clearsight.metrics.rates import holm
from clearsight.types import Verdict


@dataclass(frozen=True, kw_only=True)
class Check:
    """One number beside its limit.

    ``value`` is how much worse it is than ``before`` in the earlier run where the limit is on that. ``bounds`` are the
    least and the most it may be, each with the confidence of the policy; ``p`` is that of the limit not being broken,
    corrected for all thresholds, None where nothing was tested. ``place`` is that of the threshold in the policy,
    from 0.
    """

    name: str
    metric: str
    group: str
    limit: str
    value: float | None
    bounds: tuple[float, float] | None
    n: int
    unit: str
    decided_by: DecideBy
    verdict: Verdict
    reason: str
    p: float | None = None
    before: float | None = None
    place: int = 0


@dataclass(frozen=True, kw_only=True)
class Gated:
    """The verdict of a policy on a run: "fail" where any limit is broken, "insufficient" where any is undecided.

    ``against`` is the earlier run, "" for none; ``tested`` how many thresholds Holm's correction is for.
    """

    verdict: Verdict
    run: str
    title: str
    confidence: float
    checks: tuple[Check, ...]
    tested: int
    against: str = ""
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        """The exit status: 0 for pass, 1 for fail, 3 for insufficient."""
        return {"pass": 0, "fail": 1}.get(self.verdict, 3)


def decided(policy: Policy, found: Sequence[tuple[Threshold, Measured]]) -> tuple[tuple[Check, ...], int]:
    """The check of each number, in order, and how many were tested."""
    tested = [_is_tested(policy, threshold, one) for threshold, one in found]
    raw = [_p_broken(threshold, one) for (threshold, one), tests in zip(found, tested, strict=True) if tests]
    corrected = iter(holm(raw))
    places = {id(threshold): place for place, threshold in enumerate(policy.thresholds)}
    checks = [
        replace(_check(policy, threshold, one, float(next(corrected)) if tests else None), place=places[id(threshold)])
        for (threshold, one), tests in zip(found, tested, strict=True)
    ]
    return tuple(checks), len(raw)


def overall(checks: Sequence[Check]) -> Verdict:
    """The verdict over all checks."""
    verdicts = {check.verdict for check in checks}
    return "fail" if "fail" in verdicts else "insufficient" if "insufficient" in verdicts else "pass"


def _by(policy: Policy, threshold: Threshold) -> DecideBy:
    return threshold.decide_by or policy.decide_by


def _is_tested(policy: Policy, threshold: Threshold, one: Measured) -> bool:
    return _by(policy, threshold) == "interval" and one.errors is not None


def _p_broken(threshold: Threshold, one: Measured) -> float:
    return one.p_under(threshold.limit) if threshold.at_least is not None else one.p_over(threshold.limit)


def _p_kept(threshold: Threshold, one: Measured) -> float:
    if threshold.at_least is not None:
        p, inside = one.p_over(threshold.limit), one.center >= threshold.limit
    else:
        p, inside = one.p_under(threshold.limit), one.center <= threshold.limit
    # A number without any error, such as the change of a run beside itself, keeps a limit that it touches.
    return 0.0 if inside and one.errors == (0.0, 0.0) else p


def _check(policy: Policy, threshold: Threshold, one: Measured, p: float | None) -> Check:
    verdict, reason = _verdict(policy, threshold, one, p)
    return Check(
        name=threshold.name,
        metric=one.metric,
        group=one.group,
        limit=threshold.said,
        value=one.value,
        bounds=one.bounds(policy.confidence),
        n=one.n,
        unit=one.unit,
        decided_by=_by(policy, threshold),
        verdict=verdict,
        reason=reason,
        p=p,
        before=one.before,
    )


def _verdict(policy: Policy, threshold: Threshold, one: Measured, p: float | None) -> tuple[Verdict, str]:
    if one.value is None:
        return "insufficient", one.note or "there is no number"
    over = threshold.at_least is None
    if _by(policy, threshold) == "point estimate":
        kept = one.value <= threshold.limit if over else one.value >= threshold.limit
        return ("pass" if kept else "fail"), "by the number itself, whatever its error"
    if one.kind == "range":
        return _of_range(threshold, one, over)
    if p is None:
        return "insufficient", one.note or "the report gives no interval for it"
    level, share = 1 - policy.confidence, f"{policy.confidence:.0%}"
    if p <= level:
        return "fail", f"beyond the limit with {share} confidence over all thresholds"
    if _p_kept(threshold, one) <= level:
        return "pass", f"within the limit with {share} confidence"
    if _p_broken(threshold, one) <= level:
        return "insufficient", "beyond the limit, but not after correcting for the number of thresholds"
    return "insufficient", "the limit lies within its bounds: it may be kept or broken"


def _of_range(threshold: Threshold, one: Measured, over: bool) -> tuple[Verdict, str]:
    if one.ends is None:
        return "insufficient", one.note or "the report gives no range for it"
    low, high = one.ends
    if high <= threshold.limit if over else low >= threshold.limit:
        return "pass", "the whole range is within the limit"
    if low > threshold.limit if over else high < threshold.limit:
        return "fail", "the whole range is beyond the limit"
    return "insufficient", "the limit lies within the range of what is not known"
