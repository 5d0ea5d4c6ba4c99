"""What a tracker is, and how a line of the log becomes the named numbers that all of them take."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from clearsight.quantities import number
from clearsight.run import State

_RANGE = ("low", "middle", "high")


@runtime_checkable
class Tracker(Protocol):
    """Where the lines of a run's log go besides the run folder, as they are written.

    ``write`` takes the finite numbers and the texts of a line by name, and the step it tells of; ``close`` how the
    training ended. Built as ``Tracker(run, step)``: the run, and the step it goes on from.
    """

    def write(self, numbers: Mapping[str, float], texts: Mapping[str, str], step: int) -> None:
        """One line of the log."""
        ...

    def close(self, state: State) -> None:
        """The end of the training."""
        ...


def numbers_of(record: Mapping[str, Any], above: str = "") -> dict[str, float]:
    """The finite numbers of a line by name: parts of parts as ``losses/box``, ranges as ``cost/kwh/low``."""
    found: dict[str, float] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            found |= numbers_of(value, f"{above}{name}/")
        elif isinstance(value, Sequence) and not isinstance(value, str) and len(value) == len(_RANGE):
            found |= numbers_of(dict(zip(_RANGE, value, strict=True)), f"{above}{name}/")
        elif (known := number(value)) is not None:
            found[f"{above}{name}"] = known
    return found


def first_line(error: Exception) -> str:
    """What an error says first, to stand within a sentence; its type where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
