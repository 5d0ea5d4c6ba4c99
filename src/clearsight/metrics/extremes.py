"""The worst group and the largest gap between two groups, corrected for having been chosen for being extreme.

The lowest of several noisy scores is lower than the lowest of the true ones: with no gap at all, eight groups of 30
pictures at 0.90 show 15 points between best and worst on average. Two remedies, for two numbers:

- the corrected value is that of a hierarchical normal model (Rubin 1981; Gelman et al., Bayesian Data Analysis,
  section 5.4): groups' true scores spread around a common mean by an unknown amount, which the data and their errors
  determine; scores are shrunk as far as their errors demand, and the extremes of what is left are averaged over the
  posterior. That there is no spread counts, before the data, as likely as all other amounts together.
- the interval comes from bounds that hold for all groups at once (Sidak 1967), so that it holds whichever group was
  chosen. It covers the truth more often than it says.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

DRAWS = 4000
GRID = 200
# The prior weight of each amount of spread: none, and evenly more.
PRIOR = np.append(GRID - 1.0, np.ones(GRID - 1))


@dataclass(frozen=True, kw_only=True)
class Extreme:
    """A number chosen for being extreme: as observed, corrected for the choice, and an interval that allows for it."""

    observed: float
    corrected: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Extremes:
    """The worst score among groups (``place`` is whose), and the difference between the best and the worst."""

    place: int
    worst: Extreme
    gap: Extreme


# The lower and the upper ends of all groups' intervals at a confidence.
Limits = Callable[[float], tuple[Float[np.ndarray, "groups"], Float[np.ndarray, "groups"]]]


def extremes(
    values: Float[np.ndarray, "groups"], limits: Limits, confidence: float = 0.95, higher_is_better: bool = True
) -> Extremes:
    """The extremes of at least two groups' scores, whose intervals at any confidence are ``limits``."""
    count = len(values)
    low, high = limits(confidence)
    errors = (high - low) / (2 * stats.norm.ppf(0.5 + confidence / 2))
    drawn = _posterior(values, np.maximum(errors, 1e-12))
    lows, highs = limits(confidence ** (1 / count))
    lower, upper = _largest_gap(values, *limits(confidence ** (2 / (count * (count - 1)))))
    worst = np.min if higher_is_better else np.max
    return Extremes(
        place=int(values.argmin() if higher_is_better else values.argmax()),
        worst=Extreme(
            observed=float(worst(values)),
            corrected=float(worst(drawn, axis=1).mean()),
            low=float(worst(lows)),
            high=float(worst(highs)),
        ),
        gap=Extreme(
            observed=float(np.ptp(values)), corrected=float(np.ptp(drawn, axis=1).mean()), low=lower, high=upper
        ),
    )


def _largest_gap(
    values: Float[np.ndarray, "groups"], lows: Float[np.ndarray, "groups"], highs: Float[np.ndarray, "groups"]
) -> tuple[float, float]:
    """Bounds of the largest of all differences, from bounds of each; these from both groups' intervals.

    The interval of a difference after Zou & Donner 2008, equations 1 and 2 (of proportions: Newcombe 1998).
    """
    order = np.argsort(values, kind="stable")
    values, below, above = values[order], (values - lows)[order], (highs - values)[order]
    # Of a pair the first is the lower one.
    first, second = np.triu_indices(len(values), 1)
    size = values[second] - values[first]
    lower = size - np.hypot(below[second], above[first])
    upper = size + np.hypot(above[second], below[first])
    return max(0.0, float(lower.max())), float(upper.max())


def _posterior(
    values: Float[np.ndarray, "groups"], errors: Float[np.ndarray, "groups"], seed: int = 0
) -> Float[np.ndarray, "draws groups"]:
    """Draws of the groups' true scores given the observed ones."""
    rng = np.random.default_rng(seed)
    # Beyond three times what is seen, a spread of the true scores is out of the question.
    spreads = np.linspace(0.0, 3 * (values.std(ddof=1) + 1e-12), GRID)
    variance = errors**2 + spreads[:, None] ** 2
    weight = 1 / variance
    mean = (weight * values).sum(1) / weight.sum(1)
    density = -0.5 * (np.log(variance).sum(1) + np.log(weight.sum(1)) + (weight * (values - mean[:, None]) ** 2).sum(1))
    share = np.exp(density - density.max()) * PRIOR
    at = rng.choice(GRID, DRAWS, p=share / share.sum())
    centre = mean[at] + rng.normal(size=DRAWS) / np.sqrt(weight.sum(1)[at])
    kept = spreads[at, None] ** 2 / variance[at]
    shrunk = kept * values + (1 - kept) * centre[:, None]
    return shrunk + rng.normal(size=(DRAWS, len(values))) * np.sqrt(kept) * errors
