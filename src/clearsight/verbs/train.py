"""Train a model on pictures, evaluate it on held-out pictures, audit it, and write the report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clearsight import catalogue, sources
from clearsight.audits.cost import TRAINING
from clearsight.energy.grid import find_zone
from clearsight.energy.meter import Meter
from clearsight.evaluation.conclusion import conclude
from clearsight.evaluation.judging import check_for_a_table
from clearsight.generation import conclusion as generation
from clearsight.generation.invention import invented
from clearsight.loading import trained
from clearsight.loading.data import Gathered, models_for
from clearsight.run import Run
from clearsight.sources.samples.clustering import AUTO
from clearsight.sources.tables.table import looks_like_table
from clearsight.tabular.training import train_table
from clearsight.training import loop, trackers
from clearsight.training.planning import planned
from clearsight.training.plans import plan_of
from clearsight.training.process import Plan, cost_before, launch
from clearsight.training.segmenter import segmenter_of

MINUTES = 10.0


def train(
    model: str | None = None,
    data: str | Path | None = None,
    *,
    backbone: str | None = None,
    pretrained: bool | Path = False,
    epochs: float | None = None,
    minutes: float | None = None,
    budget_kwh: float | None = None,
    devices: int = 1,
    by: Sequence[str] = (),
    zone: str | None = None,
    attributes: Path | str | None = None,
    target: str | None = None,
    cluster: str = AUTO,
    resplit: bool = False,
    out: Path | str | None = None,
    resume: Path | str | None = None,
    seed: int = 0,
    skip_bad: bool = False,
    settings: Mapping[str, Any] | None = None,
    patience: int | None = None,
    save_best: bool = False,
    log_to: str | None = None,
    responsible: str | None = None,
    quiet: bool = False,
) -> Run:
    """Train ``model`` on ``data`` for a budget (10 minutes unless said), then evaluate, audit and report.

    Args:
        model: a name from ``clearsight models``; data: a folder, ``format:folder`` or an embedded set.
        backbone: a timm network, or ``run:PATH`` for that of an earlier run; pretrained: see ``backbones.build``.
        target: the column of the truth, where data is a table; several, split by commas, for several labels.
        cluster: which pictures belong together where no column says so: auto infers it, none takes each alone, else
            the attribute that says it. resplit: divide the pictures anew, by whole clusters.
        by: the attributes to audit by (all where empty); zone: the grid zone for CO2e, such as "FRA".
        resume: a run folder to go on with; model, data and settings are then its own.
        settings: fields of the model's config or of ``types.Training`` by name.
        patience: stop after so many evaluations in a row without a better validation score; save_best: keep the weights
            of the best one. log_to: "tensorboard" or "mlflow", which get every line of the log.
        responsible: the person who answers for the model, printed in the report.

    Raises:
        ValueError: whatever the user can mend, in one message; ``loop.Interrupted`` when stopped by a signal.
    """
    if resume is not None:
        own = {"model": model, "data": data, "backbone": backbone, "pretrained": pretrained, "epochs": epochs,
               "minutes": minutes, "budget_kwh": budget_kwh, "devices": devices != 1, "by": by, "zone": zone,
               "attributes": attributes, "target": target, "cluster": cluster != AUTO, "resplit": resplit, "out": out,
               "seed": seed, "skip_bad": skip_bad, "settings": settings, "responsible": responsible,
               "patience": patience, "save_best": save_best, "log_to": log_to}  # fmt: skip
        _refuse_for_resume([name for name, value in own.items() if value not in (None, False, 0, (), {}, [])])
        run = trained.opened(resume)
        (plan, asked), gathered = plan_of(run, quiet), None
    else:
        model, data = named(model, data)
        if learns_rows(model, data):
            own = {"backbone": backbone, "pretrained": pretrained, "epochs": epochs, "minutes": minutes,
                   "budget_kwh": budget_kwh, "devices": devices != 1, "resplit": resplit, "patience": patience,
                   "save_best": save_best, "log_to": log_to}  # fmt: skip
            check_for_a_table(cluster)
            _refuse_for_a_table([name for name, value in own.items() if value not in (None, False)])
            return train_table(
                model, data, target=target, by=by, zone=zone, out=out, seed=seed, settings=settings,
                responsible=responsible, quiet=quiet, attributes=attributes, skip_bad=skip_bad,
            )  # fmt: skip
        trackers.check(log_to)
        zone = None if zone is None else find_zone(zone).code
        chosen = {**(settings or {}), **({} if patience is None else {"patience": patience})}
        chosen |= {"save_best": True} if save_best else {}
        asked = {"by": list(by), "zone": zone, "responsible": responsible}
        if epochs is None and minutes is None and budget_kwh is None:
            minutes = MINUTES
        budget = loop.Budget(epochs=epochs, minutes=minutes, kwh=budget_kwh)
        run, plan, gathered = planned(
            model, str(data), backbone, pretrained, budget, devices, attributes, target, cluster, resplit, out,
            seed, skip_bad, chosen, quiet, asked, log_to,
        )  # fmt: skip
    _carry_out(run, plan, asked, gathered, quiet)
    return run


def _carry_out(run: Run, plan: Plan, asked: Mapping[str, Any], gathered: Gathered | None, quiet: bool) -> None:
    """Train by the plan, evaluate, audit and report."""
    with run.lock(), Meter(start=cost_before(run), gpus=plan.devices if plan.devices > 1 else 0) as meter:
        run.change(state="training")
        launch(run, plan, gathered)
        meter.end_stage(TRAINING)
        found = gathered or plan.gather(quiet=quiet)
        if trained.makes_pictures(plan.model):
            generation.conclude(run, meter, found, **asked, segmenter=segmenter_of, quiet=quiet)
        else:
            conclude(run, meter, found, **asked, look=invented, quiet=quiet)
        run.change(state="finished")
        run.remove_checkpoint()


def named(model: str | None, data: str | Path | None) -> tuple[str, str | Path]:
    """The model and the data; raises ValueError for the one that is not named."""
    if model is None:
        raise ValueError("nothing to train. Name a model and data, such as `clearsight train yolo blood/`.")
    if data is None:
        raise ValueError(
            f"no data were named for {model} to learn from. Expected a folder, FORMAT:FOLDER, a table or an embedded "
            "set after the model, such as blood/."
        )
    return model, data


def learns_rows(model: str, data: str | Path) -> bool:
    """Whether the data are a table, for an estimator, and not pictures, for a network; the model must fit them.

    Raises ValueError for a model of the other kind, with those that would do.
    """
    table = looks_like_table(data)
    rooms = {True: ("estimators",), False: ("architectures", "generators")}
    names, others = (
        [part.name for room in rooms[kind] for part in catalogue.parts(room)] for kind in (table, not table)
    )
    if model not in names and model in others:
        needs, given = ("pictures", "is a table") if table else ("the rows of a table", "is none")
        names = names if table else models_for(sources.read(data).truth)
        raise ValueError(
            f"{model} learns from {needs}, and {data} {given}. Models that learn from it: {', '.join(names)}."
        )
    return table


def _refuse_for_a_table(given: Sequence[str]) -> None:
    if given:
        raise ValueError(
            f"a model of a table is fitted until it is done, on the processor, so {', '.join(given)} cannot be chosen. "
            "Leave that out."
        )


def _refuse_for_resume(given: Sequence[str]) -> None:
    if given:
        raise ValueError(
            f"--resume goes on with the run's own model, data and settings, so {', '.join(given)} cannot be changed. "
            "Leave that out, or train a new run."
        )
