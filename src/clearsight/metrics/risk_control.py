"""Thresholds that keep a risk: Learn-then-Test, conformal risk control, and split conformal prediction.

Two promises are told apart. Learn-then-Test (Angelopoulos et al. 2021, "Learn then test") keeps the risk with
probability ``1 - delta`` over the calibration set: a threshold is used only where the hypothesis that its risk is too
high was rejected. Conformal risk control (Angelopoulos et al. 2022) and split conformal prediction (Vovk et al. 2005)
keep it on average over calibration sets, so a single calibration set may exceed it. Both need cases that are
exchangeable with those to come; losses are in [0, 1].
"""

import math

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

COVERAGES = 20
STARTS = 3


def hoeffding_bentkus(
    mean: Float[np.ndarray, "k"], n: Int[np.ndarray, "k"], risk: float, binary: bool = False
) -> Float[np.ndarray, "k"]:
    """P values of the hypothesis that the expected loss is above ``risk``, given the mean of n losses.

    Where losses are 0 or 1, the exact tail of the binomial; else the smaller of the bounds of Hoeffding and of Bentkus
    (Bates et al. 2021, equation 12). 1 where n is 0.
    """
    mean, n = np.asarray(mean, dtype=np.float64), np.asarray(n, dtype=np.float64)
    # A mean of n losses, n times, may miss a whole number by rounding.
    total = n * mean
    if binary:
        return np.where(n > 0, stats.binom.cdf(np.round(total), n, risk), 1.0)
    below = np.minimum(mean, risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(below > 0, below * np.log(below / risk), 0.0)
        second = np.where(below < 1, (1 - below) * np.log((1 - below) / (1 - risk)), 0.0)
    hoeffding = np.exp(-n * (first + second))
    bentkus = math.e * stats.binom.cdf(np.ceil(total - 1e-9), n, risk)
    return np.where(n > 0, np.minimum(1.0, np.minimum(hoeffding, bentkus)), 1.0)


def keeps(
    mean: Float[np.ndarray, "k"], n: int, level: float, delta: float | None, binary: bool = False
) -> Bool[np.ndarray, "k"]:
    """Whether thresholds may be used given the mean loss of each on n cases, where losses fall from one to the next.

    With ``delta`` by Learn-then-Test: as losses are monotone, testing the thresholds from the safest on is testing each
    at ``delta``. Without, by conformal risk control: n / (n + 1) mean + 1 / (n + 1) is at most ``level``.
    """
    mean = np.asarray(mean, dtype=np.float64)
    if n < 1:
        return np.zeros(len(mean), dtype=bool)
    if delta is None:
        return (n * mean + 1) / (n + 1) <= level + 1e-12
    return hoeffding_bentkus(mean, np.full(len(mean), n), level, binary) <= delta


def threshold_to_decide(
    uncertainty: Float[np.ndarray, "n"], loss: Float[np.ndarray, "n"], level: float, delta: float
) -> float | None:
    """The uncertainty below which the mean loss is at most ``level`` with probability ``1 - delta``; None for none.

    Infinite where all cases may be decided. Learn-then-Test: the least uncertain 5%, 10% and so on of the cases are
    tested in this order until one fails (fixed-sequence testing), from each of at most three places at an equal part
    of ``delta``; these places follow from n, ``level`` and ``delta`` alone. The loss of the k cases below the
    uncertainty of the next is a mean of k independent losses, whatever that uncertainty is, so each test is exact; the
    sequence is so where the risk crosses ``level`` once as more cases are decided. Losses of 0 and 1 are tested by the
    binomial.
    """
    n = len(loss)
    if not n:
        return None
    order = np.argsort(uncertainty, kind="stable")
    sure, total = uncertainty[order], np.append(0.0, np.cumsum(loss[order], dtype=np.float64))
    binary = bool(np.isin(loss, (0.0, 1.0)).all())
    ranks = np.unique(np.ceil(n * np.arange(1, COVERAGES + 1) / COVERAGES - 1e-9).astype(np.int64))
    starts = _starts(ranks, level, delta, binary)
    if not len(starts):
        return None
    # What is equally uncertain is decided together.
    count = np.searchsorted(sure, sure[ranks - 1], side="right")
    at = np.append(sure, np.inf)[count]
    mean = total[count] / np.maximum(count, 1)
    passed = hoeffding_bentkus(mean, count, level, binary) <= delta / len(starts)
    last = max((_last_passed(passed, start) for start in starts), default=-1)
    return float(at[last]) if last >= 0 else None


def _starts(ranks: Int[np.ndarray, "k"], level: float, delta: float, binary: bool) -> list[int]:
    """Where to begin testing: the first rank that a risk of a quarter of the level would pass, twice and four times it.

    Where none would, as of few cases, the first that no loss at all would pass. A first rank that only spotless cases
    pass would end the sequence before it began.
    """
    for risk in (level / 4, 0.0):
        for number in range(STARTS, 0, -1):
            lost = np.ceil(risk * ranks) / ranks if binary else np.full(len(ranks), risk)
            possible = np.flatnonzero(hoeffding_bentkus(lost, ranks, level, binary) <= delta / number)
            if not len(possible):
                continue
            wanted = ranks[possible[0]] * 2 ** np.arange(number)
            if wanted[-1] <= ranks[-1]:
                return [int(place) for place in np.searchsorted(ranks, wanted)]
    return []


def _last_passed(passed: Bool[np.ndarray, "k"], start: int) -> int:
    """The last of the passed tests from ``start`` on without a gap; -1 where the first fails."""
    failed = np.flatnonzero(~passed[start:])
    end = start + int(failed[0]) if len(failed) else len(passed)
    return end - 1 if end > start else -1


def conformal_quantile(scores: Float[np.ndarray, "n"], level: float) -> float | None:
    """The ceil((n + 1)(1 - level))-th smallest score: a new one is at most that with probability 1 - level or more.

    None where n is too small for any, which takes 1 / level - 1 cases. Split conformal prediction: of scores without
    ties the probability is at most 1 / (n + 1) higher.
    """
    place = math.ceil((len(scores) + 1) * (1 - level) - 1e-9)
    if place > len(scores) or not len(scores):
        return None
    return float(np.partition(scores, place - 1)[place - 1])


def one_of_each(clusters: Int[np.ndarray, "n"], seed: int = 0) -> Int[np.ndarray, "k"]:
    """The place of one case of each cluster, drawn at random: these are exchangeable with a case of a new cluster.

    Cases of one cluster are not exchangeable with cases of others (Dunn, Wasserman & Ramdas 2022, "Distribution-free
    prediction sets for two-layer hierarchical models", whose subsampling this is).
    """
    shuffled = np.random.default_rng(seed).permutation(len(clusters))
    return np.sort(shuffled[np.unique(clusters[shuffled], return_index=True)[1]])
