"""A seeded split for data that come without one: whole clusters on one side, every class kept in the training part."""

from collections import Counter, defaultdict
from collections.abc import Sequence, Set

import numpy as np


def held_out(clusters: Sequence[str], classes: Sequence[Set[int]], share: float, seed: int) -> list[bool]:
    """Which pictures are held out: about ``share`` of them, whole clusters only, classes in proportion.

    ``clusters`` names the cluster of each picture ("" is a cluster of its own), ``classes`` the classes it shows. A
    class stays in the training part at least once, so one that a single cluster shows is never held out. Rare classes
    are dealt first (after Sechidis et al. 2011, iterative stratification). Where everything is one cluster, nothing
    is held out.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for index, cluster in enumerate(clusters):
        members[f"named {cluster}" if cluster else f"alone {index}"].append(index)
    given = list(members)
    names = [given[i] for i in np.random.default_rng(seed).permutation(len(given))]
    shows = {name: frozenset(c for index in members[name] for c in classes[index]) for name in names}
    dealing = _Dealing(shows, {name: len(members[name]) for name in names}, round(share * len(clusters)))
    wanted = {label: max(round(share * count), int(count >= 3)) for label, count in dealing.left.items()}
    for label, _ in sorted(dealing.left.items(), key=lambda item: (item[1], item[0])):
        for name in names:
            if dealing.taken[label] >= wanted[label]:
                break
            # A cluster that brings another class above its share waits.
            if label in shows[name] and all(dealing.taken[other] < wanted[other] for other in shows[name]):
                dealing.take(name)
    for name in names:
        dealing.take(name)
    out = {index for name in dealing.out for index in members[name]}
    return [index in out for index in range(len(clusters))]


class _Dealing:
    def __init__(self, shows: dict[str, frozenset[int]], sizes: dict[str, int], target: int) -> None:
        self.shows = shows
        self.sizes = sizes
        self.room = target
        self.out: set[str] = set()
        self.left = Counter(label for labels in shows.values() for label in labels)
        self.taken: Counter[int] = Counter()

    def take(self, name: str) -> None:
        """Hold the cluster out, if there is room and each of its classes stays in the training part."""
        fits = self.sizes[name] <= self.room or (not self.out and self._small(name))
        if name in self.out or self.room <= 0 or not fits or len(self.out) + 1 >= len(self.shows):
            return
        if any(self.left[label] < 2 for label in self.shows[name]):
            return
        self.out.add(name)
        self.room -= self.sizes[name]
        self.left.subtract(self.shows[name])
        self.taken.update(self.shows[name])

    def _small(self, name: str) -> bool:
        # Better somewhat more than asked, in the smallest cluster, than nothing to judge by.
        smallest = min(self.sizes.values())
        return self.sizes[name] == smallest and smallest <= sum(self.sizes.values()) / 2
