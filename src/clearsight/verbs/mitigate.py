"""Make a trained classifier serve its groups more alike, and measure what that gains and costs."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from clearsight import catalogue
from clearsight.console.progress import stage
from clearsight.console.signals import signals
from clearsight.energy.grid import carbon, find_zone
from clearsight.energy.meter import Meter, add
from clearsight.evaluation import evaluator
from clearsight.evaluation.conclusion import conclude
from clearsight.evaluation.judging import gathered_for, read_for
from clearsight.loading import division, trained
from clearsight.loading.data import Gathered
from clearsight.run import Run
from clearsight.sources import Source, records_of
from clearsight.training import loop
from clearsight.types import Cost, Evidence
from clearsight.worst_groups import material, results, trials
from clearsight.worst_groups.figures import Figures, figures_of, with_offsets
from clearsight.worst_groups.grouping import FIGURES_AT_LEAST, check_judged, grouping_of, judged_cells
from clearsight.worst_groups.retraining import budget_of
from clearsight.worst_groups.trials import Candidate

DEFAULT = ("last-layer",)
QUICK = ("last-layer", "group-thresholds")  # the others train anew


def mitigate(
    run: Run | str | Path,
    data: str | Path | None = None,
    *,
    by: Sequence[str],
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
    place = Path(out) if out is not None else run.path.with_name(f"{run.name}-mitigated")
    _check(run, place, only, minutes, epochs)
    zone = None if zone is None else find_zone(zone).code
    gathered = _read(run, data, attributes)
    source = gathered.source
    grouping = grouping_of(source, by)
    cells = {name: grouping.coded(records_of(one)).cells for name, one in source.splits.items()}
    parts = division.division_of(source, cells, seed)
    divided = division.divided(source, parts)
    coded = grouping.coded(records_of(divided.split("test")))
    judged = judged_cells(coded, FIGURES_AT_LEAST)
    check_judged(judged, "pictures for the figures", FIGURES_AT_LEAST)
    try:
        with signals() as stop, Meter() as meter:
            found = material.material_of(run, gathered, grouping, parts, seed, quiet)
            budget = loop.Budget(epochs=1.0) if set(only) <= set(QUICK) else budget_of(
                run, len(source.split("train")), minutes, epochs
            )  # fmt: skip
            candidates = trials.tried(only, found, budget, meter, stop, quiet)
            best = trials.chosen(candidates)
            before, after = _evaluations(
                run, place, best, found, replace(gathered, source=divided), meter, attributes, quiet
            )
        figures = None if after is None else figures_of(before, after, judged, coded.cells, grouping, seed)
        cost = meter.cost() if zone is None else carbon(meter.cost(), zone)
        counts = {name: len(getattr(parts, name)) for name in division.PARTS}
        return _written(
            run, place, best, candidates, found, figures, cost, {"train": len(source.split("train")), **counts}, divided
        )
    except loop.Interrupted:  # nothing is kept of a training that did not end, so there is nothing to go on with
        raise KeyboardInterrupt from None


def _check(run: Run, place: Path, only: Sequence[str], minutes: float | None, epochs: float | None) -> None:
    """Fail before anything is read where what was asked cannot be."""
    known = [part.name for part in catalogue.parts("mitigations")]
    if not only:
        raise ValueError(f"nothing to try. Name mitigations with --only, of: {', '.join(known)}.")
    for name in only:
        catalogue.find("mitigations", name)
    material.check_names(only, known)
    config = run.config
    if config.settings.get("table") or config.task != "classification":
        what = "learns from a table" if config.settings.get("table") else f"does {config.task}"
        raise ValueError(
            f"{run.path} {what}. Mitigations are for models that name one class for each picture. "
            f"`clearsight audit {run.path} --by ATTRIBUTE` shows the groups of any model."
        )
    if division.kept(run) is not None:
        raise ValueError(
            f"{run.path} is a mitigated model already, and the pictures that are left were its figures: a second choice "
            f"would see them. Mitigate {config.settings['mitigation']['run']} with other choices instead."
        )
    for name, value in (("minutes", minutes), ("epochs", epochs)):
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name} is {value}. Expected a number above 0.")
        if value is not None and set(only) <= set(QUICK):
            raise ValueError(f"{' and '.join(only)} do not train anew, so there is no use for --{name}. Leave it out.")
    if minutes is not None and epochs is not None:
        raise ValueError("minutes and epochs were both given. Expected one budget.")
    if place.exists():
        raise ValueError(f"{place} exists. The mitigated model needs a new folder: choose another with --out.")


def _read(run: Run, data: str | Path | None, attributes: Path | str | None) -> Gathered:
    """The run's own data, with the groups of another table where one is given."""
    config, place = run.config, run.config.data if data is None else data
    own = read_for(run, place, None, False) if attributes is not None else None
    gathered = gathered_for(run, place, attributes, False)
    source = gathered.source
    if (own or source).fingerprint != config.fingerprint:
        raise ValueError(
            f"{place} is not what {run.path} was trained on, so it may have learnt from the very pictures it would be "
            f"judged on. Expected {config.data}, unchanged."
        )
    if own is not None and _ids(own) != _ids(source):
        raise ValueError(
            f"with {attributes} other pictures are held out than when {run.path} was trained: the table says anew which "
            "belong together, or where. Leave those columns out, or train a run with that table."
        )
    return gathered


def _ids(source: Source) -> dict[str, list[str]]:
    return {name: [record.id for record in records_of(one)] for name, one in source.splits.items()}


def _evaluations(
    run: Run,
    place: Path,
    best: Candidate,
    found: material.Material,
    gathered: Gathered,
    meter: Meter,
    attributes: Path | str | None,
    quiet: bool,
) -> tuple[Evidence, Evidence | None]:
    """The model before and after on the pictures for the figures; the mitigated model is made a run on the way."""
    if best.trial.mitigation == trials.AS_IT_IS:
        place.mkdir(parents=True)
        return _evaluated(run, gathered.source, quiet), None
    before = _evaluated(run, gathered.source, quiet)
    if best.offsets is None:
        new = _new_run(run, place, best, found, gathered.source, attributes)
        cost = _with_training(run, meter)
        by = found.grouping.by
        conclude(new, cost, gathered, by=by, zone=run.config.settings.get("asked", {}).get("zone"), quiet=quiet)
        new.change(state="finished")
        return before, new.read_evidence("test", trained.task_of(run.config).statistics_type)
    place.mkdir(parents=True)
    coded = found.grouping.coded(records_of(gathered.source.split("test")))
    offsets = np.where((coded.groups >= 0)[:, None], _scaled(run, best)[coded.groups], 0.0)
    return before, with_offsets(before, offsets)


def _scaled(run: Run, best: Candidate) -> np.ndarray:
    """The offsets of logits as those of the log-probabilities that the run gives."""
    assert best.offsets is not None
    return best.offsets / float(run.config.settings["model"].get("temperature", 1.0))


def _evaluated(run: Run, source: Source, quiet: bool) -> Evidence:
    with stage("evaluating", quiet) as watch:
        return evaluator.evaluate(
            trained.predictor(run), trained.task_of(run.config), source.split("test"), watch=watch,
            **trained.deployed(run.config),
        )  # fmt: skip


def _with_training(run: Run, meter: Meter) -> Any:
    """The cost until now, that of the first training included where the run knows it."""
    former = run.read_card().cost if (run.path / "card.json").is_file() else None

    def cost() -> Cost:
        return meter.cost() if former is None else add(replace(former, zone=None, kg_co2e=None), meter.cost())

    return cost


def _new_run(
    run: Run, place: Path, best: Candidate, found: material.Material, divided: Source, attributes: Path | str | None
) -> Run:
    """The mitigated model as a run of its own."""
    config = run.config
    assert best.weights is not None and best.settings is not None
    new = Run.create(place, config.model, config.data_name)
    settings = {
        **config.settings,
        "model": best.settings,
        "deployed": {},
        "attributes": config.settings["attributes"] if attributes is None else str(attributes),
        "mitigation": {
            "run": str(run.path), "name": best.trial.mitigation, "said": best.trial.said, "by": list(found.grouping.by),
        },
    }  # fmt: skip
    fields = ("task", "backbone", "data", "data_name", "class_names", "seed")
    kept = {name: getattr(config, name) for name in fields}
    new.change(**kept, fingerprint=divided.fingerprint, settings=settings)
    division.keep(new, found.division)
    new.write_weights(best.weights)
    return new


def _written(
    run: Run,
    place: Path,
    best: Candidate,
    candidates: Sequence[Candidate],
    found: material.Material,
    figures: Figures | None,
    cost: Cost,
    counts: dict[str, int],
    divided: Source,
) -> results.Mitigated:
    grouping, offsets = found.grouping, None
    if best.offsets is not None:
        rows = zip(grouping.groups, _scaled(run, best).tolist(), strict=True)
        offsets = {", ".join(group) or "all": tuple(row) for group, row in rows}
    few = figures.too_few if figures is not None else ()
    notes = [f"too few pictures to be judged: {name}" for name in few]
    improved = figures is not None and figures.improved
    result = results.Mitigated(
        run=str(run.path), data=run.config.data_name, by=grouping.by, class_names=grouping.class_names,
        mitigation=best.trial.mitigation, said=best.trial.said,
        verdict="improvement shown" if improved else "no improvement shown",
        claim=results.claim_of(best.trial, figures, cost), counts=counts, tried=tuple(one.trial for one in candidates),
        figures=figures, offsets=offsets, notes=(*notes, *([results.LAW] if offsets is not None else [])), cost=cost,
        model=str(place) if best.weights is not None else None, folder=str(place),
        page=str(place / results.NAMES["page"]),
    )  # fmt: skip
    results.write(result, place, divided.fingerprint)
    return result
