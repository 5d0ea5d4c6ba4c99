"""What a person sees while waiting, on stderr: a bar in a terminal, a line now and then elsewhere, nothing if quiet."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from clearsight.loop import Moment
from clearsight.run import Run

LINE_EVERY_S = 30.0

Watch = Callable[[int, int], None]


def _progress(*columns: ProgressColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        TaskProgressColumn(),
        *columns,
        console=Console(stderr=True),
        transient=True,
    )


@contextlib.contextmanager
def stage(name: str, quiet: bool = False) -> Iterator[Callable[[int, int | None], None]]:
    """A bar for a stage whose parts are counted: call what it gives with ``(done, total)``, None where unknown."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    with _progress(TimeRemainingColumn()) as progress:
        bar = progress.add_task(name, total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)


class TrainingBar:
    """Loss, score, time left and kWh of a training."""

    def __init__(self, run: Run, quiet: bool = False) -> None:
        self.run, self.quiet = run, quiet
        self._live = sys.stderr.isatty() and not quiet
        self._spoke = time.monotonic()
        self._bar = _progress(TextColumn("{task.fields[state]}"))

    def __enter__(self) -> Self:
        if not self.quiet:
            print(f"training into {self.run.path}", file=sys.stderr)
        if self._live:
            self._bar.start()
            self._task = self._bar.add_task("training", total=1.0, state="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._bar.stop()

    def show(self, moment: Moment) -> None:
        """The state after a step."""
        if self._live:
            self._bar.update(self._task, completed=moment.progress, state=said(moment))
        elif not self.quiet and time.monotonic() - self._spoke > LINE_EVERY_S:
            self._spoke = time.monotonic()
            print(f"training {moment.progress:4.0%}  step {moment.step}  {said(moment)}", file=sys.stderr)


def said(moment: Moment) -> str:
    """A moment in a few words."""
    words = ["  ".join(f"{name} {value:.3f}" for name, value in moment.losses.items())]
    if moment.score is not None:
        words.append(f"score {moment.score:.3f}")
    if moment.seconds_left is not None:
        minutes, seconds = divmod(round(moment.seconds_left), 60)
        words.append(f"{minutes}:{seconds:02d} left")
    words.append(f"{moment.kwh:.4f} kWh")
    return "  ".join(words)
