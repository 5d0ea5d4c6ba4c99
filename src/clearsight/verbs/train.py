"""Train a model on pictures, evaluate it on held-out pictures, audit it, and write the report."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from clearsight import backbones, catalogue, sources
from clearsight.audits.cost import TRAINING
from clearsight.energy.grid import find_zone
from clearsight.energy.meter import Meter
from clearsight.evaluation.conclusion import conclude
from clearsight.evaluation.judging import check_attributes, check_for_a_table
from clearsight.files import credentials
from clearsight.generation import conclusion as generation
from clearsight.generation.extractors import check_count
from clearsight.generation.invention import invented
from clearsight.loading import trained
from clearsight.loading.canvas import cached_px, with_canvas
from clearsight.loading.data import Gathered, gather, models_for
from clearsight.loading.posing import check_large_enough
from clearsight.run import Run
from clearsight.settings import choose
from clearsight.sources import Source
from clearsight.sources.samples.clustering import AUTO
from clearsight.sources.tables.table import looks_like_table
from clearsight.tabular.training import train_table
from clearsight.training import loop, trackers
from clearsight.training.batching import answering_as_trained, some_of
from clearsight.training.plans import longer_px, plan_of, settings_of
from clearsight.training.precision import precision_for, precision_of_losses
from clearsight.training.process import Plan, cost_before, launch
from clearsight.training.segmenter import segmenter_of
from clearsight.types import Batch, Generator, Training

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
    return run


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


def planned(
    model: str,
    data: str,
    backbone: str | None,
    pretrained: bool | Path,
    budget: loop.Budget,
    devices: int,
    attributes: Path | str | None,
    target: str | None,
    cluster: str,
    resplit: bool,
    out: Path | str | None,
    seed: int,
    skip_bad: bool,
    settings: dict[str, Any],
    quiet: bool,
    asked: Mapping[str, Any],
    log_to: str | None = None,
) -> tuple[Run, Plan, Gathered]:
    """A new run folder, its plan and its data; everything that can be wrong is looked at before the folder is made."""
    kind = trained.kind_of(model)
    if backbone is not None:
        settings["backbone"] = backbone
    config, training = choose(settings, kind.config_type(), kind.training_defaults)
    _check_choices(config, training, devices, pretrained)
    attributes = Path(attributes) if attributes is not None else None
    tasks = trained.tasks_of(model)

    def check(source: Source) -> None:
        _check_splits(source, training, bool(trained.makes_pictures(model)))
        check_attributes(asked["by"], source, target)

    makes = trained.makes_pictures(model)
    gathered = gather(
        data,
        cached_px(config, training.size_px) if makes else training.size_px,
        attributes=attributes,
        skip_bad=skip_bad,
        wanted=tuple(tasks),
        target=target,
        enlarge=training.enlarge,
        held_out=training.held_out,
        cluster=cluster,
        resplit=resplit,
        check=check,
        quiet=quiet,
    )
    source, training = gathered.source, dataclasses.replace(training, size_px=gathered.size_px)
    if makes:
        _check_for_a_generator(training)
        check_count(len(gathered.cached["train"]))  # it is judged by features that are learnt from these
    if hasattr(config, "channels"):
        multiple = math.lcm(trained.multiple_of(model), getattr(config, "factor", 1))
        config = with_canvas(config, gathered.cached["train"], training.size_px, multiple)
    if hasattr(kind, "check_pictures"):
        kind.check_pictures(some_of(gathered.cached["train"]))
    check_large_enough(source, config)
    config = kind.fitted(config, gathered.truths("train"), source.class_names)
    config = answering_as_trained(config, training, source.split("train").symmetries, settings)
    network = trained.build(model, config, source.class_names, pretrained)  # wrong names and weights show up here
    run = Run.create(Path(out) if out is not None else None, model, source.name)
    plan = Plan(
        run=run.path, data=data, model=model, config=config, training=training, budget=budget, seed=seed,
        devices=devices, precision=_precision(network, training, gathered), attributes=attributes, target=target,
        skip_bad=skip_bad, pretrained=pretrained, cluster=cluster, resplit=resplit, quiet=quiet, log_to=log_to,
    )  # fmt: skip
    run.change(
        task=tasks[source.truth],
        backbone=trained.backbone_name(network),
        data=data,
        data_name=source.name,
        fingerprint=source.fingerprint,
        class_names=source.class_names,
        seed=seed,
        settings={**settings_of(plan, asked), "longer_px": longer_px(source.split("train"))},
    )
    return run, plan, gathered


def _check_choices(config: Any, training: Training, devices: int, pretrained: bool | Path) -> None:
    """Fail before the data are read where choices do not fit together, or this machine."""
    if devices < 1:
        raise ValueError(f"{devices} devices cannot train. Expected --devices 1 or more.")
    if torch.cuda.is_available() and devices > torch.cuda.device_count():
        raise ValueError(f"{devices} devices were asked for, and there are {torch.cuda.device_count()} GPUs.")
    if training.batch_size % devices:
        raise ValueError(
            f"a batch of {training.batch_size} cannot be shared evenly by {devices} devices. "
            f"Choose --set batch_size={training.batch_size + devices - training.batch_size % devices}."
        )
    if training.frozen_share and not (pretrained or getattr(config, "backbone", "").startswith("run:")):
        raise ValueError(
            f"frozen_share is {training.frozen_share} and the backbone starts from random weights, which "
            "nothing can be learnt on. Give it trained ones with --backbone run:RUN or --pretrained, or leave "
            "frozen_share out."
        )
    if getattr(config, "backbone", ""):
        backbones.check_name(config.backbone)


def _precision(network: Any, training: Training, gathered: Gathered) -> str:
    """Fabric's name of the precision, found by trying where it is to be found."""
    if not isinstance(network, Generator) or training.precision != "auto":
        return precision_for(network, training)
    dataset = gathered.cropped("train", network.config.size)
    rows = [k % len(dataset) for k in range(training.batch_size)]
    images = dataset.stack()[rows].float().div_(255).contiguous(memory_format=torch.channels_last)
    truths = [dataset.truth(row) for row in rows]
    return precision_of_losses(network, Batch(images=images, truths=truths, ids=[str(row) for row in rows]))


def _check_splits(source: Source, training: Training, generates: bool) -> None:
    """Fail before the training where there is nothing to train on, to judge on, or to decide by."""
    source.split("train")
    if training.held_out or "val" in source.splits:
        source.split("val")
    elif (training.patience or training.save_best) and not generates:
        raise ValueError(
            f"held_out is 0, and {source.name} names no validation pictures to tell when to stop, or what to keep. "
            "Leave held_out out, or else --patience and --save-best."
        )
    elif "test" not in source.splits:
        raise ValueError(
            f"held_out is 0, and {source.name} names no pictures to judge on. Expected a test or a validation split "
            "beside the training pictures. Name one in the data, or set some aside with --set held_out=0.1."
        )


def _check_for_a_generator(training: Training) -> None:
    """Fail where pictures would be changed in a way that a generator would learn to make, or none can be signed."""
    credentials.check()  # every picture of how it learns is signed
    changed = {
        "zoom": training.zoom != (1.0, 1.0),
        "small_share": training.small_share > 0,
        "mixup": training.mixup > 0,
    }
    for name in (name for name, yes in changed.items() if yes):
        raise ValueError(
            f"{name} changes the training pictures, and a generator would learn to make them so. Leave {name} out."
        )


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
