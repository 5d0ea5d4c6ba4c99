"""The bar of a training: loss, score, time left and energy; a line now and then where no bar can be drawn."""

import sys
import time
from typing import Self

from rich.progress import TextColumn

from clearsight.console.progress import live, progress
from clearsight.run import Run
from clearsight.training.loop import Moment

LINE_EVERY_S = 30.0


class TrainingBar:
    """Loss, score, time left and kWh of a training."""

    def __init__(self, run: Run, quiet: bool = False) -> None:
        self.run, self.quiet = run, quiet
        self._live = not quiet and live()
        self._spoke = time.monotonic()
        self._bar = progress(TextColumn("{task.fields[state]}"))

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
