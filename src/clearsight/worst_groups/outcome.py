"""What is made of the candidate that was chosen: a run of its own, its evaluation beside the former, and the result."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from clearsight.console.progress import stage
from clearsight.energy.costs import add
from clearsight.energy.meter import Meter
from clearsight.evaluation import evaluator
from clearsight.evaluation.conclusion import conclude
from clearsight.loading import division, trained
from clearsight.run import Run
from clearsight.sources import Source, records_of
from clearsight.types import Cost, Evidence
from clearsight.worst_groups import results
from clearsight.worst_groups.figures import Figures, with_offsets
from clearsight.worst_groups.material import Material
from clearsight.worst_groups.trials import AS_IT_IS, Candidate

KEPT = ("task", "backbone", "data", "data_name", "class_names", "seed")


def evaluations(
    place: Path, best: Candidate, found: Material, meter: Meter, table: str | None, quiet: bool
) -> tuple[Evidence, Evidence] | None:
    """The model before and after on the pictures for the figures; None where it stays as it is.

    A model with other weights becomes the run in the folder ``place``, with its own report; else the folder is made.
    ``table`` is another table of attributes than the run has.
    """
    parts = replace(found.division, fitted=best.fitted)
    divided = division.divided(found.gathered.source, parts)
    if best.weights is not None:
        new = _new_run(place, best, found, divided, table)
        division.keep(new, parts)
        by, asked = found.grouping.by, found.run.config.settings.get("asked", {})
        gathered = replace(found.gathered, source=divided)
        meter.end_stage("mitigation")
        with Meter(start=_with_training(found.run, meter)) as own:
            conclude(new, own, gathered, by=by, zone=asked.get("zone"), quiet=quiet)
        new.change(state="finished")
        after = new.read_evidence("test", trained.task_of(new.config).statistics_type)
        return _evaluated(found.run, divided, quiet), after
    place.mkdir(parents=True)
    if best.trial.mitigation == AS_IT_IS:
        return None
    before = _evaluated(found.run, divided, quiet)
    groups = found.grouping.coded(records_of(divided.split("test"))).groups
    return before, with_offsets(before, np.where((groups >= 0)[:, None], _scaled(best, found)[groups], 0.0))


def _scaled(best: Candidate, found: Material) -> Float[np.ndarray, "groups classes"]:
    """The numbers for logits as those for the log-probabilities that the run gives."""
    assert best.offsets is not None
    return best.offsets / float(found.run.config.settings["model"].get("temperature", 1.0))


def _evaluated(run: Run, source: Source, quiet: bool) -> Evidence:
    with stage("evaluating", quiet) as watch:
        return evaluator.evaluate(
            trained.predictor(run), trained.task_of(run.config), source.split("test"), watch=watch,
            **trained.deployed(run.config),
        )  # fmt: skip


def _with_training(run: Run, meter: Meter) -> Cost:
    """The cost until now, that of the first training included where the run knows it."""
    former = run.read_card().cost if (run.path / "card.json").is_file() else None
    before = [] if former is None else [replace(former, zone=None, kg_co2e=None)]
    return add(*before, meter.cost())


def _new_run(place: Path, best: Candidate, found: Material, divided: Source, table: str | None) -> Run:
    """The mitigated model as a run of its own."""
    config = found.run.config
    assert best.weights is not None and best.settings is not None
    new = Run.create(place, config.model, config.data_name)
    settings = {
        **config.settings,
        "model": best.settings,
        "deployed": {},
        "attributes": table or config.settings["attributes"],
        "mitigation": {
            "run": str(found.run.path), "by": list(found.grouping.by),
            "said": f"{best.trial.mitigation} ({best.trial.said}), from {found.run.path}",
        },
    }  # fmt: skip
    kept = {name: getattr(config, name) for name in KEPT}
    new.change(**kept, fingerprint=divided.fingerprint, settings=settings)
    new.write_weights(best.weights)
    return new


def written(
    place: Path,
    best: Candidate,
    candidates: Sequence[Candidate],
    found: Material,
    figures: Figures | None,
    cost: Cost,
) -> results.Mitigated:
    """The result, written into the folder as a page and as values."""
    grouping, offsets, config = found.grouping, None, found.run.config
    if best.offsets is not None:
        rows = zip(grouping.groups, _scaled(best, found).tolist(), strict=True)
        offsets = {", ".join(group) or "all": tuple(row) for group, row in rows}
    few = figures.too_few if figures is not None else ()
    notes = [f"Groups with too few pictures to be judged ({len(few)}): {'; '.join(few)}."] if few else []
    law = [results.LAW] if offsets is not None and grouping.by else []
    counts = {name: len(getattr(found.division, name)) for name in division.PARTS}
    result = results.Mitigated(
        run=str(found.run.path), data=config.data_name, by=grouping.by, class_names=grouping.class_names,
        mitigation=best.trial.mitigation, said=best.trial.said,
        verdict="improvement shown" if figures is not None and figures.improved else "no improvement shown",
        claim=results.claim_of(best.trial, figures, cost),
        counts={"train": len(found.train.dataset), **counts}, tried=tuple(one.trial for one in candidates),
        figures=figures, offsets=offsets, notes=(*notes, *law), cost=cost,
        model=str(place) if best.weights is not None else None, folder=str(place),
        page=str(place / results.NAMES["page"]),
    )  # fmt: skip
    results.write(result, place, found.gathered.source.fingerprint)
    return result
