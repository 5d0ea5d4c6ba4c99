"""Requests that arrive together are answered together: a bounded queue, and one thread that works it off in batches.

While the thread is busy with a batch, what arrives waits; it then takes all that waits, up to the size of a batch. So a
lone request is answered at once, and no time is spent on waiting for others.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Self


class QueueIsFull(Exception):
    """So many wait already that another would wait too long."""


class Batches:
    """Calls ``look`` with lists of up to ``most`` items, and gives each its own result. Used as a context manager.

    At most ``waiting`` items wait; ``watch`` is told the size of each batch. Where a batch fails, each of its items is
    tried alone, so that one bad picture does not fail its neighbours.
    """

    def __init__(
        self, look: Callable[[Sequence[Any]], Sequence[Any]], *, most: int, waiting: int,
        watch: Callable[[int], None] = lambda size: None,
    ) -> None:  # fmt: skip
        self.look, self.most, self.watch = look, most, watch
        self.queue: queue.Queue[tuple[Any, Future[Any]] | None] = queue.Queue(waiting)
        self.thread = threading.Thread(target=self._work, name="answers", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.queue.put(None)  # behind all that waits, which is still answered
        self.thread.join()

    def submit(self, item: Any) -> Future[Any]:
        """Queue an item; raises QueueIsFull at once where there is no room. A cancelled one is left out."""
        future: Future[Any] = Future()
        try:
            self.queue.put_nowait((item, future))
        except queue.Full as error:
            raise QueueIsFull from error
        return future

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self.queue.qsize()

    def _work(self) -> None:
        ended = False
        while not ended:
            jobs, ended = self._next()
            jobs = [job for job in jobs if job[1].set_running_or_notify_cancel()]
            if jobs:
                self.watch(len(jobs))
                self._answer(jobs)
            del jobs  # pictures are not kept while the next are waited for

    def _next(self) -> tuple[list[tuple[Any, Future[Any]]], bool]:
        jobs: list[tuple[Any, Future[Any]]] = []
        job = self.queue.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == self.most:
                return jobs, False
            try:
                job = self.queue.get_nowait()
            except queue.Empty:
                return jobs, False
        return jobs, True

    def _answer(self, jobs: Sequence[tuple[Any, Future[Any]]]) -> None:
        try:
            found = list(self.look([item for item, _ in jobs]))
        except Exception as error:
            if len(jobs) == 1:
                jobs[0][1].set_exception(error)
                return
            for job in jobs:
                self._answer([job])
            return
        for (_, future), one in zip(jobs, found, strict=True):
            future.set_result(one)
