"""Progress: a bar in a terminal or a notebook, a line now and then elsewhere, nothing if quiet."""

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

Watch = Callable[[int, int], None]


def live() -> bool:
    """Whether a bar can be drawn: on a terminal, or in a notebook with ipywidgets, which rich draws with there."""
    return sys.stderr.isatty() or (Console().is_jupyter and importlib.util.find_spec("ipywidgets") is not None)


def progress(*columns: ProgressColumn) -> Progress:
    """A bar on stderr, or below the cell of a notebook, that vanishes when it is done."""
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
    """A bar for a stage: yields a function to call with ``(done, total)``, the total None where unknown."""
    if quiet or not live():
        yield lambda done, total: None
        return
    with progress(TimeRemainingColumn()) as shown:
        bar = shown.add_task(name, total=None)
        yield lambda done, total: shown.update(bar, completed=done, total=total)
