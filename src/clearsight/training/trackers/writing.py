"""Trackers by the names a user says, and lines written to them without harm to the training."""

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from clearsight.run import Run, State
from clearsight.training.session import Interrupted
from clearsight.training.trackers.mlflow import MLflow
from clearsight.training.trackers.tensorboard import TensorBoard
from clearsight.training.trackers.tracker import Tracker, first_line, numbers_of

_TRACKERS: Mapping[str, Callable[[Run, int], Tracker]] = {"tensorboard": TensorBoard, "mlflow": MLflow}
NAMES = tuple(_TRACKERS)
Line = Mapping[str, Any]


def check(name: str | None) -> None:
    """Raises ValueError for a tracker that is none, or is not installed; None is no tracker."""
    if name is None:
        return
    if name not in _TRACKERS:
        raise ValueError(f"there is no tracker {name!r}. Expected {' or '.join(NAMES)}, or nothing to log to none.")
    if importlib.util.find_spec(name) is None:
        raise ValueError(
            f"{name} is not installed, which --log-to {name} writes with. In the folder of clearsight's source: "
            f"pip install '.[{name}]'."
        )


@contextmanager
def opened(name: str | None, run: Run, step: int) -> Iterator[Callable[[Line], None]]:
    """A function that writes a line of the log to the tracker of that name, which is told at last how it ended.

    A tracker that fails, such as a server that has gone, is said once and left alone: the training goes on, and every
    line is in the run's own log.
    """
    if name is None:
        yield lambda line: None
        return
    writer = _Writer(name, _TRACKERS[name](run, step))
    state: State = "finished"
    try:
        yield writer.line
    except BaseException as error:
        state = "interrupted" if isinstance(error, Interrupted | KeyboardInterrupt) else "failed"
        raise
    finally:
        writer.attempt(lambda tracker: tracker.close(state))


class _Writer:
    """A tracker that is used until it fails."""

    def __init__(self, name: str, tracker: Tracker) -> None:
        self._name = name
        self._tracker: Tracker | None = tracker

    def line(self, record: Line) -> None:
        """One line of the log; one that tells of no step belongs to the beginning."""
        step = int(record.get("step", record.get("saved", 0)))
        texts = {key: value for key, value in record.items() if isinstance(value, str)}
        numbers = numbers_of({key: value for key, value in record.items() if key not in ("step", "saved")})
        self.attempt(lambda tracker: tracker.write(numbers, texts, step))

    def attempt(self, action: Callable[[Tracker], None]) -> None:
        if self._tracker is None:
            return
        try:
            action(self._tracker)
        except Exception as error:  # whatever it is, hours of training matter more
            self._tracker = None
            print(
                f"warning: {self._name} took no more lines ({first_line(error)}). The training goes on; every line is "
                "in the run's log.jsonl.",
                file=sys.stderr,
            )
