"""The same function of many items, in as many threads as may be used: numpy computes outside of Python's lock."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

# Numbers of working arrays in all: below, threads take longer to start than they save.
WORTH_IT = 20_000_000

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Iterable[Item], numbers: int) -> list[Result]:
    """The results in order, the same as one after the other; ``numbers`` is how many are computed in all, about.

    ``OMP_NUM_THREADS`` bounds the threads, as it does elsewhere in numerical work.
    """
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    threads = int(allowed) if allowed.isdigit() and int(allowed) else os.cpu_count() or 1
    if threads < 2 or numbers < WORTH_IT:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads, thread_name_prefix="metric") as pool:
        return list(pool.map(function, items))
