"""Train a model on pictures, judge it on pictures it has not seen, audit it, and write the report."""

import contextlib
import dataclasses
import functools
import logging
import signal
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from clearsight import catalogue, evaluation, loop
from clearsight.grid import find_zone
from clearsight.inference import Predictor
from clearsight.meter import Meter
from clearsight.ops import views
from clearsight.records import from_json, to_json
from clearsight.run import Run
from clearsight.sources.batches import Batches, ahead
from clearsight.types import Cost, Dataset, Model, Size, Task
from clearsight.verbs import trained
from clearsight.verbs.choices import choose
from clearsight.verbs.conclude import conclude
from clearsight.verbs.evaluate import check_attributes
from clearsight.verbs.gather import gather
from clearsight.verbs.progress import TrainingBar

WATCHED_PICTURES = 100
SAVE_EVERY_S = 60.0  # what a killed run loses at most
MINUTES = 10.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a training process needs to know; plain values, so that it travels between processes."""

    run: Path
    data: str
    model: str
    config: Any
    training: Any
    budget: loop.Budget
    seed: int
    devices: int
    precision: str
    attributes: Path | None = None
    skip_bad: bool = False
    pretrained: bool | Path = False
    quiet: bool = False


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
    out: Path | str | None = None,
    resume: Path | str | None = None,
    seed: int = 0,
    skip_bad: bool = False,
    settings: Mapping[str, Any] | None = None,
    responsible: str | None = None,
    quiet: bool = False,
) -> Run:
    """Train ``model`` on ``data`` for a budget (10 minutes unless said), then evaluate, audit and report.

    Args:
        model: a name from ``clearsight models``; data: a folder, ``format:folder`` or an embedded set.
        backbone: a timm network, or ``run:PATH`` for the trunk of an earlier run; pretrained: see ``backbones.build``.
        by: the attributes to audit by (all where empty); zone: the grid zone for CO2e, such as "FRA".
        resume: a run folder to go on with; model, data and settings are then its own.
        settings: fields of the model's config or of ``types.Training`` by name.
        responsible: the person who answers for the model, printed in the report.

    Raises:
        ValueError: whatever the user can mend, in one message; ``loop.Interrupted`` when stopped by a signal.
    """
    if resume is not None:
        own = {"model": model, "data": data, "backbone": backbone, "pretrained": pretrained, "epochs": epochs,
               "minutes": minutes, "budget_kwh": budget_kwh, "devices": devices != 1, "by": by, "zone": zone,
               "attributes": attributes, "out": out, "seed": seed, "skip_bad": skip_bad, "settings": settings,
               "responsible": responsible}  # fmt: skip
        _refuse_for_resume([name for name, value in own.items() if value not in (None, False, 0, (), {}, [])])
        run = trained.opened(resume)
        plan, asked = _plan_of(run, quiet)
    else:
        if model is None or data is None:
            raise ValueError("nothing to train. Name a model and data, such as `clearsight train yolo blood/`.")
        zone = None if zone is None else find_zone(zone).code
        asked = {"by": list(by), "zone": zone, "responsible": responsible}
        if epochs is None and minutes is None and budget_kwh is None:
            minutes = MINUTES
        budget = loop.Budget(epochs=epochs, minutes=minutes, kwh=budget_kwh)
        run, plan = _new(
            model, str(data), backbone, pretrained, budget, devices, attributes, out, seed,
            skip_bad, dict(settings or {}), quiet, asked,
        )  # fmt: skip
    with run.lock(), Meter(start=_cost_before(run)) as meter:
        run.change(state="training")
        _launch(run, plan)
        conclude(run, meter.cost, **asked, quiet=quiet)
        run.change(state="finished")
        run.remove_checkpoint()
    return run


def _new(
    model: str,
    data: str,
    backbone: str | None,
    pretrained: bool | Path,
    budget: loop.Budget,
    devices: int,
    attributes: Path | str | None,
    out: Path | str | None,
    seed: int,
    skip_bad: bool,
    settings: dict[str, Any],
    quiet: bool,
    asked: Mapping[str, Any],
) -> tuple[Run, Plan]:
    """A new run folder and its plan; everything that can be wrong is looked at before the folder is made."""
    kind = catalogue.find("architectures", model).load()
    if backbone is not None:
        settings["backbone"] = backbone
    config, training = choose(settings, kind.config_type(), kind.training_defaults)
    if devices < 1:
        raise ValueError(f"{devices} devices cannot train. Expected --devices 1 or more.")
    if torch.cuda.is_available() and devices > torch.cuda.device_count():
        raise ValueError(f"{devices} devices were asked for, and there are {torch.cuda.device_count()} GPUs.")
    if training.batch_size % devices:
        raise ValueError(
            f"a batch of {training.batch_size} cannot be shared evenly by {devices} devices. "
            f"Choose --set batch_size={training.batch_size + devices - training.batch_size % devices}."
        )
    attributes = Path(attributes) if attributes is not None else None
    source = gather(data, training.size_px, attributes=attributes, skip_bad=skip_bad, quiet=quiet).source
    for split in ("train", "val"):
        source.split(split)
    check_attributes(asked["by"], source.splits)
    network = trained.build(model, config, source.class_names, pretrained)  # wrong names and weights show up here
    run = Run.create(Path(out) if out is not None else None, model, source.name)
    plan = Plan(
        run=run.path, data=data, model=model, config=config, training=training, budget=budget, seed=seed,
        devices=devices, precision="bf16-mixed" if trained.has_bf16() else "32-true", attributes=attributes,
        skip_bad=skip_bad, pretrained=pretrained, quiet=quiet,
    )  # fmt: skip
    run.change(
        task=kind.task,
        backbone=trained.trunk_name(network),
        data=data,
        data_name=source.name,
        fingerprint=source.fingerprint,
        class_names=source.class_names,
        seed=seed,
        settings=_settings(plan, asked),
    )
    return run, plan


def _settings(plan: Plan, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model": dict(trained.plain(plan.config)),
        "training": dict(trained.plain(plan.training)),
        "budget": {name: value for name, value in dataclasses.asdict(plan.budget).items() if value is not None},
        "devices": plan.devices,
        "precision": plan.precision,
        "attributes": None if plan.attributes is None else str(plan.attributes),
        "skip_bad": plan.skip_bad,
        "pretrained": plan.pretrained if isinstance(plan.pretrained, bool) else str(plan.pretrained),
        "asked": dict(asked),
    }


def _plan_of(run: Run, quiet: bool) -> tuple[Plan, dict[str, Any]]:
    """The plan of a run that was stopped, from its ``run.json``."""
    config = run.config
    if config.state == "finished":
        raise ValueError(
            f"{run.path} has finished its training. Train a new run, or continue from its trunk with "
            f"--backbone run:{run.path}."
        )
    settings = config.settings
    kind = catalogue.find("architectures", config.model).load()
    choice, training = choose({**settings["model"], **settings["training"]}, kind.config_type(), kind.training_defaults)
    pretrained = settings["pretrained"]
    plan = Plan(
        run=run.path, data=config.data, model=config.model, config=choice, training=training,
        budget=loop.Budget(**settings["budget"]), seed=config.seed, devices=settings["devices"],
        precision=settings["precision"], skip_bad=settings["skip_bad"], quiet=quiet,
        attributes=None if settings["attributes"] is None else Path(settings["attributes"]),
        pretrained=pretrained if isinstance(pretrained, bool) else Path(pretrained),
    )  # fmt: skip
    return plan, dict(settings["asked"])


def _refuse_for_resume(given: Sequence[str]) -> None:
    if given:
        raise ValueError(
            f"--resume goes on with the run's own model, data and settings, so {', '.join(given)} cannot be changed. "
            "Leave that out, or train a new run."
        )


def _cost_before(run: Run) -> Cost | None:
    """What the former sittings of a resumed run have used."""
    rows = [row for row in run.read_log() if "cost" in row]
    return from_json(Cost, to_json(rows[-1]["cost"]), "log") if rows else None


# --- the training itself, in one process or several ---------------------------------------------------------------


def _launch(run: Run, plan: Plan) -> None:
    """Train in this process, or in as many as there are devices; the weights end in the run folder."""
    cuda = torch.cuda.is_available()
    strategy = "auto" if plan.devices == 1 else "ddp_spawn"
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces what the report says better
    fabric = Fabric(
        accelerator="cuda" if cuda else "cpu",
        devices=plan.devices,
        strategy=strategy,
        precision=plan.precision,  # type: ignore[arg-type]
    )
    try:
        with _signals() if plan.devices > 1 else contextlib.nullcontext():  # several processes stop by themselves
            failure = fabric.launch(functools.partial(_process, plan=plan))  # Fabric takes no frozen arguments  # type: ignore[arg-type]
        if failure is not None:
            raise failure
    except BaseException as error:
        interrupted = isinstance(error, loop.Interrupted | KeyboardInterrupt)
        run.change(state="interrupted" if interrupted else "failed")
        if isinstance(error, loop.Interrupted):
            raise loop.Interrupted(f"Go on with: clearsight train --resume {run.path}") from None
        raise


def _process(fabric: Fabric, plan: Plan) -> Exception | None:
    """One training process. What the first one has to say to the user is returned, since several share a launcher."""
    try:
        _trained(fabric, plan)
    except (ValueError, loop.Interrupted) as error:
        if not fabric.is_global_zero:
            return None
        return error
    return None


def _trained(fabric: Fabric, plan: Plan) -> None:
    """The data, the network, the loop; the weights end in the run folder."""
    run = Run.open(plan.run)
    torch.manual_seed(plan.seed)
    size_px = plan.training.size_px
    gathered = gather(plan.data, size_px, attributes=plan.attributes, skip_bad=plan.skip_bad)
    source, dataset = gathered.source, gathered.cached["train"]
    if source.fingerprint != run.config.fingerprint:
        raise ValueError(
            f"the data in {plan.data} is not what {run.path} was trained on: a picture, a truth or an attribute has "
            "changed. Restore the data, or train a new run."
        )
    network = trained.build(plan.model, plan.config, source.class_names, plan.pretrained)
    assert isinstance(network, nn.Module)
    task = trained.task_of(plan.model)
    state = run.read_checkpoint() if run.has_checkpoint else None
    with (
        Meter(start=_cost_before(run)) as meter,
        TrainingBar(run, plan.quiet or not fabric.is_global_zero) as bar,
        _signals() as stop,
    ):
        batches = Batches(
            dataset=dataset, training=plan.training, canvas=common_canvas(dataset, size_px),
            seed=plan.seed, rank=fabric.global_rank, world=fabric.world_size,
        )  # fmt: skip
        clock = loop.Clock(plan.budget, batches.steps_per_epoch, meter)
        keeper = _Keeper(run, meter, plan, task, source.split("val"), bar)
        hooks = loop.Hooks(
            save=keeper.save, validate=keeper.validate, watch=bar.show, log=keeper.log, stop=stop.asked,
            save_seconds=SAVE_EVERY_S,
        )  # fmt: skip
        try:
            average = loop.fit(network, batches.batch, ahead, clock, plan.training, fabric, hooks, state)
        except (loop.Interrupted, loop.Diverged):
            keeper.keep_weights()
            raise
    if fabric.is_global_zero:
        run.write_weights(average.state_dict())


@dataclass
class _Keeper:
    """Stores what the loop hands over: checkpoints, log lines, and the score on pictures held out of training."""

    run: Run
    meter: Meter
    plan: Plan
    task: Task
    held_out: Dataset
    bar: TrainingBar
    last: dict[str, Any] = field(default_factory=dict)

    def save(self, state: dict[str, Any]) -> None:
        self.last = state
        self.run.write_checkpoint(state)
        self.run.append_log({"saved": state["step"], "cost": to_json(self.meter.cost())})

    def keep_weights(self) -> None:
        """Make the last good weights usable although the run did not end."""
        if self.last:
            self.run.write_weights(self.last["average"])

    def log(self, moment: loop.Moment) -> None:
        self.run.append_log(dataclasses.asdict(moment))

    def validate(self, model: Model) -> float:
        """The headline metric on at most 100 held-out pictures, evenly spread."""
        dataset = Few(self.held_out, WATCHED_PICTURES)
        dtype = torch.bfloat16 if self.plan.precision == "bf16-mixed" else torch.float32
        device = str(next(model.parameters()).device)  # type: ignore[attr-defined]
        predictor = Predictor(model, self.plan.training.size_px, dtype=dtype, device=device)
        found = evaluation.evaluate(predictor, self.task, dataset).evidence.statistics
        return float(found.metrics()[0].compute(found, np.ones((1, found.images), dtype=np.float32))[0])


class Few:
    """At most so many samples of a data set, evenly spread over it."""

    def __init__(self, dataset: Dataset, most: int) -> None:
        self._dataset = dataset
        count = len(dataset)
        self._indices = [round(k) for k in np.linspace(0, count - 1, min(count, most))]
        self.name, self.split, self.class_names = dataset.name, dataset.split, dataset.class_names
        self.fingerprint, self.symmetries = dataset.fingerprint, dataset.symmetries

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Any:
        return self._dataset[self._indices[index]]


def common_canvas(dataset: Dataset, size_px: int) -> Size:
    """One canvas for all training pictures: the typical shape where most share it, else a square."""
    sizes = trained.sizes(dataset)
    shape = statistics.median(height / width for height, width in sizes)
    canvas = views.canvas_for((round(1000 * shape), 1000), size_px)
    fits = sum(
        height <= canvas[0] and width <= canvas[1] for height, width in (views.fitted(size, size_px) for size in sizes)
    )
    return canvas if fits >= 0.9 * len(sizes) else views.canvas_for((1, 1), size_px)


class _Stop:
    """Whether a signal asked the run to stop."""

    def __init__(self) -> None:
        self._asked = False

    def asked(self) -> bool:
        return self._asked

    def ask(self, number: int, frame: Any) -> None:
        if self._asked:  # asked twice: somebody is in a hurry
            raise KeyboardInterrupt
        self._asked = True


@contextlib.contextmanager
def _signals() -> Iterator[_Stop]:
    """Ctrl-C and a polite kill end the current step, then save; a second one stops at once."""
    stop = _Stop()
    try:
        former = {number: signal.signal(number, stop.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread, as in a notebook's worker: signals are not ours to catch
        former = {}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
