"""The training of a plan, in one process or several: the data, the network, the loop, and what is kept on the way."""

import contextlib
import dataclasses
import functools
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from lightning_fabric import Fabric
from torch import Tensor, nn

from clearsight.console.signals import signals
from clearsight.energy.meter import Meter
from clearsight.evaluation import evaluator
from clearsight.files.records import from_json, to_json
from clearsight.generation.conditions import conditions
from clearsight.generation.watching import Watcher
from clearsight.inference.allocation import keep_freed_memory
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.loading.data import Gathered, gather
from clearsight.loading.posing import posed
from clearsight.ops.spread import evenly_spread
from clearsight.run import Run
from clearsight.sources import CachedDataset
from clearsight.sources.batches.small_pictures import SmallBatches
from clearsight.sources.batches.views import Batches, ahead, at_once
from clearsight.sources.samples.clustering import AUTO
from clearsight.sources.samples.cropped import CroppedDataset
from clearsight.training import loop, starting, trackers
from clearsight.training.adversarial import fit_players
from clearsight.training.batching import Subset, batches_for
from clearsight.training.progress_bar import TrainingBar
from clearsight.types import Adversarial, Cost, Dataset, Label, Metric, Model, Task, Training

WATCHED_PICTURES = 100
PRIOR_PICTURES = 10_000
SAVE_EVERY_S = 60.0  # what a killed run loses at most


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
    target: str | None = None
    skip_bad: bool = False
    pretrained: bool | Path = False
    cluster: str = AUTO
    resplit: bool = False
    quiet: bool = False
    log_to: str | None = None

    def gather(self, *, quiet: bool = True) -> Gathered:
        """The data of the plan."""
        return gather(
            self.data, self.training.size_px, attributes=self.attributes, skip_bad=self.skip_bad,
            held_out=self.training.held_out, wanted=tuple(trained.tasks_of(self.model)), target=self.target,
            cluster=self.cluster, resplit=self.resplit, quiet=quiet,
        )  # fmt: skip


def launch(run: Run, plan: Plan, gathered: Gathered | None = None) -> None:
    """Train in this process, or in as many as there are devices; the weights end in the run folder.

    ``gathered`` is the plan's data where this process has it already; several processes each read their own.
    """
    cuda = torch.cuda.is_available()
    strategy = "auto" if plan.devices == 1 else "ddp_spawn"
    hush()
    fabric = Fabric(
        accelerator="cuda" if cuda else "cpu",
        devices=plan.devices,
        strategy=strategy,
        precision=plan.precision,  # type: ignore[arg-type]
    )
    here = functools.partial(_process, plan=plan, gathered=gathered if plan.devices == 1 else None)
    try:
        # Several processes stop by themselves.
        with signals(pass_on=True) if plan.devices > 1 else contextlib.nullcontext():
            failure = fabric.launch(here)  # type: ignore[arg-type]  # Fabric takes no frozen arguments
        if failure is not None:
            raise failure
    except BaseException as error:
        interrupted = isinstance(error, loop.Interrupted | KeyboardInterrupt)
        run.change(state="interrupted" if interrupted else "failed")
        if isinstance(error, loop.Interrupted):
            raise loop.Interrupted(f"Go on with: clearsight train --resume {run.path}") from None
        raise


def hush() -> None:
    """Keep Fabric from announcing what the report says better; every process has its own loggers."""
    for name in ("lightning_fabric", "lightning_fabric.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _process(fabric: Fabric, plan: Plan, gathered: Gathered | None) -> Exception | None:
    """One training process. What the first one has to say to the user is returned, since several share a launcher."""
    hush()
    keep_freed_memory()
    try:
        _trained(fabric, plan, gathered or plan.gather())
    except (ValueError, loop.Interrupted) as error:
        if not fabric.is_global_zero:
            return None
        return error
    return None


def _trained(fabric: Fabric, plan: Plan, gathered: Gathered) -> None:
    """The data, the network, the loop; the weights end in the run folder."""
    run = Run.open(plan.run)
    torch.manual_seed(plan.seed)
    source, dataset = gathered.source, learnt_from(plan.config, gathered)
    if source.fingerprint != run.config.fingerprint:
        raise ValueError(
            f"the data in {plan.data} is not what {run.path} was trained on: a picture, a label or an attribute has "
            "changed. Restore the data, or train a new run."
        )
    network = trained.build(plan.model, plan.config, source.class_names, plan.pretrained)
    assert isinstance(network, nn.Module)
    task = trained.task_of(run.config)
    state = run.read_checkpoint() if run.has_checkpoint else None
    if state is None:
        starting.begin(network, plan.config, dataset)
    with (
        Meter(start=cost_before(run), processes=fabric.world_size) as meter,
        trackers.opened(plan.log_to if fabric.is_global_zero else None, run, state["step"] if state else 0) as track,
        TrainingBar(run, plan.quiet or not fabric.is_global_zero) as bar,
        signals() as stop,
    ):
        batches = _batches(plan, dataset, fabric.global_rank, fabric.world_size)
        players = isinstance(network, Adversarial)
        clock = loop.Clock(plan.budget, _steps_per_epoch(network, batches), meter)
        if trained.makes_pictures(plan.model):
            keeper: _Keeper = _GeneratorKeeper(run, meter, plan, task, cast(Any, dataset), track, clock=clock)
        else:
            keeper = _Keeper(run, meter, plan, task, posed(source, run.config).splits.get("val"), track)
        hooks = loop.Hooks(
            save=keeper.save, validate=keeper.validate if keeper.held_out is not None else None, watch=bar.show,
            log=keeper.log, stop=stop.asked, merit=keeper.merit, ended=keeper.ended, save_seconds=SAVE_EVERY_S,
            every_epoch=plan.training.patience > 0 or plan.training.save_best,
        )  # fmt: skip
        try:
            stream = at_once if fabric.device.type == "cpu" else ahead
            fit: Any = fit_players if players else loop.fit
            average = fit(network, batches.batch, stream, clock, _keeping_best(plan, players), fabric, hooks, state)
        except (loop.Interrupted, loop.Diverged):
            keeper.keep_weights()
            raise
    if hasattr(average, "fit_prior"):
        average.fit_prior(*_fitted_on(dataset, plan.config.conditional))
    if fabric.is_global_zero:
        run.write_weights(average.state_dict())


def _keeping_best(plan: Plan, players: bool) -> Training:
    """The training of the plan; a generator of two players always keeps the weights that scored best.

    Two players may run away at any time, and only a generator is scored by what its players are trained for.
    """
    best = plan.training.save_best or (players and trained.makes_pictures(plan.model))
    return dataclasses.replace(plan.training, save_best=best)


def _fitted_on(
    dataset: CachedDataset | CroppedDataset, conditional: bool
) -> tuple[Float[Tensor, "n 3 h w"], Int[Tensor, "n"] | None]:
    """At most 10,000 training pictures in [0, 1], evenly spread, and their classes for a network that knows classes."""
    place = evenly_spread(len(dataset), PRIOR_PICTURES)
    truths = [dataset.truth(row) for row in place] if conditional else []
    classes = torch.tensor([truth.index for truth in truths if isinstance(truth, Label)]) if conditional else None
    return dataset.stack()[place].float() / 255, classes


def learnt_from(config: Any, gathered: Gathered) -> CachedDataset | CroppedDataset:
    """The training pictures as the model takes them: of one size where it makes pictures of that size only."""
    size = tuple(getattr(config, "size", ()))
    return gathered.cropped("train", (size[0], size[1])) if size else gathered.cached["train"]


def _batches(plan: Plan, dataset: CachedDataset | CroppedDataset, rank: int, world: int) -> Batches | SmallBatches:
    return batches_for(dataset, plan.training, trained.multiple_of(plan.model), plan.seed, rank, world)


def _steps_per_epoch(network: object, batches: Batches | SmallBatches) -> int:
    steps = batches.steps_per_epoch / (len(network.turns) if isinstance(network, Adversarial) else 1)
    return max(1, round(steps))


def steps_of(plan: Plan, gathered: Gathered) -> int | None:
    """How many steps the plan's training takes; None where its budget is not one of steps or epochs."""
    network = trained.build(plan.model, plan.config, gathered.source.class_names)
    batches = _batches(plan, learnt_from(plan.config, gathered), 0, plan.devices)
    return loop.Clock(plan.budget, _steps_per_epoch(network, batches), Meter()).steps


@dataclass
class _Keeper:
    """Stores what the loop hands over: checkpoints, log lines, and the score on pictures held out of training."""

    run: Run
    meter: Meter
    plan: Plan
    task: Task
    held_out: Dataset | None
    track: Callable[[trackers.Line], None]
    metric: Metric | None = None
    last: dict[str, Any] = field(default_factory=dict)

    def write(self, line: trackers.Line) -> None:
        """One line of the log, and of the tracker's."""
        self.run.append_log(line)
        self.track(line)

    def save(self, state: dict[str, Any]) -> None:
        self.last = state
        self.run.write_checkpoint(state)
        self.write({"saved": state["step"], "cost": to_json(self.meter.cost())})

    def keep_weights(self) -> None:
        """Make the last good weights usable although the run did not end."""
        if self.last:
            self.run.write_weights(self.last["average"])

    def log(self, moment: loop.Moment) -> None:
        self.write(dataclasses.asdict(moment))

    def merit(self, score: float) -> float:
        """The score, turned so that higher is better."""
        return score if self.metric is None else self.metric.merit(score)

    def ended(self, ending: loop.Ending) -> None:
        """What validation decided, for the log and for the card."""
        named = "minus the Fréchet distance to training pictures" if self.metric is None else self.metric.name
        found = {**dataclasses.asdict(ending), "metric": named}
        self.write({"ended": found, "step": ending.step})
        self.run.change(settings={**self.run.config.settings, "ended": found})

    def validate(self, model: Model) -> float:
        """The headline metric on at most 100 held-out pictures, evenly spread."""
        assert self.held_out is not None
        dataset = Subset(self.held_out, WATCHED_PICTURES)
        dtype = torch.bfloat16 if self.plan.precision == "bf16-mixed" else torch.float32
        device = str(next(model.parameters()).device)  # type: ignore[attr-defined]
        predictor = Predictor(model, self.plan.training.size_px, dtype=dtype, device=device)
        found = evaluator.evaluate(predictor, self.task, dataset).statistics
        self.metric = found.metrics()[0]
        return float(self.metric.compute(found, np.ones((1, found.images), dtype=np.float32))[0])


@dataclass
class _GeneratorKeeper(_Keeper):
    """The same for a generator: its score is told from its pictures, which are kept as they become better."""

    clock: loop.Clock = field(kw_only=True)

    def __post_init__(self) -> None:
        dataset = cast(CroppedDataset, self.held_out)
        classes = len(dataset.class_names) if self.plan.config.conditional else 0
        given = conditions(self.plan.config.made_from, dataset.stack(), dataset.maps)
        self.watcher = Watcher(self.run, dataset.stack(), classes, self.plan.seed, given)

    def validate(self, model: Any) -> float:
        """Minus the Fréchet distance to training pictures; a sheet of pictures; an alarm where they are all alike."""
        score, alarm = self.watcher.look(model, self.clock.step)
        if alarm is not None:
            self.write({"alarm": alarm, "step": self.clock.step})
            if not self.plan.quiet:
                print(f"warning: {alarm}", file=sys.stderr)
        return score


def cost_before(run: Run) -> Cost | None:
    """What the former sittings of a resumed run have used."""
    rows = [row for row in run.read_log() if "cost" in row]
    return from_json(Cost, to_json(rows[-1]["cost"]), "log") if rows else None
