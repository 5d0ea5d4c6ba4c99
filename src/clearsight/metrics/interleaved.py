"""Lists of unequal length, one row of an array for each of their places, so that one operation takes a step in all.

The first places of all lists come first, then the second ones, and so on; at each place the longest list is first. So
the lists that go on to a place are the first of those at the place before it, and a running sum or maximum of many
lists takes as many operations as the longest list has places.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array

Rows = TypeVar("Rows", np.ndarray, csr_array)


@dataclass(frozen=True, kw_only=True)
class Interleaved:
    """The order of rows of several lists: ``order`` holds their numbers as counted list by list.

    ``firsts`` are the lists that are not empty in the order of their first rows; ``steps`` the slices of a place and,
    of the place before it, of the same lists.
    """

    order: Int[np.ndarray, "rows"]
    firsts: Int[np.ndarray, "lists"]
    steps: tuple[tuple[slice, slice], ...]

    @classmethod
    def of(cls, sizes: Int[np.ndarray, "all_lists"]) -> "Interleaved":
        """The order for lists of so many rows each."""
        longest = np.argsort(-sizes, kind="stable")
        rank = np.empty_like(longest)
        rank[longest] = np.arange(len(sizes))
        place = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        going_on = np.bincount(place)
        edges = np.append(0, np.cumsum(going_on))
        order = np.empty_like(place)
        order[edges[place] + np.repeat(rank, sizes)] = np.arange(len(place))
        starts, counts = edges[:-1].tolist(), going_on.tolist()
        steps = tuple(
            (slice(start, start + count), slice(before, before + count))
            for before, start, count in zip(starts[:-1], starts[1:], counts[1:], strict=True)
        )
        return cls(order=order, firsts=longest[: counts[0] if counts else 0], steps=steps)

    def running_sums(self, rows: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        """The sums over each list up to every place, in place."""
        for own, before in self.steps:
            rows[own] += rows[before]
        return rows

    def highest_from_here(self, rows: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        """The maximum over each list from every place on, in place."""
        for own, before in reversed(self.steps):
            np.maximum(rows[before], rows[own], out=rows[before])
        return rows

    def falls(self, rows: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        """Each row less the next of its list, in place; the last stays."""
        for own, before in self.steps:
            rows[before] -= rows[own]
        return rows

    def sums(self, rows: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "lists columns"]:
        """The sum over each list, in the order of ``firsts``; overwrites the rows."""
        first = rows[: len(self.firsts)]
        for own, _ in self.steps:
            first[: own.stop - own.start] += rows[own]
        return first
