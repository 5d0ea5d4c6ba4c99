"""Make a trained classifier serve its groups more alike, and measure what that gains and costs."""

import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from clearsight import catalogue
from clearsight.console.signals import signals
from clearsight.energy.grid import carbon, find_zone
from clearsight.energy.meter import Meter
from clearsight.evaluation.judging import gathered_for, read_for
from clearsight.loading import division, trained
from clearsight.loading.data import Gathered
from clearsight.run import Run
from clearsight.sources import Source, records_of
from clearsight.training import loop
from clearsight.worst_groups import outcome, results, trials
from clearsight.worst_groups.figures import figures_of
from clearsight.worst_groups.grouping import FIGURES_AT_LEAST, Grouping, check_judged, grouping_of, judged_cells
from clearsight.worst_groups.material import material_of
from clearsight.worst_groups.retraining import budget_of

DEFAULT = ("last-layer",)
QUICK = ("last-layer", "group-thresholds")  # the others train anew


def mitigate(
    run: Run | str | Path,
    data: str | Path | None = None,
    *,
    by: Sequence[str] = (),
    only: Sequence[str] = DEFAULT,
    minutes: float | None = None,
    epochs: float | None = None,
    attributes: Path | str | None = None,
    out: Path | str | None = None,
    zone: str | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> results.Mitigated:
    """Try mitigations on a trained classifier, choose one, and judge it on pictures that had no part in that.

    The run stays as it is; the mitigated model is a new run, which is judged on its own data as it was here.

    Args:
        data: the data of the run, which it is by default. by: the attributes whose groups are to be served alike, each
            together with every class; ``class`` for the classes alone.
        only: the mitigations to try: ``last-layer`` unless said. Those that train anew take as many steps as the run
            did, unless ``minutes`` or ``epochs`` of each say otherwise.
        attributes: a table of groups by picture, where the run was trained without. out: the new folder.

    Raises:
        ValueError: whatever the user can mend, in one message; ``KeyboardInterrupt`` when stopped by a signal.
    """
    run = trained.opened(run)
    place = Path(out) if out is not None else Path(f"{run.path}-mitigated")
    _check(run, place, only, minutes, epochs)
    zone = None if zone is None else find_zone(zone).code
    gathered = _read(run, data, attributes, lambda source: _check_groups(source, by, seed))
    source = gathered.source
    grouping, parts, divided = _divided(source, by, seed)
    coded = grouping.coded(records_of(divided.split("test")))
    judged = judged_cells(coded, FIGURES_AT_LEAST)
    budget = None if set(only) <= set(QUICK) else budget_of(run, len(source.split("train")), minutes, epochs)
    try:
        with signals() as stop, Meter() as meter:
            found = material_of(run, gathered, grouping, parts, seed, quiet)
            candidates = trials.tried(only, found, budget, meter, stop, quiet)
            best = trials.chosen(candidates)
            table = None if attributes is None else str(attributes)
            pair = outcome.evaluations(place, best, found, divided, meter, table, quiet)
        figures = None if pair is None else figures_of(*pair, judged, coded.cells, grouping, seed)
        cost = meter.cost() if zone is None else carbon(meter.cost(), zone)
        return outcome.written(place, best, candidates, found, figures, cost, divided)
    except BaseException as error:
        shutil.rmtree(place, ignore_errors=True)  # it was not there before, and what is in it is not whole
        # Nothing is kept of a training that did not end, so there is nothing to go on with.
        if isinstance(error, loop.Interrupted):
            raise KeyboardInterrupt from None
        raise


def _check(run: Run, place: Path, only: Sequence[str], minutes: float | None, epochs: float | None) -> None:
    """Fail before anything is read where what was asked cannot be."""
    known = [part.name for part in catalogue.parts("mitigations")]
    if not only:
        raise ValueError(f"nothing to try. Name mitigations with --only, of: {', '.join(known)}.")
    for name in only:
        catalogue.find("mitigations", name)
    if len(set(only)) < len(only):
        raise ValueError(f"a mitigation is named twice in {', '.join(only)}. Name each once.")
    config = run.config
    if config.settings.get("table") or config.task != "classification":
        what = "learns from a table" if config.settings.get("table") else f"does {config.task}"
        raise ValueError(
            f"{run.path} {what}. Mitigations are for models that name one class for each picture. "
            f"`clearsight audit {run.path} --by ATTRIBUTE` shows the groups of any model."
        )
    if division.kept(run) is not None:
        raise ValueError(
            f"{run.path} is a mitigated model already, and the pictures that are left gave its figures: a second "
            f"choice would see them. Mitigate {config.settings['mitigation']['run']} with other choices instead."
        )
    _check_budget(only, minutes, epochs)
    if place.exists():
        raise ValueError(f"{place} exists. The mitigated model needs a new folder: choose another with --out.")


def _check_budget(only: Sequence[str], minutes: float | None, epochs: float | None) -> None:
    for name, value in (("minutes", minutes), ("epochs", epochs)):
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name} is {value}. Expected a number above 0.")
        if value is not None and set(only) <= set(QUICK):
            raise ValueError(f"{' and '.join(only)} do not train anew, so there is no use for --{name}. Leave it out.")
    if minutes is not None and epochs is not None:
        raise ValueError("minutes and epochs were both given. Expected one budget.")


def _divided(source: Source, by: Sequence[str], seed: int) -> tuple[Grouping, division.Division, Source]:
    """The groups, the held-out pictures by what they are for, and the source divided so."""
    grouping = grouping_of(source, by)
    cells = {name: grouping.coded(records_of(one)).cells for name, one in source.splits.items()}
    parts = division.division_of(source, cells, seed)
    return grouping, parts, division.divided(source, parts)


def _check_groups(source: Source, by: Sequence[str], seed: int) -> None:
    """Fail before pictures are decoded where the groups are not there, or too small to be judged."""
    grouping, _, divided = _divided(source, by, seed)
    coded = grouping.coded(records_of(divided.split("test")))
    check_judged(judged_cells(coded, FIGURES_AT_LEAST), "pictures for the figures", FIGURES_AT_LEAST)


def _read(
    run: Run, data: str | Path | None, attributes: Path | str | None, check: Callable[[Source], None]
) -> Gathered:
    """The run's own data, with the groups of another table where one is given."""
    config, place = run.config, run.config.data if data is None else data
    own = read_for(run, place, None, False) if attributes is not None else None
    gathered = gathered_for(run, place, attributes, False, check=check)
    source = gathered.source
    if (own or source).fingerprint != config.fingerprint:
        raise ValueError(
            f"{place} is not what {run.path} was trained on, so it may have learnt from the very pictures it would be "
            f"judged on. Expected {config.data}, unchanged."
        )
    if own is not None and _ids(own) != _ids(source):
        raise ValueError(
            f"with {attributes} other pictures are held out than when {run.path} was trained, because the table says "
            "which pictures belong together. Leave that column out, or train a run with the table."
        )
    return gathered


def _ids(source: Source) -> dict[str, list[str]]:
    return {name: [record.id for record in records_of(one)] for name, one in source.splits.items()}
