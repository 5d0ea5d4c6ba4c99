"""Polygons as outlines of one region: self-intersections, which make the enclosed area ambiguous."""

import functools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

# A crossing that cuts off no more than this, in square units and as a share of the whole, is annotation noise.
LOOP_AREA = 4.0
LOOP_SHARE = 0.02
PAIRS_AT_ONCE = 2**20
ALL_PAIRS_UP_TO = 64  # sides, of which all pairs are tested


def distinct(polygon: Float[np.ndarray, "n 2"]) -> int:
    """The number of distinct corners."""
    return len(set(map(tuple, polygon.tolist())))


def perimeter(polygon: Float[np.ndarray, "n 2"]) -> float:
    """The length of all sides, the closing one included."""
    sides = np.diff(polygon, axis=0, append=polygon[:1])
    return float(np.hypot(sides[:, 0], sides[:, 1]).sum())


def loops(polygon: Float[np.ndarray, "n 2"]) -> list[Float[np.ndarray, "_k 2"]]:
    """The closed loops of at least three corners that repeated corners divide it into; together they fill the same.

    Many exports join the parts of an object, or an outline and its holes, by bridges that are traversed both ways.
    """
    if distinct(polygon) == len(polygon):
        return [polygon]
    found, path, places = [], list[int](), dict[tuple[float, float], int]()
    for index, corner in enumerate(map(tuple, polygon.tolist())):
        if corner in places:
            start = places[corner]
            found.append(path[start:])
            for gone in path[start + 1 :]:
                del places[tuple(polygon[gone].tolist())]
            del path[start + 1 :]
        else:
            places[corner] = len(path)
            path.append(index)
    return [polygon[loop] for loop in (*found, path) if len(loop) > 2]


def crosses_itself(polygon: Float[np.ndarray, "n 2"]) -> bool:
    """Whether one of its loops crosses itself by more than annotation noise."""
    return any(crossing(loop) is not None for loop in loops(polygon))


def crossing(
    polygon: Float[np.ndarray, "n 2"], area: float = LOOP_AREA, share: float = LOOP_SHARE
) -> tuple[int, int] | None:
    """Two sides that cross each other, by the numbers of their first corners; None where the outline is simple.

    Sides that only touch, or lie on each other, do not cross. Where two do, they split the outline into two loops; if
    the smaller of them has at most ``area`` square units, or at most ``share`` of the larger, it is not counted.
    """
    points = polygon.astype(np.float64) - polygon.mean(0)
    ends = np.concatenate([points[1:], points[:1]])
    low, high = np.minimum(points, ends), np.maximum(points, ends)
    for first, second in [_all_pairs(len(points))] if len(points) <= ALL_PAIRS_UP_TO else _pairs(low[:, 0], high[:, 0]):
        meets = ((low[first] < high[second]) & (low[second] < high[first])).all(1)
        found = _significant(points, ends, first[meets], second[meets], area, share)
        if found is not None:
            return found
    return None


Pairs = tuple[Int[np.ndarray, "k"], Int[np.ndarray, "k"]]


@functools.lru_cache(maxsize=ALL_PAIRS_UP_TO)
def _all_pairs(count: int) -> Pairs:
    """Every two of a few sides."""
    return np.triu_indices(count, 1)


def _pairs(low: Float[np.ndarray, "n"], high: Float[np.ndarray, "n"]) -> Iterator[Pairs]:
    """Every two sides whose intervals of x overlap, some at a time: for each, those that begin before it ends."""
    order = np.argsort(low, kind="stable")
    reach = np.searchsorted(low[order], high[order], side="right")
    counts = np.maximum(reach - np.arange(1, len(order) + 1), 0)
    blocks = np.flatnonzero(np.diff(counts.cumsum() // PAIRS_AT_ONCE, prepend=0))
    for block in np.split(np.arange(len(order)), blocks):
        many = counts[block]
        one = np.repeat(block, many)
        other = one + 1 + np.arange(len(one)) - np.repeat(many.cumsum() - many, many)
        yield order[one], order[other]


def _significant(
    points: Float[np.ndarray, "n 2"],
    ends: Float[np.ndarray, "n 2"],
    first: Int[np.ndarray, "k"],
    second: Int[np.ndarray, "k"],
    area: float,
    share: float,
) -> tuple[int, int] | None:
    """The first of these pairs of sides that cross, and cut off more than annotation noise."""
    i, j = np.minimum(first, second), np.maximum(first, second)
    along, across = ends[i] - points[i], ends[j] - points[j]
    before, after = _cross(along, points[j] - points[i]), _cross(along, ends[j] - points[i])
    start, stop = _cross(across, points[i] - points[j]), _cross(across, ends[i] - points[j])
    proper = (before * after < 0) & (start * stop < 0)
    if not proper.any():
        return None
    i, j, start, stop, along = i[proper], j[proper], start[proper], stop[proper], along[proper]
    at = points[i] + along * (start / (start - stop))[:, None]
    sums = np.concatenate([[0.0], _cross(points, ends).cumsum()])
    loop = (_cross(at, ends[i]) + sums[j] - sums[i + 1] + _cross(points[j], at)) / 2
    rest = np.abs(sums[-1] / 2 - loop)
    loop = np.abs(loop)
    smaller, larger = np.minimum(loop, rest), np.maximum(loop, rest)
    large = (smaller > area) & (smaller > share * larger)
    return (int(i[large][0]), int(j[large][0])) if large.any() else None


def _cross(one: Float[np.ndarray, "k 2"], other: Float[np.ndarray, "k 2"]) -> Float[np.ndarray, "k"]:
    return one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
