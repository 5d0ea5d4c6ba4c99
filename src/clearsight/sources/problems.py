"""What is wrong with the data a user brought: gathered while reading, raised once, or listed where the user says so."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

FIRST = 10


class DataError(ValueError):
    """The data cannot be used as they are; the message says what was found, what was expected and how to fix it."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One fault: its kind in plain words, where it is (a file, an id), and the detail."""

    kind: str
    where: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{shown(self.where)}: {self.kind}" + (f" ({shown(self.detail)})" if self.detail else "")


@dataclass(kw_only=True)
class Problems:
    """The faults of one read (they stop it, unless bad pictures are to be skipped) and its notes (they never do)."""

    faults: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, kind: str, where: str, detail: str = "") -> None:
        """Gather one fault."""
        self.faults.append(Problem(kind=kind, where=where, detail=detail))

    def note(self, text: str) -> None:
        """Gather one thing the reader should know that is no fault, such as clipped boxes."""
        self.notes.append(text)

    def settle(self, name: str, skip_bad: bool) -> tuple[str, ...]:
        """The lines for ``Source.problems``; raises DataError where there are faults and they are not to be skipped."""
        if self.faults and not skip_bad:
            raise DataError(message(name, self.faults))
        left_out = tuple(f"left out: {problem}" for problem in self.faults)
        return left_out + tuple(self.notes)


def message(name: str, faults: Iterable[Problem]) -> str:
    """One message for all faults: the count by kind, the first ten, and what to do."""
    faults = list(faults)
    counts = Counter(problem.kind for problem in faults)
    kinds = ", ".join(f"{count} x {kind}" for kind, count in counts.most_common())
    return (
        f"{shown(name)} has {len(faults)} problem{'s' * (len(faults) > 1)}: {kinds}.\n"
        + listed([str(problem) for problem in faults])
        + "\nFix these files, or leave the bad pictures and boxes out with --skip-bad (skip_bad=True): "
        "they are then listed in the card."
    )


def listed(lines: list[str]) -> str:
    """The first ten lines, indented, and how many more there are."""
    more = [f"  ... and {len(lines) - FIRST} more"] if len(lines) > FIRST else []
    return "\n".join([f"  {line}" for line in lines[:FIRST]] + more)


def shown(text: object, limit: int = 200) -> str:
    """Text from a user's files, made fit for a terminal: one line, no control characters, not endless."""
    words = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text)[: limit + 1])
    return words if len(words) <= limit else words[: limit - 3] + "..."
