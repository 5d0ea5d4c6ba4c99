"""A new run: its folder, its plan and its data, after everything that can be wrong was looked at."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from clearsight import backbones
from clearsight.evaluation.judging import check_attributes
from clearsight.files import credentials
from clearsight.generation.extractors import check_count
from clearsight.loading import trained
from clearsight.loading.canvas import cached_px, with_canvas
from clearsight.loading.data import Gathered, gather
from clearsight.loading.posing import check_large_enough
from clearsight.run import Run
from clearsight.sources import Source
from clearsight.training import loop, starting
from clearsight.training.batching import answering_as_trained, largest_batch, some_of
from clearsight.training.plans import longer_px, settings_of
from clearsight.training.precision import precision_for
from clearsight.training.process import Plan, learnt_from
from clearsight.types import Training


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
    config, training = starting.chosen(kind, settings)
    _check_choices(config, training, devices, pretrained)
    attributes = Path(attributes) if attributes is not None else None
    tasks = trained.tasks_of(model)

    def check(source: Source) -> None:
        _check_splits(source, training, bool(trained.makes_pictures(model)))
        check_attributes(asked["by"], source, target)

    makes = trained.makes_pictures(model)
    gathered = gather(
        data, cached_px(config, training.size_px) if makes else training.size_px, attributes=attributes,
        skip_bad=skip_bad, wanted=tuple(tasks), target=target, enlarge=training.enlarge, held_out=training.held_out,
        cluster=cluster, resplit=resplit, check=check, quiet=quiet,
    )  # fmt: skip
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
    starting.check_size(config, training)
    config = kind.fitted(config, gathered.truths("train"), source.class_names)
    config = answering_as_trained(config, training, source.split("train").symmetries, settings)
    network = trained.build(model, config, source.class_names, pretrained)  # wrong names and weights show up here
    starting.go_on(network, config)
    precision = precision_for(
        network, training, lambda: largest_batch(learnt_from(config, gathered), training, model, seed)
    )
    run = Run.create(Path(out) if out is not None else None, model, source.name)
    plan = Plan(
        run=run.path, data=data, model=model, config=config, training=training, budget=budget, seed=seed,
        devices=devices, precision=precision, attributes=attributes, target=target,
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
