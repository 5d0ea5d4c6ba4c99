"""The runs in a folder, with what they are and how they ended."""

from dataclasses import dataclass
from pathlib import Path

from clearsight.run import RUNS, Run


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """One run in a list: where, what, how it ended, and of its card, where it has one, summary and headline score.

    ``value`` and ``interval`` (95%) are those of ``metric``; None where it is not defined.
    """

    path: str
    model: str
    data: str
    state: str
    created: str
    claim: str = ""
    metric: str = ""
    value: float | None = None
    interval: tuple[float, float] | None = None


def runs(folder: Path | str = RUNS) -> tuple[RunLine, ...]:
    """The runs in a folder, by name; a damaged one is listed with what is wrong."""
    return tuple(_line(run) for run in Run.all(Path(folder)))


def _line(run: Run) -> RunLine:
    try:
        config = run.config
    except ValueError as error:
        return RunLine(path=str(run.path), model="", data="", state="damaged", created="", claim=str(error))
    try:
        card = run.read_card()
    except ValueError:
        card = None
    first = next((one for one in card.findings if one.question == "what it does"), None) if card else None
    return RunLine(
        path=str(run.path),
        model=config.model,
        data=config.data_name,
        state=config.state,
        created=config.created,
        claim=card.summary if card else "",
        metric=first.metric if first else "",
        value=first.value if first else None,
        interval=first.interval if first else None,
    )
