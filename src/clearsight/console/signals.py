"""Stopping a training: SIGINT (Ctrl-C) or SIGTERM ends it after the current step, saved; a second one at once."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from typing import Any


class Stop:
    """Whether a signal asked the run to stop; ``pass_on`` forwards it to the child processes."""

    def __init__(self, pass_on: bool = False) -> None:
        self._asked, self._pass_on = False, pass_on

    def asked(self) -> bool:
        """Whether it was."""
        return self._asked

    def ask(self, number: int, frame: Any) -> None:
        """The signal's handler."""
        if self._asked:  # a second signal stops at once
            raise KeyboardInterrupt
        self._asked = True
        if self._pass_on and number == signal.SIGTERM:  # a terminal sends Ctrl-C to all of them itself
            for child in multiprocessing.active_children():
                if child.pid is not None:
                    os.kill(child.pid, number)


@contextlib.contextmanager
def signals(pass_on: bool = False) -> Iterator[Stop]:
    """Catch SIGINT and SIGTERM for a block."""
    stop = Stop(pass_on)
    try:
        former = {number: signal.signal(number, stop.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread, as in a notebook's worker: it cannot catch signals
        former = {}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
