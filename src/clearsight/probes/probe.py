"""What a probe is: a table of questions, the order in which they are asked, and how replies become evidence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from clearsight.types import Evidence, Finding, Question

Row = Mapping[str, str]
Ask = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One message to the system: its text, the row of the table it is of, and when in the probe it is sent."""

    text: str
    row: int
    phase: str = ""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One reply, and in a word or two how it was read; empty where it is not judged."""

    id: str
    phase: str
    prompt: str
    reply: str
    read_as: str = ""


@dataclass(frozen=True, kw_only=True)
class Judging:
    """The user's choices: a list of hostile words, the share of mistakes that is tolerated, and the intervals."""

    hostile_words: tuple[str, ...] = ()
    tolerated: float = 0.1
    replicates: int = 1000
    confidence: float = 0.95
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Statistics of a probe: for every judged reply some numbers by name, NaN where one does not apply."""

    values: Mapping[str, Float[np.ndarray, "replies"]]

    @property
    def images(self) -> int:
        """How many replies: the length of a row of weights."""
        return len(next(iter(self.values.values())))


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One probe of a language system.

    ``columns`` are those of its table, each with the words it may hold (none: any text); ``cluster`` is the column
    whose equal values belong together. ``turns(rows)`` gives the messages in order, ``judge(rows, turns, replies,
    judging)`` the evidence and how each reply was read, and ``findings(evidence, judging)`` what that shows.
    ``references`` are small systems, good and bad, each made from the rows.
    """

    name: str
    title: str
    asked: Mapping[Question, str]
    sample: Path
    columns: Mapping[str, tuple[str, ...]]
    cluster: str
    turns: Callable[[Sequence[Row]], Sequence[Turn]]
    judge: Callable[[Sequence[Row], Sequence[Turn], Sequence[str], Judging], tuple[Evidence, tuple[str, ...]]]
    findings: Callable[[Evidence, Judging], tuple[Finding, ...]]
    references: Mapping[str, Callable[[Sequence[Row]], Ask]]
