"""Platt scaling by class and part: confidence that comes true as often as it says, without changing any order.

After Platt 1999: the logit of a score is multiplied by a slope and an offset is added, both fitted by maximum
likelihood. Where a class, or a part of it such as its small objects, has few cases, its line stays near that of all
cases of the class, and this near that of all classes, which stays near the identity: the parent's line counts as
``STRENGTH`` cases would (a Gaussian prior, so the estimate is that of maximum a posteriori). Slopes are never negative,
so within a class and part the order of the scores stays as it is.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int

Line: TypeAlias = tuple[float, float]
# A line for each class and part.
Lines: TypeAlias = tuple[tuple[Line, ...], ...]

IDENTITY: Line = (1.0, 0.0)
STRENGTH = 20.0
STEPS = 50
# The information that a case of probability 1/2 holds: the weight of a case of the prior.
INFORMATION = 0.25
CLIP = 1e-6


def logits(score: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k"]:
    """The logits of scores, those of 0 and 1 kept finite."""
    inside = np.clip(np.asarray(score, dtype=np.float64), CLIP, 1 - CLIP)
    return np.log(inside) - np.log1p(-inside)


def line(
    score: Float[np.ndarray, "k"],
    right: Bool[np.ndarray, "k"],
    parent: Line = IDENTITY,
    strength: float = STRENGTH,
) -> Line:
    """Slope and offset of the logits of the scores, near those of the parent where there are few cases.

    ``strength`` is how many cases the parent counts as.
    """
    x, y = logits(score), np.asarray(right, dtype=np.float64)
    scale = max(1.0, float((x**2).mean())) if len(x) else 1.0
    prior = strength * INFORMATION * np.array([scale, 1.0])
    found = _newton(x, y, np.array(parent), prior)
    if found[0] >= 0:
        return float(found[0]), float(found[1])
    flat = _newton(np.zeros_like(x), y, np.array([0.0, parent[1]]), prior)
    return 0.0, float(flat[1])


def _newton(
    x: Float[np.ndarray, "k"], y: Float[np.ndarray, "k"], start: Float[np.ndarray, "2"], prior: Float[np.ndarray, "2"]
) -> Float[np.ndarray, "2"]:
    """The maximum of the concave log posterior, by Newton's method with halved steps."""
    columns = np.stack([x, np.ones_like(x)], axis=1)

    def objective(at: Float[np.ndarray, "2"]) -> float:
        z = columns @ at
        return float((np.logaddexp(0, z) - y * z).sum() + 0.5 * (prior * (at - start) ** 2).sum())

    at, value = start.astype(np.float64), objective(start)
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(columns @ at, -500, 500)))
        gradient = columns.T @ (p - y) + prior * (at - start)
        hessian = (columns * (p * (1 - p))[:, None]).T @ columns + np.diag(prior)
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while size > 1e-6 and objective(at - size * step) > value:
            size /= 2
        if size <= 1e-6:
            break
        at = at - size * step
        before, value = value, objective(at)
        if before - value < 1e-12 * (1 + abs(value)):
            break
    return at


def lines(
    score: Float[np.ndarray, "k"],
    right: Bool[np.ndarray, "k"],
    label: Int[np.ndarray, "k"],
    part: Int[np.ndarray, "k"],
    counts: tuple[int, int],
    strength: float = STRENGTH,
) -> Lines:
    """A line for each of ``counts`` classes and parts, backing off from part to class to all cases to the identity."""
    whole = line(score, right, strength=strength)
    found = []
    for index in range(counts[0]):
        own = label == index
        parent = line(score[own], right[own], whole, strength)
        parts = [own & (part == place) for place in range(counts[1])]
        found.append(
            tuple(line(score[one], right[one], parent, strength) for one in parts) if counts[1] > 1 else (parent,)
        )
    return tuple(found)


def scaled(
    score: Float[np.ndarray, "k"], label: Int[np.ndarray, "k"], part: Int[np.ndarray, "k"], chosen: Lines
) -> Float[np.ndarray, "k"]:
    """The scores under the lines of their class and part."""
    if not len(score):
        return np.zeros(0)
    both = np.asarray(chosen, dtype=np.float64)[label, part]
    z = both[:, 0] * logits(score) + both[:, 1]
    return 1 / (1 + np.exp(-np.clip(z, -500, 500)))


def as_lines(plain: Sequence[Sequence[Sequence[float]]] | None) -> Lines | None:
    """Lines from the nested lists that a file holds them as."""
    if plain is None:
        return None
    return tuple(tuple((float(slope), float(offset)) for slope, offset in parts) for parts in plain)
