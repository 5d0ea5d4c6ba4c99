"""Links between pictures joined to groups (union-find), each group with the signs that tied it."""

from collections import defaultdict
from collections.abc import Iterable


class Links:
    """Groups of ``count`` things that grow as links are added."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))
        self._signs: list[tuple[int, str]] = []

    def join(self, members: Iterable[int], sign: str) -> None:
        """Put all of these into one group; ``sign`` says why."""
        several = list(members)
        for other in several[1:]:
            self._parent[self._root(other)] = self._root(several[0])
            self._signs.append((other, sign))

    def groups(self) -> dict[int, list[int]]:
        """The groups of two and more, by their first member, in order."""
        found: dict[int, list[int]] = defaultdict(list)
        for index in range(len(self._parent)):
            found[self._root(index)].append(index)
        return {mine[0]: mine for mine in found.values() if len(mine) > 1}

    def signs(self) -> dict[int, tuple[str, ...]]:
        """What tied each group, by its first member."""
        firsts = {index: first for first, mine in self.groups().items() for index in mine}
        found: dict[int, dict[str, None]] = defaultdict(dict)
        for index, sign in self._signs:
            found[firsts[index]][sign] = None
        return {first: tuple(signs) for first, signs in found.items()}

    def _root(self, index: int) -> int:
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index
