"""What a training begins from: random weights, some of its pictures, or a finished run of another model.

A model that goes on from a run of another says which by ``starts_from``; its config has ``start``, the run. What the
two configs share, and the size at which pictures are seen, are then the run's.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from torch import nn

from clearsight.loading import trained
from clearsight.run import Run
from clearsight.settings import choose
from clearsight.training.batching import some_of
from clearsight.training.precision import FABRIC_NAMES
from clearsight.types import Dataset, Training


def chosen(kind: Any, settings: Mapping[str, Any]) -> tuple[Any, Training]:
    """The config and the training of a kind of network with these settings; those of its start where it has one.

    Raises ValueError for settings that are wrong, a start that is missing or of another model, and a setting that
    would change what was trained.
    """
    config, training = kind.config_type(), kind.training_defaults
    if not hasattr(kind, "starts_from"):
        found: tuple[Any, Training] = choose(settings, config, training)
        return found
    run = _start(str(settings.get("start", "")), kind.starts_from)
    own = trained.choice_of(run.config)
    same = {field.name: getattr(own, field.name) for field in dataclasses.fields(own)}
    precision = next((word for word, name in FABRIC_NAMES.items() if name == run.config.settings["precision"]), "auto")
    config = dataclasses.replace(config, **same)
    training = dataclasses.replace(training, size_px=_size_px(run), precision=precision)
    config, training = choose(settings, config, training)
    for name, value in same.items():
        if getattr(config, name) != value:
            raise ValueError(
                f"{name} is {getattr(config, name)!r}, and {run.path}, which the training goes on from, has "
                f"{value!r}. Leave {name} out."
            )
    return config, training


def check_size(config: Any, training: Training) -> None:
    """Raise ValueError where pictures would be seen at another size than by the run that the training goes on from."""
    if not getattr(config, "start", ""):
        return
    size_px = _size_px(Run.open(config.start))
    if training.size_px != size_px:
        raise ValueError(
            f"the longer side of the pictures is {training.size_px} px, and {config.start}, which the training goes on "
            f"from, has learnt from pictures of {size_px} px. Leave size_px out, and expected are pictures of "
            f"{size_px} px or more; or train a run on these first."
        )


def begin(network: nn.Module, config: Any, dataset: Dataset) -> None:
    """Give a new network what it begins with: the weights of its start, or what it takes from training pictures."""
    if not go_on(network, config) and hasattr(network, "prepare"):
        cast(Any, network).prepare(some_of(dataset))


def go_on(network: nn.Module, config: Any) -> bool:
    """Give a new network the weights of the run that it goes on from, and say whether there is one.

    Raises ValueError where they are missing or do not fit.
    """
    if not getattr(config, "start", ""):
        return False
    weights = Run.open(config.start).read_weights()
    try:
        cast(Any, network).go_on_from(weights)
    except RuntimeError as error:
        raise ValueError(
            f"the weights in {config.start} are not of the network that its run.json describes. One of the two files "
            f"was changed; restore it. ({str(error).splitlines()[0]})"
        ) from error
    return True


def _start(place: str, model: str) -> Run:
    if not place:
        raise ValueError(
            f"there is no run to go on from. Expected a finished run of {model}: train one, then name its folder with "
            "--set start=RUN."
        )
    run = trained.opened(place)
    if run.config.model != model:
        raise ValueError(
            f"{place} is a run of {run.config.model}. Expected a finished run of {model} to go on from: name one with "
            "--set start=RUN."
        )
    if run.config.state != "finished":
        raise ValueError(
            f"the training of {place} has not finished. Expected a finished run of {model} to go on from: "
            f"`clearsight train --resume {place}`."
        )
    return run


def _size_px(run: Run) -> int:
    return int(run.config.settings["training"]["size_px"])
