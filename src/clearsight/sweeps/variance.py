"""How much of the variance of scores each hyper-parameter and the seed account for.

The scores of C configurations with n seeds each are a one-way layout. What differs within a configuration is the
seed's: its variance is the mean square within. The variance of the configurations' means, less what seeds put into them
(mean square within / n), is the hyper-parameters'. Of that, a hyper-parameter's main effect is

    (SS_between - (k - 1) * SS_within / (C - k)) / (C - 1)

over the k groups of configurations that have one of its values, or lie in one part of its range: epsilon-squared
(Kelley 1935), from which what chance puts between groups is taken off. What is left are interactions of
hyper-parameters, and what differs within the parts of a range. Each share is of the sum of both variances.

Intervals are by the jackknife over configurations, with the t quantile of C - 1; p is the share of permutations of a
hyper-parameter's values among the configurations that set groups as far apart. Its coverage is tested by simulation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from clearsight.sweeps.space import Parameter

PERMUTATIONS = 999
FEWEST = 6  # configurations: of fewer no variance is worth telling
PARTS = ((24, 4), (12, 3), (0, 2))  # of a range, by how many configurations there are


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share of the variance of scores with its interval; ``p`` is that of a hyper-parameter without effect.

    ``low``, ``high`` and ``p`` are None where they are undefined.
    """

    name: str
    share: float
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True, kw_only=True)
class Variance:
    """The variance of the scores of all trials, as a standard deviation in units of the score, and its shares.

    ``seed``, ``parameters`` in the order of the space, and ``rest``: interactions, and what parts of ranges hide.
    """

    deviation: float
    seed: Share
    parameters: tuple[Share, ...]
    rest: Share
    configurations: int


def decomposed(
    scores: Sequence[Float[np.ndarray, "seeds"]],
    groups: Sequence[Int[np.ndarray, "configurations"]],
    space: Sequence[Parameter],
    confidence: float = 0.95,
    seed: int = 0,
) -> Variance | None:
    """The shares of the scores of each configuration, seed by seed; None for too few configurations, or no variance.

    ``groups`` numbers the part of each hyper-parameter that each configuration lies in (see ``parts``).
    """
    whole = _shares(scores, groups)
    count = len(scores)
    if whole is None or count < FEWEST:
        return None
    left_out = [
        _shares([one for k, one in enumerate(scores) if k != out], [np.delete(each, out) for each in groups])
        for out in range(count)
    ]
    known = [one for one in left_out if one is not None]
    chance = np.random.default_rng(seed)
    means = np.array([one.mean() for one in scores])
    found = []
    for place, name in enumerate(("seed", *(one.name for one in space), "rest")):
        ends = _interval(whole[place], np.array([one[place] for one in known]), count, confidence)
        of_parameter = 0 < place <= len(space)
        p = _chance(means, groups[place - 1], chance) if of_parameter else None
        found.append(Share(name=name, share=whole[place], low=ends[0], high=ends[1], p=p))
    deviation = float(np.sqrt(sum(_components(scores))))
    return Variance(
        deviation=deviation, seed=found[0], parameters=tuple(found[1:-1]), rest=found[-1], configurations=count
    )


def parts(parameter: Parameter, values: Sequence[str]) -> Int[np.ndarray, "configurations"]:
    """The part of a hyper-parameter that each configuration lies in: its value, or a quantile of the range."""
    if parameter.kind == "choice":
        return np.array([parameter.values.index(value) for value in values])
    wanted = next(count for least, count in PARTS if len(values) >= least)
    places = np.array([parameter.place(value) for value in values])
    cuts = np.quantile(places, np.arange(1, wanted) / wanted)
    return np.searchsorted(cuts, places, side="right")


def _components(scores: Sequence[Float[np.ndarray, "seeds"]]) -> tuple[float, float]:
    """The variance within configurations, and that of their true means."""
    freedom = sum(len(one) - 1 for one in scores)
    within = sum(float(((one - one.mean()) ** 2).sum()) for one in scores) / freedom if freedom else 0.0
    seeds = len(scores) / sum(1 / len(one) for one in scores)
    between = float(np.var([one.mean() for one in scores], ddof=1)) - within / seeds
    return within, max(0.0, between)


def _shares(
    scores: Sequence[Float[np.ndarray, "seeds"]], groups: Sequence[Int[np.ndarray, "configurations"]]
) -> Float[np.ndarray, "shares"] | None:
    """The shares of the seed, of each hyper-parameter, and of what is left; None where nothing varies."""
    within, between = _components(scores)
    total = within + between
    if not total > 0:
        return None
    means = np.array([one.mean() for one in scores])
    effects = [min(max(0.0, _main_effect(means, each)), between) for each in groups]
    return np.array([within, *effects, max(0.0, between - sum(effects))]) / total


def _main_effect(means: Float[np.ndarray, "configurations"], groups: Int[np.ndarray, "configurations"]) -> float:
    """The variance of the means that lies between groups, without what chance puts there."""
    across, count = _between(means, groups), len(np.unique(groups))
    freedom = len(means) - count
    if count < 2 or freedom < 1:
        return 0.0
    rest = float(((means - means.mean()) ** 2).sum()) - across
    return (across - (count - 1) * rest / freedom) / (len(means) - 1)


def _between(means: Float[np.ndarray, "configurations"], groups: Int[np.ndarray, "configurations"]) -> float:
    sizes, sums = np.bincount(groups), np.bincount(groups, weights=means - means.mean())
    return float((sums[sizes > 0] ** 2 / sizes[sizes > 0]).sum())


def _interval(
    value: float, left_out: Float[np.ndarray, "configurations"], count: int, confidence: float
) -> tuple[float, float] | tuple[None, None]:
    if len(left_out) < count:
        return None, None
    error = float(np.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum()))
    reach = float(stats.t.ppf(0.5 + confidence / 2, count - 1)) * error
    return max(0.0, value - reach), min(1.0, value + reach)


def _chance(
    means: Float[np.ndarray, "configurations"], groups: Int[np.ndarray, "configurations"], chance: np.random.Generator
) -> float | None:
    """How often permuted groups lie as far apart."""
    if len(np.unique(groups)) < 2:
        return None
    observed = _between(means, groups) * (1 - 1e-9)
    as_far = sum(_between(means, chance.permutation(groups)) >= observed for _ in range(PERMUTATIONS))
    return (1 + as_far) / (1 + PERMUTATIONS)
