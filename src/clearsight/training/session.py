"""What a training does around its steps, whatever a step is: agree on the progress, validate, log, save, stop.

Both loops, that of one network and that of two players, are written on it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from clearsight.training.budget import Clock
from clearsight.training.snapshots import BestSnapshot
from clearsight.training.stopping import EarlyStopping, Ending
from clearsight.types import Batch

FIRST_VALIDATION_S = 20.0  # before that there is little to see
LAST_VALIDATION = 0.9  # after that the evaluation at the end is near
MOST_EVALUATIONS = 50  # in a run whose end they decide: epochs of few pictures are not evaluated one by one


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

    ``validate(model) -> score`` is called while its time stays below ``validation_share`` of all time, or with
    ``every_epoch`` after each one, 50 times in a run at most, where the score decides how the training ends;
    ``merit(score)`` is the higher, the better a score is; ``save(state)`` stores a checkpoint at least every
    ``save_seconds`` and at the end; ``watch(moment)`` is called at every step; ``stop()`` returns whether to stop after
    this step; ``ended(ending)`` is told what validation decided, where it decided something.
    """

    save: Callable[[dict[str, Any]], None]
    validate: Callable[[Any], float] | None = None
    watch: Callable[[Moment], None] = lambda moment: None
    log: Callable[[Moment], None] = lambda moment: None
    stop: Callable[[], bool] = lambda: False
    merit: Callable[[float], float] = lambda score: score
    ended: Callable[[Ending], None] = lambda ending: None
    every_epoch: bool = False
    validation_share: float = 0.05
    save_seconds: float = 60.0


class Session:
    """One sitting of a run, around the steps of a loop. ``state`` makes what a checkpoint holds.

    ``patience`` is that of early stopping, 0 for none; ``best`` keeps the weights that score best, where those are to
    be the weights of the run.
    """

    def __init__(
        self,
        clock: Clock,
        fabric: Fabric,
        hooks: Hooks,
        state: Callable[[], dict[str, Any]],
        *,
        patience: int = 0,
        best: BestSnapshot | None = None,
    ) -> None:
        self.clock, self.fabric, self.hooks, self._state = clock, fabric, hooks, state
        self.stopping, self.best = EarlyStopping(patience), best
        self.asked_to_stop = self.stopped_early = False
        self.score: float | None = None
        self.losses: dict[str, float] = {}
        self.validation_s = 0.0
        self.saved_at = self.validated_at = 0.0
        self.validated_step, self.validated_progress = 0, 0.0

    def run(self, stream: Iterator[Batch], step: Callable[[Iterator[Batch], float], None]) -> None:
        """Take steps until the budget is used or patience has run out, each of as many batches of ``stream`` as it
        needs; then close it. A run has one step at least, however small its budget.

        Raises Interrupted, with everything saved, when asked to stop.
        """
        self.clock.begin()
        self.saved_at = self.validated_at = self.clock.seconds
        try:
            while ((progress := self.agreed_progress()) < 1 or self.clock.step == 0) and not self.stopped_early:
                step(stream, progress)
                if self.asked_to_stop:
                    self.save()
                    raise Interrupted
        finally:
            stream.close()  # type: ignore[attr-defined]

    def agreed_progress(self) -> float:
        """The progress that all processes use, since their clocks differ; and whether any of them was asked to stop,
        or has run out of patience."""
        told = (self.clock.progress(), float(self.hooks.stop()), float(self.stopping.over))
        here = torch.tensor(told, dtype=torch.float64)
        if self.fabric.world_size > 1:
            most = self.fabric.all_reduce(here.to(self.fabric.device), reduce_op="max")
            assert isinstance(most, Tensor)
            here = most.cpu()
        self.asked_to_stop, self.stopped_early = bool(here[1]), bool(here[2])
        return float(here[0])

    def after_step(self, model: nn.Module) -> None:
        """What follows a step: whoever watches, validation of ``model`` and a checkpoint, the latter two where due."""
        self.hooks.watch(self.moment())
        if self.hooks.validate is not None and self.fabric.is_global_zero and self._validation_is_due():
            self._validate(model)
            self.hooks.log(self.moment())
        if self.clock.seconds - self.saved_at > self.hooks.save_seconds:
            self.save()

    def _validation_is_due(self) -> bool:
        """Whether enough time has passed for validation to take only a small share of it.

        Where early stopping hangs on the score, steps are counted and not seconds, so that the same run ends alike.
        """
        progress = self.clock.progress()
        if self.hooks.every_epoch:
            since = self.clock.step - self.validated_step
            far = progress - self.validated_progress >= 1 / MOST_EVALUATIONS - 1e-9
            return far and since >= self.clock.steps_per_epoch and progress < 1
        pause = max(FIRST_VALIDATION_S, self.validation_s / self.hooks.validation_share)
        return self.clock.seconds - self.validated_at >= pause and progress <= LAST_VALIDATION

    def _validate(self, model: nn.Module) -> None:
        assert self.hooks.validate is not None
        began = time.perf_counter()
        self.score = self.hooks.validate(model)
        self.validation_s = time.perf_counter() - began
        self.validated_at = self.clock.seconds
        self.validated_step, self.validated_progress = self.clock.step, self.clock.progress()
        merit = self.hooks.merit(self.score)
        self.stopping.see(self.score, merit, self.clock.step)
        if self.best is not None:
            self.best.offer(model, merit, self.clock.step)

    def moment(self) -> Moment:
        """The state of the run now."""
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

    def save(self) -> None:
        """Hand the whole state over for storing, on the first process only."""
        if self.fabric.is_global_zero:
            self.hooks.save(self.state())
        self.saved_at = self.clock.seconds

    def finish(self, model: nn.Module) -> None:
        """The last log line and checkpoint; ``model`` gets the best weights where those are kept.

        The last weights are validated too, before one of them is chosen.
        """
        if self.fabric.is_global_zero:
            if self.clock.step != self.validated_step or self.stopping.seen == 0:
                if self.best is not None and self.hooks.validate is not None:
                    self._validate(model)
                self.hooks.log(self.moment())
            if (self.stopped_early or self.best is not None) and self.stopping.merit is not None:
                self.hooks.ended(self._ending())
        self.save()
        if self.best is not None:
            self.best.put_into(model)

    def _ending(self) -> Ending:
        return Ending(
            step=self.clock.step,
            progress=self.clock.progress(),
            evaluations=self.stopping.seen,
            best_step=self.stopping.step,
            best_score=self.stopping.score,
            stopped_early=self.stopped_early,
            kept_best=self.best is not None,
        )

    def state(self) -> dict[str, Any]:
        """What the loop keeps, and what is kept of any run: its step, its time, its scores, its random state."""
        return {
            "step": self.clock.step,
            "seconds": self.clock.seconds,
            "score": self.score,
            **self._state(),
            "stopping": {
                **self.stopping.state(),
                "validated_step": self.validated_step,
                "validated_progress": self.validated_progress,
            },
            **({} if self.best is None else {"best": self.best.state()}),
            "random": torch.get_rng_state(),
            **({"gpu_random": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {}),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where ``state`` was made."""
        self.clock.step, self.clock.before_s, self.score = state["step"], state["seconds"], state["score"]
        stopping = dict(state.get("stopping", {}))  # runs that were begun before there was early stopping have none
        self.validated_step = stopping.pop("validated_step", 0)
        self.validated_progress = stopping.pop("validated_progress", 0.0)
        self.stopping.restore(stopping)
        if self.best is not None and "best" in state:
            self.best.restore(state["best"])
        torch.set_rng_state(state["random"])
        if torch.cuda.is_available() and "gpu_random" in state:
            torch.cuda.set_rng_state(state["gpu_random"])
