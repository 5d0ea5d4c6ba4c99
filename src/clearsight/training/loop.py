"""The training loop, independent of the model and the task.

One step is: make the batch, take an optimizer step on the sum of the losses, update the moving average of the weights.
Everything a step reads is a function of the seed, the step and the saved state, so a run that was stopped and resumed
ends, on a CPU, in the weights of a run that never stopped.
"""

import math
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from clearsight.training.optimizers import optimizers_for
from clearsight.types import Batch, Losses, Training

AVERAGE_EVERY = 4  # steps between two updates of the average: weights change little in between, and updates take time
FIRST_VALIDATION_S = 20.0  # before that there is little to see
LAST_VALIDATION = 0.9  # after that the evaluation at the end is near
FINAL_RATE = 0.01  # the learning rate at the end, as a share of the peak


class Meter(Protocol):
    """An energy meter, as the loop uses it."""

    def kwh_so_far(self) -> float:
        """Energy used so far, in kWh; cheap enough to read at every step."""
        ...


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long to train: exactly one of epochs, minutes, or kWh. The schedule follows it."""

    epochs: float | None = None
    minutes: float | None = None
    kwh: float | None = None

    def __post_init__(self) -> None:
        given = {
            k: v for k, v in (("epochs", self.epochs), ("minutes", self.minutes), ("kwh", self.kwh)) if v is not None
        }
        if len(given) != 1:
            raise ValueError(f"{len(given)} budgets were given. Expected one of epochs, minutes or kwh.")
        ((name, value),) = given.items()
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"the budget is {value} {name}. Expected a number above 0.")


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The state of a run: what a progress bar shows and a log line stores."""

    step: int
    progress: float
    seconds: float
    kwh: float
    losses: dict[str, float]
    score: float | None
    seconds_left: float | None


class Diverged(ValueError):
    """The loss or its gradient became NaN or infinite."""


class Interrupted(Exception):
    """The run was asked to stop; its state was saved."""


@dataclass(kw_only=True)
class Hooks:
    """Callbacks of the loop, none of which changes the training.

    ``validate(model) -> score`` is called while its time stays below ``validation_share`` of all time; ``save(state)``
    stores a checkpoint at least every ``save_seconds`` and at the end; ``watch(moment)`` is called at every
    step; ``stop()`` returns whether to stop after this step.
    """

    save: Callable[[dict[str, Any]], None]
    validate: Callable[[Any], float] | None = None
    watch: Callable[[Moment], None] = lambda moment: None
    log: Callable[[Moment], None] = lambda moment: None
    stop: Callable[[], bool] = lambda: False
    validation_share: float = 0.05
    save_seconds: float = 60.0


def rate_at(progress: float, warmup_share: float) -> float:
    """The learning rate schedule, as a share of the peak: linear warm-up, then cosine decay to 1%."""
    if progress < warmup_share:
        return max(progress / warmup_share, 1e-3)
    fall = (progress - warmup_share) / max(1 - warmup_share, 1e-9)
    return FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * min(fall, 1.0)))


class Average:
    """The exponential moving average of a model's weights and running statistics.

    Its time constant is a share of the whole run, so it fits a run of 200 steps and one of 200,000; early on it is
    shorter still, so that the random initialisation is forgotten.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = deepcopy(model).eval().requires_grad_(False)
        pairs = list(zip(self.model.state_dict().values(), model.state_dict().values(), strict=True))
        self._floats = [pair for pair in pairs if pair[0].dtype.is_floating_point]
        self._integers = [pair for pair in pairs if not pair[0].dtype.is_floating_point]

    @torch.no_grad()
    def update(self, step: int, memory_steps: float) -> None:
        """The ``step``-th update, with a time constant of ``memory_steps``."""
        decay = min(1 - 1 / (memory_steps + 1), (1 + step) / (10 + step))
        if self._floats:
            torch._foreach_lerp_([mine for mine, _ in self._floats], [theirs for _, theirs in self._floats], 1 - decay)
        for mine, theirs in self._integers:
            mine.copy_(theirs)


class Clock:
    """The progress of a run, over all its sessions: seconds, steps, kWh against the budget."""

    def __init__(self, budget: Budget, steps_per_epoch: int, meter: Meter) -> None:
        self.budget, self.meter = budget, meter
        self.steps = None if budget.epochs is None else max(1, round(budget.epochs * steps_per_epoch))
        self.step, self.before_s, self.start = 0, 0.0, time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds trained, former sessions included."""
        return self.before_s + time.perf_counter() - self.start

    def progress(self, step: int | None = None) -> float:
        """The share of the budget that is used, in [0, 1], at ``step`` where the budget counts steps."""
        if self.steps is not None:
            return min(1.0, (self.step if step is None else step) / self.steps)
        if self.budget.minutes is not None:
            return min(1.0, self.seconds / 60 / self.budget.minutes)
        assert self.budget.kwh is not None
        return min(1.0, self.meter.kwh_so_far() / self.budget.kwh)

    def total_steps(self) -> float:
        """How many steps the whole run will take, estimated from now."""
        return self.steps or self.step / max(self.progress(), 1e-3)


def fit(
    model: nn.Module,
    batches: Callable[[int, float], Batch],
    ahead: Callable[[Callable[[int], Batch], int], Iterator[Batch]],
    clock: Clock,
    training: Training,
    fabric: Fabric,
    hooks: Hooks,
    state: dict[str, Any] | None = None,
) -> nn.Module:
    """Train until the budget is used and return the averaged model, in evaluation mode.

    ``batches(step, progress)`` makes a batch; ``ahead`` makes them before they are needed; ``state`` is a checkpoint
    to resume from. Raises Diverged when a loss is not finite and Interrupted when asked to stop; both leave a
    checkpoint behind.
    """
    trainer = _Trainer(model, clock, training, fabric, hooks, state)
    stream = ahead(lambda step: batches(step, clock.progress(step)), clock.step)
    try:
        while (progress := trainer.agreed_progress()) < 1:
            trainer.step(next(stream), progress)
            if trainer.asked_to_stop:
                trainer.save()
                raise Interrupted
    finally:
        stream.close()  # type: ignore[attr-defined]
    trainer.finish()
    return trainer.average.model


class _OpaqueBatch:
    """A batch that Fabric passes on untouched: it inspects frozen dataclasses, and refuses them."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch


class _LossModule(nn.Module):
    """A model whose forward is its losses, since distributed training synchronises gradients only through forward."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, opaque: _OpaqueBatch) -> Losses:
        return self.model.losses(opaque.batch)  # type: ignore[operator]


class _Trainer:
    """The state of one training and its steps."""

    def __init__(
        self,
        model: nn.Module,
        clock: Clock,
        training: Training,
        fabric: Fabric,
        hooks: Hooks,
        state: dict[str, Any] | None,
    ) -> None:
        self.clock, self.training, self.fabric, self.hooks = clock, training, fabric, hooks
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.raw_model = model
        self.model, *self.optimizers = fabric.setup(_LossModule(model), *optimizers_for(model, training))
        self.average = Average(self.raw_model)
        self.asked_to_stop = False
        self.score: float | None = None
        self.losses: dict[str, float] = {}
        self.validation_s = 0.0
        if state is not None:
            self._restore(state)
        self.saved_at = self.validated_at = clock.seconds
        self.raw_model.train()
        self.frozen: nn.Module | None = None

    def agreed_progress(self) -> float:
        """The progress that all processes use, since their clocks differ; and whether any of them was asked to stop."""
        here = torch.tensor([self.clock.progress(), float(self.hooks.stop())], dtype=torch.float64)
        if self.fabric.world_size > 1:
            most = self.fabric.all_reduce(here.to(self.fabric.device), reduce_op="max")
            assert isinstance(most, Tensor)
            here = most.cpu()
        self.asked_to_stop = bool(here[1])
        return float(here[0])

    def step(self, batch: Batch, progress: float) -> None:
        """One batch: optimizer step, moving average, and validation and checkpoint where due."""
        rate = rate_at(progress, self.training.warmup_share)
        for group in (group for optimizer in self.optimizers for group in optimizer.param_groups):
            group["lr"] = group["highest"] * rate
        self._freeze_backbone(progress < self.training.frozen_share)
        losses = self.model(_OpaqueBatch(_on(batch, self.fabric.device)))
        self._optimize(losses)
        self.clock.step += 1
        if self.clock.step % AVERAGE_EVERY == 0:
            memory = self.training.ema_share * self.clock.total_steps() / AVERAGE_EVERY
            self.average.update(self.clock.step // AVERAGE_EVERY, memory)
        self.hooks.watch(self._moment())
        self._validate_if_due()
        if self.clock.seconds - self.saved_at > self.hooks.save_seconds:
            self.save()

    def _freeze_backbone(self, wanted: bool) -> None:
        """Freeze the backbone, running statistics included, or unfreeze it."""
        if wanted == (self.frozen is not None):
            return
        backbone = self.raw_model.get_submodule("backbone")
        backbone.train(not wanted)
        # Several processes wait for every registered gradient, so there it is computed and discarded.
        if self.fabric.world_size == 1:
            backbone.requires_grad_(not wanted)
        self.frozen = backbone if wanted else None

    def _optimize(self, losses: Losses) -> None:
        total = torch.stack([value.float() for value in losses.values()]).sum()
        self.raw_model.zero_grad(set_to_none=True)
        self.fabric.backward(total)
        if self.frozen is not None:
            self.frozen.zero_grad(set_to_none=True)
        norm = nn.utils.clip_grad_norm_(self.raw_model.parameters(), self.training.clip_norm)
        if not bool(torch.isfinite(norm + total.detach() if self.fabric.world_size == 1 else norm)):
            self.save()
            named = ", ".join(f"{name} {float(value.detach()):.4g}" for name, value in losses.items())
            raise Diverged(
                f"the loss became NaN or infinite at step {self.clock.step + 1} ({named}; gradient {float(norm):.4g}). "
                f"The weights before this step were kept. Train again with a lower learning rate, for example "
                f"--set learning_rate={self.training.learning_rate / 4:g}, and look at the data with `clearsight data`."
            )
        for optimizer in self.optimizers:
            optimizer.step()
        self.losses = {name: float(value.detach()) for name, value in losses.items()}

    def _validate_if_due(self) -> None:
        """Validate when enough time has passed for validation to take only a small share of it."""
        if self.hooks.validate is None or not self.fabric.is_global_zero:
            return
        since = self.clock.seconds - self.validated_at
        pause = max(FIRST_VALIDATION_S, self.validation_s / self.hooks.validation_share)
        if since < pause or self.clock.progress() > LAST_VALIDATION:
            return
        began = time.perf_counter()
        self.score = self.hooks.validate(self.average.model)
        self.validation_s = time.perf_counter() - began
        self.validated_at = self.clock.seconds
        self.hooks.log(self._moment())

    def _moment(self) -> Moment:
        progress, seconds = self.clock.progress(), self.clock.seconds
        return Moment(
            step=self.clock.step,
            progress=progress,
            seconds=seconds,
            kwh=self.clock.meter.kwh_so_far(),
            losses=self.losses,
            score=self.score,
            seconds_left=seconds * (1 - progress) / progress if progress > 0.005 else None,
        )

    def finish(self) -> None:
        """The last log line and checkpoint."""
        self.hooks.log(self._moment())
        self.save()
        self.average.model.eval()

    def save(self) -> None:
        """Hand the whole state over for storing, on the first process only."""
        if self.fabric.is_global_zero:
            self.hooks.save(self._state())
        self.saved_at = self.clock.seconds

    def _state(self) -> dict[str, Any]:
        return {
            "step": self.clock.step,
            "seconds": self.clock.seconds,
            "score": self.score,
            "model": self.raw_model.state_dict(),
            "average": self.average.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "random": torch.get_rng_state(),
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.raw_model.load_state_dict(state["model"])
        self.average.model.load_state_dict(state["average"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.clock.step, self.clock.before_s, self.score = state["step"], state["seconds"], state["score"]
        torch.set_rng_state(state["random"])


def _on(batch: Batch, device: torch.device) -> Batch:
    """The batch with its pictures on the device."""
    if batch.images.device == device:
        return batch
    return replace(batch, images=batch.images.to(device, non_blocking=True))
