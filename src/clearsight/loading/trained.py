"""Models built from a choice or from a run, and made ready to predict."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from clearsight import backbones, catalogue
from clearsight.inference.device import best_device
from clearsight.inference.predictor import Predictor
from clearsight.inference.tiles import TiledPredictor
from clearsight.inference.windows import OVERLAP, WindowedPredictor
from clearsight.run import Config, Run
from clearsight.settings import choose, renamed
from clearsight.sources import records_of
from clearsight.types import Boxes, ClassMap, Dataset, Model, Picture, Size, Task

LARGE_PX = 1024


def kind_of(model: str) -> Any:
    """The class of a network by its name: one that predicts from pictures, or one that makes them."""
    generators = {part.name: part for part in catalogue.parts("generators")}
    return (generators.get(model) or catalogue.find("architectures", model)).load()


def makes_pictures(model: str) -> bool:
    """Whether the model of that name is a generator."""
    return any(part.name == model for part in catalogue.parts("generators"))


def check_conditional(run: Run, instead: str = "") -> None:
    """Raise ValueError where a run makes no pictures of a class; ``instead`` ends the advice."""
    config = run.config
    if not makes_pictures(config.model):
        raise ValueError(
            f"{run.path} is a {config.model}, which makes no pictures. Expected the run of a generator: "
            "`clearsight models` lists them."
        )
    if not config.settings["model"].get("conditional"):
        raise ValueError(
            f"{run.path} was not trained to make pictures of a class, so nobody knows what its pictures show. Train "
            f"one with --set conditional=true{instead}."
        )


def build(model: str, choice: Any, class_names: tuple[str, ...], pretrained: bool | Path = False) -> Any:
    """A network by its name and its config, weights random but for the backbone's where ``pretrained``."""
    kind = kind_of(model)
    if makes_pictures(model):
        _refuse_pretrained(model, pretrained)
        return kind(choice, class_names)
    if not getattr(choice, "backbone", ""):  # none at all, or none in place of the model's own layers
        _refuse_pretrained(model, pretrained)
        return kind(choice, None, class_names)
    return kind(choice, backbones.build(choice.backbone, strides=kind.strides, pretrained=pretrained), class_names)


def _refuse_pretrained(model: str, pretrained: bool | Path) -> None:
    if pretrained:
        raise ValueError(f"{model} has no backbone, so there are no weights to start it from. Leave out --pretrained.")


def multiple_of(model: str) -> int:
    """What the sides of the pictures a model sees are multiples of, in px: the coarsest stride of its backbone."""
    return max(kind_of(model).strides, default=1)


def tasks_of(model: str) -> dict[type, str]:
    """The tasks that a model can answer, by the kind of truth they need; the usual one first."""
    if makes_pictures(model):
        return {kind_of(model).config_type().made_from or Picture: "generation"}
    names = kind_of(model).tasks
    return {task_named(name).truth_type: name for name in names}


def backbone_name(network: Model) -> str:
    """The timm name of a network's backbone, also where it was that of an earlier run; "" where it has none."""
    return str(getattr(getattr(network, "backbone", None), "name", ""))


def task_of(config: Config) -> Task:
    """The task a run answers."""
    return task_named(config.task)


def task_named(name: str) -> Task:
    """A task by its name."""
    task: Task = catalogue.find("tasks", name).load()()
    return task


def choice_of(config: Config) -> Any:
    """The config of the network of a run, as it was fitted."""
    kind = kind_of(config.model)
    own = {"backbone": config.backbone} if config.backbone else {}
    settings = renamed(config.settings["model"] | own, kind.config_type())
    (choice,) = choose(settings, kind.config_type())
    return choice


def load(run: Run) -> Any:
    """The trained network of a run; raises ValueError where its weights are missing or do not fit."""
    config, weights = run.config, run.read_weights()
    network = build(config.model, choice_of(config), config.class_names)
    assert isinstance(network, nn.Module)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"the weights in {run.path} do not fit the {config.model} its run.json describes. "
            f"One of the two files was changed; restore it. ({str(error).splitlines()[0]})"
        ) from error
    return network.eval()


def ready(run: Run) -> Any:
    """The trained network of a run where it computes: on a GPU where there is one."""
    return load(run).to(best_device())


def predictor(
    run: Run,
    network: Model | None = None,
    *,
    batch: int = 4,
    device: str | None = None,
    window: int | None = None,
    overlap: float = OVERLAP,
    least_score: float = 0.0,
) -> Predictor:
    """The trained network of a run, ready for pictures of any size, in the precision it was judged in.

    ``network`` is the run's own where it is loaded already. ``window`` cuts larger pictures into windows of so many px,
    that share at least ``overlap`` where objects are sought; those below ``least_score`` are then dropped at once.
    A network that sees pictures in their own pixels gets windows of 1024 px of larger ones, which bounds its memory, or
    of what makes 1024 px where it enlarges them.
    Raises ValueError for a window where neither objects nor class maps nor pictures are predicted.
    """
    if makes_pictures(run.config.model):
        raise ValueError(
            f"{run.path} is a {run.config.model}, which makes pictures and predicts nothing about others. Use "
            f"`clearsight sample {run.path}`, or `clearsight audit {run.path}` to judge it again."
        )
    settings, network = run.config.settings, network or load(run)
    dtype = torch.bfloat16 if settings.get("precision") == "bf16-mixed" and has_bf16(device) else torch.float32
    place = device or best_device()
    size_px = int(settings["training"]["size_px"])
    if window is None and getattr(network, "own_pixels", False):
        window = LARGE_PX // getattr(network, "factor", 1)
    if window is None:
        return Predictor(network, size_px, batch=batch, dtype=dtype, device=place)
    kind = task_of(run.config).truth_type
    if issubclass(kind, Boxes):
        return TiledPredictor(
            network, size_px, window_px=window, overlap=overlap, least_score=least_score, batch=batch, dtype=dtype,
            device=place,
        )  # fmt: skip
    if not issubclass(kind, ClassMap | Picture):
        raise ValueError(
            f"windows are for objects, class maps and pictures, and {run.path} does {run.config.task}. "
            "Leave --window out."
        )
    return WindowedPredictor(network, size_px, window_px=window, batch=batch, dtype=dtype, device=place)


def has_bf16(device: str | None = None) -> bool:
    """Whether the processor multiplies bfloat16 itself; elsewhere it would be emulated, slowly."""
    if device != "cpu" and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def plain(config: Any) -> Mapping[str, Any]:
    """A config or training dataclass as JSON values."""
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(config).items()
    }


def opened(run: Run | str | Path) -> Run:
    """A run given as such or by its folder; raises ValueError where its training never began."""
    run = run if isinstance(run, Run) else Run.open(run)
    if not run.config.settings:
        raise ValueError(f"{run.path} was stopped before its training began. Remove it and train a new run.")
    return run


def network_hash(run: Run) -> str:
    """A hash of the weights of a run and of what else its predictions depend on."""
    state = hashlib.blake2b(digest_size=8)
    with open(run.path / "weights.safetensors", "rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
    words = [run.config.settings.get(name) for name in ("model", "training", "deployed", "precision")]
    state.update(json.dumps(words, sort_keys=True, default=str).encode())
    return state.hexdigest()


def deployed(config: Config) -> dict[str, Any]:
    """What was settled for deployment on the validation pictures, such as a detector's score threshold."""
    return dict(config.settings.get("deployed", {}))


def sizes(dataset: Dataset) -> list[Size]:
    """The size of every picture, from its record where that knows it."""
    return [record.size or _size(record.decode()) for record in records_of(dataset)]


def _size(image: torch.Tensor) -> Size:
    return (image.shape[1], image.shape[2])
