"""Whether a generator copies its training pictures: more of its pictures are nearly one of these than new ones are."""

import numpy as np

from clearsight.audits.scores import estimated, how, limits_of
from clearsight.audits.sentences import between, number
from clearsight.metrics.copies import EXPECTED, REAL_AT_LEAST, copy_threshold
from clearsight.metrics.generation import GenerationStatistics
from clearsight.metrics.resample import Estimate, Resampling
from clearsight.types import Finding, Metric, Request, Verdict

TOLERATED = 0.03  # a rate whose interval ends below this passes
LIMITS = (
    "A picture counts as a copy where it is far nearer to one training picture than to the others like it, by pixels "
    "within small shifts and mirror images; parts of pictures, other colours and larger movements are not found. "
    "Pictures that the training set holds many times are not told. Look at the closest pairs."
)


def copies(request: Request) -> tuple[Finding, ...]:
    """The copy rate with a verdict: it fails where chance does not explain it; nothing for other tasks."""
    evidence, statistics = request.evidence, request.evidence.statistics
    if not isinstance(statistics, GenerationStatistics):
        return ()
    metric = next(one for one in statistics.metrics() if one.name == "copy rate")
    weights = Resampling(clusters=evidence.clusters, replicates=request.replicates, seed=request.seed)
    rate = estimated(request, metric, weights)
    made = int(statistics.generated.sum())
    verdict = _verdict(rate)
    known = bool(np.isfinite(rate.value))
    return (
        Finding(
            question="when to trust it",
            claim=_claim(rate, verdict, metric, made, statistics.images - made),
            metric="copies of training pictures",
            value=rate.value if known else None,
            interval=rate.interval if known else None,
            n=made,
            unit="generated pictures",
            clusters=rate.clusters,
            method=f"{how(request, rate)} The threshold is the relative distance that {EXPECTED:.0%} of held-out real "
            f"pictures stay within{_threshold(statistics)}; it is drawn anew in every resampling.",
            limits=f"{LIMITS} {limits_of(evidence)}",
            verdict=verdict,
        ),
    )


def _verdict(rate: Estimate) -> Verdict:
    if not np.isfinite(rate.value) or rate.interval is None:
        return "insufficient"
    low, high = rate.interval
    if low > EXPECTED:
        return "fail"
    return "pass" if high <= TOLERATED else "insufficient"


def _claim(rate: Estimate, verdict: Verdict, metric: Metric, made: int, real: int) -> str:
    if not np.isfinite(rate.value):
        return f"Copies cannot be told with {real} held-out real pictures: it takes {REAL_AT_LEAST}."
    share = f"{100 * rate.value:.1f}%"
    ends = between(rate.interval, metric)
    compared = f"of {real} held-out real pictures {number(EXPECTED, metric)} are, by construction"
    start = f"{share}{ends} of {made} generated pictures are as near to a training picture as a copy is; {compared}."
    said = {
        "fail": " It copies training pictures.",
        "pass": " No more copies are found than among new pictures.",
    }
    return start + said.get(verdict, " Too few pictures to rule copies out.")


def _threshold(statistics: GenerationStatistics) -> str:
    found = copy_threshold(statistics.distance, statistics.generated, np.ones((1, statistics.images)))[0]
    return f" (here {found:.2f} of the usual distance)" if np.isfinite(found) else ""
