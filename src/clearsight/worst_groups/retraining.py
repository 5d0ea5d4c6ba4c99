"""A run's network trained anew with something changed, for as many steps as the run took."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from clearsight.energy.meter import Meter
from clearsight.loading import trained
from clearsight.run import Run
from clearsight.settings import choose, renamed
from clearsight.sources.batches.weighting import Weighting
from clearsight.training import loop
from clearsight.training.in_memory import Recipe, fit_in_memory
from clearsight.types import Retraining
from clearsight.worst_groups.material import Material


def recipe_of(run: Run) -> Recipe:
    """How a run's network was built and trained."""
    config, kind = run.config, trained.kind_of(run.config.model)
    defaults = (kind.config_type(), kind.training_defaults)
    settings = config.settings
    model, training = choose(renamed({**settings["model"], **settings["training"]}, *defaults), *defaults)
    pretrained = settings.get("pretrained", False)
    return Recipe(
        model=config.model, config=model, training=training, precision=settings["precision"],
        pretrained=pretrained if isinstance(pretrained, bool) else Path(pretrained),
    )  # fmt: skip


def budget_of(run: Run, pictures: int, minutes: float | None, epochs: float | None) -> loop.Budget:
    """The budget asked for, or as many steps as the run took."""
    if minutes is not None or epochs is not None:
        return loop.Budget(minutes=minutes, epochs=epochs)
    steps = [row["step"] for row in run.read_log() if "step" in row]
    if not steps:
        raise ValueError(
            f"{run.path} has no log of its training, so nobody knows how long to train anew. Give --minutes or "
            "--epochs."
        )
    batch = int(run.config.settings["training"]["batch_size"])
    return loop.Budget(epochs=max(steps) / -(-pictures // batch))


def check_objective(change: Retraining, recipe: Recipe, name: str) -> None:
    """Raise ValueError where the run was trained in a way that another objective cannot go with."""
    if change.objective is None:
        return
    for setting in ("mixup", "frozen_share"):
        if getattr(recipe.training, setting):
            raise ValueError(
                f"{name} needs single pictures and the whole network, and {setting} of this run is "
                f"{getattr(recipe.training, setting)}. Leave {name} out, or train a run with --set {setting}=0."
            )


def retrained(
    change: Retraining,
    name: str,
    found: Material,
    budget: loop.Budget,
    meter: Meter,
    stop: Callable[[], bool],
    watch: Callable[[loop.Moment], None],
) -> tuple[nn.Module, Recipe]:
    """The network trained anew on the run's training pictures, and how; raises as ``fit_in_memory`` does."""
    recipe, kind = recipe_of(found.run), trained.kind_of(found.run.config.model)
    check_objective(change, recipe, name)
    (config,) = choose(change.settings, replace(recipe.config, temperature=1.0))
    train = found.gathered.cached["train"]
    config = kind.fitted(config, found.gathered.truths("train"), train.class_names)
    recipe = replace(recipe, config=config)
    weighting = Weighting(
        draws=None if change.draws is None else torch.from_numpy(change.draws),
        losses=None if change.losses is None else torch.from_numpy(change.losses),
    )
    network, _ = fit_in_memory(
        recipe, train, budget, found.seed, meter, begun_from=train, weighting=weighting,
        objective=change.objective or (lambda network: network), stop=stop, watch=watch,
    )  # fmt: skip
    return (network if change.objective is None else network.get_submodule("network")), recipe
