"""What was made lately is kept in a bounded memory: a person goes forth and back between few pages."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """The latest of what was made, up to a total size, and one at least. Safe from any thread.

    Nobody waits while something is made: what two threads ask for at once may be made by both, and one of them is kept.
    """

    def __init__(self, most: int, size: Callable[[T], int] = lambda one: 1):
        self._most, self._size = most, size
        self._found: OrderedDict[Hashable, T] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def of(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made for a key, or is made now."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        made = make()
        with self._lock:
            if key not in self._found:
                self._found[key] = made
                self._total += self._size(made)
            while self._total > self._most and len(self._found) > 1:
                self._total -= self._size(self._found.popitem(last=False)[1])
        return made
