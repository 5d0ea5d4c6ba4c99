"""Decisions about doubted labels, one line of a file each: the last about a label counts, and none is ever lost.

A line is appended and flushed to the disk before a person sees that it was taken, and a line that was torn by a killed
process is left out when the file is read.
"""

import datetime
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from clearsight.corrections.changes import Change
from clearsight.files import durable
from clearsight.files.records import from_json, to_json

What = Literal["accepted", "rejected", "dropped", "open"]
WHATS: tuple[What, ...] = ("accepted", "rejected", "dropped", "open")
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided about one doubted label, which ``key`` names: a change, or that the label is right.

    ``fingerprint`` is that of the data the picture is of. ``decided`` is when; "open" takes the former decision back.
    ``left`` is how many doubts about the picture were open then.
    """

    key: str
    id: str
    what: What
    change: Change | None
    fingerprint: str
    kind: str = ""
    left: int = 0
    decided: str = ""
    version: int = VERSION


@dataclass(kw_only=True)
class Decisions:
    """The decisions in a file about the data with one fingerprint; those about other data stay as they are."""

    path: Path
    fingerprint: str
    _found: dict[str, Decision] = field(default_factory=dict)
    _left: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def open(cls, path: Path, fingerprint: str) -> "Decisions":
        """The decisions of a file that exists, or will; raises ValueError where it cannot be read."""
        decisions = cls(path=path, fingerprint=fingerprint)
        for number, line in enumerate(durable.read_lines(path), start=1):
            if line.get("version") != VERSION:
                raise ValueError(
                    f"{path} line {number} is no decision of this version. Expected a file that `clearsight browse` "
                    "wrote. Name another with --corrections."
                )
            one = from_json(Decision, line, f"{path.name} line {number}")
            if one.fingerprint == fingerprint:
                decisions._take(one)
        return decisions

    def take(self, decision: Decision) -> Decision:
        """Keep a decision, on the disk before here; raises ValueError where the file cannot be written."""
        dated = replace(decision, decided=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
        with self._lock:
            durable.make_folder(self.path.parent, self.path)
            durable.append_line(self.path, to_json(dated))
            self._take(dated)
        return dated

    def _take(self, decision: Decision) -> None:
        self._found.pop(decision.key, None)
        self._left[decision.id] = decision.left
        if decision.what != "open":
            self._found[decision.key] = decision

    def about(self, key: str) -> Decision | None:
        """What was decided about a label; None where nothing was."""
        return self._found.get(key)

    @property
    def settled(self) -> set[str]:
        """The pictures about which nothing is open any more."""
        return {id for id, left in self._left.items() if not left}

    @property
    def last(self) -> Decision | None:
        """The decision that was taken last."""
        return next(reversed(self._found.values()), None)

    def changes(self) -> list[Change]:
        """The changes that were decided on, the oldest first."""
        return [one.change for one in self._found.values() if one.change is not None]

    def counts(self) -> dict[What, int]:
        """How many decisions there are of each kind."""
        taken = [one.what for one in self._found.values()]
        return {what: taken.count(what) for what in WHATS if what != "open"}
