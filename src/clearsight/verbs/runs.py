"""The runs in a folder, with what they are and how they ended."""

from dataclasses import dataclass
from pathlib import Path

from clearsight.run import RUNS, Run


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """One run in a list: where, what, how it ended, and the headline of its card where it has one."""

    path: str
    model: str
    data: str
    state: str
    created: str
    claim: str = ""


def runs(folder: Path | str = RUNS) -> tuple[RunLine, ...]:
    """The runs in a folder, by name; a damaged one is listed with what is wrong."""
    return tuple(_line(run) for run in Run.all(Path(folder)))


def _line(run: Run) -> RunLine:
    try:
        config = run.config
    except ValueError as error:
        return RunLine(path=str(run.path), model="", data="", state="damaged", created="", claim=str(error))
    try:
        claim = run.read_card().summary
    except ValueError:
        claim = ""
    return RunLine(
        path=str(run.path),
        model=config.model,
        data=config.data_name,
        state=config.state,
        created=config.created,
        claim=claim,
    )
