"""A training plan as ``run.json`` keeps it, and read from there to go on."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clearsight.loading import trained
from clearsight.run import Run
from clearsight.settings import choose, renamed
from clearsight.sources import records_of
from clearsight.sources.samples.clustering import NONE
from clearsight.training import loop, trackers
from clearsight.training.process import Plan
from clearsight.types import Dataset


def settings_of(plan: Plan, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that a run needs to be resumed or built again, in plain values."""
    return {
        "model": dict(trained.plain(plan.config)),
        "training": dict(trained.plain(plan.training)),
        "budget": {name: value for name, value in dataclasses.asdict(plan.budget).items() if value is not None},
        "devices": plan.devices,
        "precision": plan.precision,
        "attributes": None if plan.attributes is None else str(plan.attributes),
        "target": plan.target,
        "skip_bad": plan.skip_bad,
        "cluster": plan.cluster,
        "resplit": plan.resplit,
        "pretrained": plan.pretrained if isinstance(plan.pretrained, bool) else str(plan.pretrained),
        "asked": dict(asked),
        "log_to": plan.log_to,
    }


def longer_px(dataset: Dataset) -> tuple[int, int] | None:
    """The least and the most of the longer sides of the pictures, of those whose size is known without opening them."""
    sides = [max(record.size) for record in records_of(dataset) if record.size]
    return (min(sides), max(sides)) if sides else None


def plan_of(run: Run, quiet: bool) -> tuple[Plan, dict[str, Any]]:
    """The plan of a run that was stopped, from its ``run.json``."""
    config = run.config
    if config.state == "finished":
        raise ValueError(
            f"{run.path} has finished its training. Train a new run, or continue from its backbone with "
            f"--backbone run:{run.path}."
        )
    settings = config.settings
    if settings.get("table"):
        raise ValueError(f"{run.path} learns from a table, which is fitted in one go. Train a new run.")
    kind = trained.kind_of(config.model)
    defaults = (kind.config_type(), kind.training_defaults)
    choice, training = choose(renamed({**settings["model"], **settings["training"]}, *defaults), *defaults)
    pretrained = settings["pretrained"]
    plan = Plan(
        run=run.path, data=config.data, model=config.model, config=choice, training=training,
        budget=loop.Budget(**settings["budget"]), seed=config.seed, devices=settings["devices"],
        precision=settings["precision"], target=settings["target"], skip_bad=settings["skip_bad"], quiet=quiet,
        attributes=None if settings["attributes"] is None else Path(settings["attributes"]),
        cluster=settings.get("cluster", NONE), resplit=settings.get("resplit", False),
        pretrained=pretrained if isinstance(pretrained, bool) else Path(pretrained), log_to=settings.get("log_to"),
    )  # fmt: skip
    trackers.check(plan.log_to)
    return plan, dict(settings["asked"])
