"""Lists of unequal length, one row of an array for each of their places, so that one operation takes a step in all.

The first places of all lists come first, then the second ones, and so on; at each place the longest list is first. So
the lists that go on to a place are the first of those at the place before it, and a running sum or maximum of many
lists takes as many operations as the longest list has places.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, kw_only=True)
class Interleaved:
    """The order of rows of several lists: ``order`` holds their numbers as counted list by list.

    ``firsts`` are the lists that are not empty, in the order of their first rows, and ``lasts`` the last row of each.
    ``steps`` are the slices of a place and, of the place before it, of the same lists.
    """

    order: Int[np.ndarray, "rows"]
    firsts: Int[np.ndarray, "lists"]
    lasts: Int[np.ndarray, "lists"]
    steps: tuple[tuple[slice, slice], ...]

    @classmethod
    def of(cls, sizes: Int[np.ndarray, "all_lists"]) -> "Interleaved":
        """The order for lists of so many rows each."""
        longest = np.argsort(-sizes, kind="stable")
        rank = np.empty_like(longest)
        rank[longest] = np.arange(len(sizes))
        place = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        going_on = np.bincount(place, minlength=1)
        edges = np.append(0, np.cumsum(going_on))
        order = np.empty_like(place)
        order[edges[place] + np.repeat(rank, sizes)] = np.arange(len(place))
        starts, stops = edges[1:-1], edges[2:]
        own = map(slice, starts.tolist(), stops.tolist())
        before = map(slice, edges[:-2].tolist(), (edges[:-2] + going_on[1:]).tolist())
        firsts = longest[: going_on[0]]
        lasts = edges[sizes[firsts] - 1] + np.arange(len(firsts))
        return cls(order=order, firsts=firsts, lasts=lasts, steps=tuple(zip(own, before, strict=True)))

    def running_sums(self, rows: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        """The sums over each list up to every place, in place."""
        for own, before in self.steps:
            rows[own] += rows[before]
        return rows

    def under_envelope(
        self, heights: Float[np.ndarray, "rows columns"], reached: Float[np.ndarray, "rows columns"]
    ) -> Float[np.ndarray, "lists columns"]:
        """The area under each list's envelope, by list as in ``firsts``; overwrites ``heights`` with the envelope.

        The envelope is the maximum of the ``heights`` from a place on; ``reached`` is where a place ends, from 0 on. As
        the sum of the falls of what never rises, each times what is reached before it, the area has no cancellation.
        """
        area = heights[self.lasts] * reached[self.lasts]
        for own, before in reversed(self.steps):
            fall = np.maximum(heights[before], heights[own], out=heights[before]) - heights[own]
            fall *= reached[before]
            area[: len(fall)] += fall
        return area
