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
from clearsight.types import Batch

FIRST_VALIDATION_S = 20.0  # before that there is little to see
LAST_VALIDATION = 0.9  # after that the evaluation at the end is near


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


class Session:
    """One sitting of a run, around the steps of a loop. ``state`` makes what a checkpoint holds."""

    def __init__(self, clock: Clock, fabric: Fabric, hooks: Hooks, state: Callable[[], dict[str, Any]]) -> None:
        self.clock, self.fabric, self.hooks, self._state = clock, fabric, hooks, state
        self.asked_to_stop = False
        self.score: float | None = None
        self.losses: dict[str, float] = {}
        self.validation_s = 0.0
        self.saved_at = self.validated_at = clock.seconds

    def run(self, stream: Iterator[Batch], step: Callable[[Iterator[Batch], float], None]) -> None:
        """Take steps until the budget is used, each of as many batches of ``stream`` as it needs; then close it.

        Raises Interrupted, with everything saved, when asked to stop.
        """
        try:
            while (progress := self.agreed_progress()) < 1:
                step(stream, progress)
                if self.asked_to_stop:
                    self.save()
                    raise Interrupted
        finally:
            stream.close()  # type: ignore[attr-defined]

    def agreed_progress(self) -> float:
        """The progress that all processes use, since their clocks differ; and whether any of them was asked to stop."""
        here = torch.tensor([self.clock.progress(), float(self.hooks.stop())], dtype=torch.float64)
        if self.fabric.world_size > 1:
            most = self.fabric.all_reduce(here.to(self.fabric.device), reduce_op="max")
            assert isinstance(most, Tensor)
            here = most.cpu()
        self.asked_to_stop = bool(here[1])
        return float(here[0])

    def after_step(self, model: nn.Module) -> bool:
        """What follows a step: whoever watches, validation of ``model`` and a checkpoint, the latter two where due.

        Returns whether it was validated.
        """
        self.hooks.watch(self.moment())
        validated = self._validate_if_due(model)
        if self.clock.seconds - self.saved_at > self.hooks.save_seconds:
            self.save()
        return validated

    def _validate_if_due(self, model: nn.Module) -> bool:
        """Validate when enough time has passed for validation to take only a small share of it."""
        if self.hooks.validate is None or not self.fabric.is_global_zero:
            return False
        since = self.clock.seconds - self.validated_at
        pause = max(FIRST_VALIDATION_S, self.validation_s / self.hooks.validation_share)
        if since < pause or self.clock.progress() > LAST_VALIDATION:
            return False
        began = time.perf_counter()
        self.score = self.hooks.validate(model)
        self.validation_s = time.perf_counter() - began
        self.validated_at = self.clock.seconds
        self.hooks.log(self.moment())
        return True

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

    def finish(self) -> None:
        """The last log line and checkpoint."""
        self.hooks.log(self.moment())
        self.save()

    def state(self) -> dict[str, Any]:
        """What the loop keeps, and what is kept of any run: its step, its time, its score, its random state."""
        return {
            "step": self.clock.step,
            "seconds": self.clock.seconds,
            "score": self.score,
            **self._state(),
            "random": torch.get_rng_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where ``state`` was made."""
        self.clock.step, self.clock.before_s, self.score = state["step"], state["seconds"], state["score"]
        self.saved_at = self.validated_at = self.clock.seconds
        torch.set_rng_state(state["random"])
