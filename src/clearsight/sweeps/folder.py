"""The folder of a sweep: what was asked, a run for each trial, and what became of each.

    sweep.json               what was asked and which configurations are tried: a ``Design``
    trials/NUMBER/           the run of each trial
    log.jsonl                a line as each trial begins, and its ``Outcome`` as it ends
    results.json, report.html    the results

The trials are settled before the first begins, and each line is on the disk before the next trial begins: a sweep that
was killed goes on with the same trials, those that ended are not run again, and one that had begun goes on where its
run was saved last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from clearsight.files import durable
from clearsight.files.design_folder import DesignFolder
from clearsight.files.records import from_json, to_json
from clearsight.sweeps.space import Parameter
from clearsight.types import Cost

MOST_BEGINNINGS = 5  # of a trial that never ends, because it takes its process with it


@dataclass(frozen=True, kw_only=True)
class Design:
    """What was asked, in plain values, and the configurations that are tried, each with every seed.

    ``settings`` are those that all trials have in common; one of ``epochs``, ``minutes`` and ``kwh`` is the budget of
    a trial. ``pretrained`` is empty, "hub" or a file. ``splits`` are those of the data, whose fingerprint all trials
    must find.
    """

    model: str
    data: str
    fingerprint: str
    splits: tuple[str, ...]
    space: tuple[Parameter, ...]
    configurations: tuple[Mapping[str, str], ...]
    seeds: tuple[int, ...]
    settings: Mapping[str, Any]
    epochs: float | None = None
    minutes: float | None = None
    kwh: float | None = None
    backbone: str | None = None
    pretrained: str = ""
    attributes: str | None = None
    target: str | None = None
    cluster: str = "auto"
    resplit: bool = False
    skip_bad: bool = False
    zone: str | None = None

    @property
    def trials(self) -> tuple["Trial", ...]:
        """Every trial: all configurations with the first seed, then with the next."""
        pairs = [(seed, place) for seed in self.seeds for place in range(len(self.configurations))]
        return tuple(
            Trial(number=number, configuration=place, seed=seed, settings=self.configurations[place])
            for number, (seed, place) in enumerate(pairs, start=1)
        )


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training: its number from 1 on, the place of its configuration, its seed, and its settings."""

    number: int
    configuration: int
    seed: int
    settings: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a trial: its score and the names of the evidence it is chosen and judged by, or its error."""

    trial: int
    state: Literal["finished", "failed"]
    cost: Cost | None
    score: float | None = None
    chosen_by: str = ""
    judged_by: str = ""
    error: str = ""


@dataclass(frozen=True)
class Folder(DesignFolder[Design]):
    """A sweep's folder."""

    kind: ClassVar[str] = "sweep"
    made_by: ClassVar[str] = "clearsight sweep"
    file: ClassVar[str] = "sweep.json"
    design_type: ClassVar[type] = Design
    rooms: ClassVar[tuple[str, ...]] = ("trials",)

    def run_of(self, number: int) -> Path:
        """The run folder of a trial."""
        return self.path / "trials" / f"{number:03d}"

    def begins(self, number: int) -> None:
        """Note that a trial begins, or goes on."""
        durable.append_line(self.path / "log.jsonl", {"begins": number})

    def ends(self, outcome: Outcome) -> None:
        """Note what became of a trial."""
        durable.append_line(self.path / "log.jsonl", {"outcome": to_json(outcome)})

    def outcomes(self) -> dict[int, Outcome]:
        """What became of each trial that ended, by its number; the first ending counts."""
        found: dict[int, Outcome] = {}
        for row in durable.read_lines(self.path / "log.jsonl"):
            if "outcome" in row:
                one = from_json(Outcome, row["outcome"], "log.jsonl")
                found.setdefault(one.trial, one)
        return found

    def waiting(self) -> tuple[list[int], list[int]]:
        """The trials that are still to be run, in order, and those given up: they began often and never ended."""
        ended = self.outcomes()
        rows = [row["begins"] for row in durable.read_lines(self.path / "log.jsonl") if "begins" in row]
        left = [trial.number for trial in self.design.trials if trial.number not in ended]
        given_up = [number for number in left if rows.count(number) >= MOST_BEGINNINGS]
        return [number for number in left if number not in given_up], given_up
