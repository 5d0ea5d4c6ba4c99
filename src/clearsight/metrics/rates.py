"""Binomial proportions: confidence intervals, design effect, multiple comparisons, sample size."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy import stats


def jeffreys(successes: float | int, trials: float | int, confidence: float = 0.95) -> tuple[float, float]:
    """The Jeffreys interval of a proportion: quantiles of Beta(k + 1/2, n - k + 1/2), closed at 0 and 1.

    After Brown et al. 2001. Both numbers may be fractions, as effective numbers of clustered trials are.
    """
    tail = (1 - confidence) / 2
    missed = trials - successes
    low = 0.0 if successes <= 0 else float(stats.beta.ppf(tail, successes + 0.5, missed + 0.5))
    high = 1.0 if missed <= 0 else float(stats.beta.ppf(1 - tail, successes + 0.5, missed + 0.5))
    return low, high


def upper_bound(successes: int, trials: int, confidence: float = 0.95) -> float:
    """The exact one-sided upper bound of a proportion (Clopper & Pearson 1934): 0 of 312 allows up to 1.0%."""
    if successes >= trials:
        return 1.0
    return float(stats.beta.ppf(confidence, successes + 1, trials - successes))


def wilson(
    successes: float | int, trials: float | int, confidence: float = 0.95, effect: float = 1.0
) -> tuple[float, float]:
    """The Wilson score interval of a proportion (Wilson 1927); clustered trials count as ``trials / effect``."""
    if trials <= 0:
        return 0.0, 1.0
    share, n = successes / trials, trials / effect
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def design_effect(residuals: Float[np.ndarray, "k"], clusters: Int[np.ndarray, "k"]) -> float:
    """How many times larger the variance of a mean is than were its terms independent; never below 1 (Kish 1965).

    ``residuals`` are deviations from what was expected; ``clusters`` numbers the terms that belong together.
    """
    if len(residuals) < 2:
        return 1.0
    _, cluster = np.unique(clusters, return_inverse=True)
    sums = np.bincount(cluster, weights=residuals - residuals.mean())
    alone = float(((residuals - residuals.mean()) ** 2).sum())
    return max(1.0, float((sums**2).sum()) / alone) if alone > 0 else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for multiple comparisons, controlling the family-wise error rate (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    corrected, highest = [1.0] * len(p_values), 0.0
    for place, index in enumerate(order.tolist()):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = highest
    return corrected


def trials_needed(half_width: float, share: float = 0.9, confidence: float = 0.95, effect: float = 1.0) -> int:
    """The number of trials for which the interval of a proportion has this half-width."""
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    return math.ceil(effect * z**2 * share * (1 - share) / half_width**2 - 1e-9)


def binomial_p(successes: float, trials: float, share: float) -> float:
    """The two-sided p value of so many successes where ``share`` is true: twice the smaller tail of the binomial.

    Both numbers may be fractions, as effective numbers of clustered trials are (Korn & Graubard 1998).
    """
    more = 1.0 if successes <= 0 else float(stats.beta.cdf(share, successes, trials - successes + 1))
    fewer = 1.0 if successes >= trials else float(stats.beta.sf(share, successes + 1, trials - successes))
    return min(1.0, 2 * min(more, fewer))


def detectable_gap(
    trials: float, others: float, share: float = 0.9, power: float = 0.8, confidence: float = 0.95
) -> float:
    """How far a group must lie below ``share``, that of the others, to be told apart with this power.

    Of two proportions, two-sided (Fleiss, Levin & Paik 2003, section 4.2, without correction for continuity); infinite
    where even a share of 0 would not be.
    """
    surely, found = float(stats.norm.ppf(0.5 + confidence / 2)), float(stats.norm.ppf(power))

    def seen(gap: float) -> bool:
        low = share - gap
        pooled = (trials * low + others * share) / (trials + others)
        null = math.sqrt(pooled * (1 - pooled) * (1 / trials + 1 / others))
        own = math.sqrt(low * (1 - low) / trials + share * (1 - share) / others)
        return gap >= surely * null + found * own

    if trials <= 0 or others <= 0 or not seen(share):
        return math.inf
    least, most = 0.0, share
    for _ in range(50):
        middle = (least + most) / 2
        least, most = (least, middle) if seen(middle) else (middle, most)
    return most


def trials_for_gap(
    gap: float, others: float, share: float = 0.9, power: float = 0.8, confidence: float = 0.95
) -> int | None:
    """The number of trials of a group with which such a gap below the ``share`` of the others is found (see above).

    None where no number would do, because the others are too few.
    """
    if detectable_gap(1e9, others, share, power, confidence) > gap:
        return None
    least, most = 0, 1
    while detectable_gap(most, others, share, power, confidence) > gap:
        least, most = most, 2 * most
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (
            (least, middle) if detectable_gap(middle, others, share, power, confidence) <= gap else (middle, most)
        )
    return most
