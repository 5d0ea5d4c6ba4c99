"""Compare runs on the same pictures: scores, paired differences, speed, memory and energy, as text and as a page."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from clearsight import report
from clearsight.comparison import page
from clearsight.comparison.paired import Comparison, compared, shared
from clearsight.comparison.pictures import furthest_behind, made_by_each
from clearsight.comparison.speed import speeds
from clearsight.evaluation.judging import data_judged
from clearsight.loading import trained
from clearsight.run import Run
from clearsight.types import Dataset, Evidence, Example


def compare(*runs: Run | str | Path, out: Path | str | None = None, speed: bool = True, seed: int = 0) -> Comparison:
    """Compare runs on an evaluation that all have of the same pictures; differences are to the first.

    Args:
        out: a new file for the comparison as a page, with pictures of what each run misses, or of what each generator
            makes.
        speed: time each run on some of these pictures, in processes of their own, by turns.

    Raises:
        ValueError: fewer than two runs, or no evaluation of the same pictures (the message says how to make one).
    """
    opened = _opened(runs, out)
    name, evidence = shared(opened)
    result = compared(opened, name, evidence, seed)
    makes = trained.makes_pictures(opened[0].config.model)
    notes: list[str] = []
    dataset = None if makes else _pictures(opened[0], evidence[0], notes, timed=speed, shown=out is not None)
    if speed and (makes or dataset is not None):
        timed = zip(result.runs, speeds(opened, dataset), strict=True)
        result = replace(result, runs=tuple(replace(one, speed=quick) for one, quick in timed))
    result = replace(result, notes=tuple(notes))
    if out is None:
        return result
    if makes:
        shown: Callable[[Path], tuple[Example, ...]] = partial(made_by_each, result, opened, seed)
    else:
        shown = partial(furthest_behind, result, opened, evidence, dataset)
    return page.write(result, evidence[0].task, shown, Path(out))


def _opened(runs: Sequence[Run | str | Path], out: Path | str | None) -> list[Run]:
    opened = [trained.opened(run) for run in runs]
    if len(opened) < 2:
        raise ValueError(f"{len(opened)} run was named. Expected two or more: clearsight compare RUN RUN.")
    report.check_new(out)
    return opened


def _pictures(run: Run, evidence: Evidence, notes: list[str], *, timed: bool, shown: bool) -> Dataset | None:
    """The pictures of the run's own data that were judged, where they are of use; None, and notes why, without them."""
    if not (timed or shown):
        return None
    try:
        return data_judged(run, evidence)[1]
    except ValueError as error:
        lost = {"speed was not measured": timed, "there are no pictures": shown}
        notes += [f"{what}: {str(error).splitlines()[0]}" for what, wanted in lost.items() if wanted]
        return None
