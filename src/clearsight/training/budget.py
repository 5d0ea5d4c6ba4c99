"""How long to train, and how far a run is: its budget, and the clock that measures the run against it."""

import math
import time
from dataclasses import dataclass
from typing import Protocol


class Meter(Protocol):
    """An energy meter, as the loops use it."""

    def kwh_so_far(self) -> float:
        """Energy used so far, in kWh; cheap enough to read at every step."""
        ...


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long to train: exactly one of epochs, minutes, or kWh. The schedule follows it.

    ``steps`` is the budget of a forecast, which measures the schedule in little.
    """

    epochs: float | None = None
    minutes: float | None = None
    kwh: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in vars(self).items() if value is not None}
        if len(given) != 1:
            raise ValueError(f"{len(given)} budgets were given. Expected one of epochs, minutes or kwh.")
        ((name, value),) = given.items()
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"the budget is {value} {name}. Expected a number above 0.")


class Clock:
    """The progress of a run, over all its sessions: seconds, steps, kWh against the budget."""

    def __init__(self, budget: Budget, steps_per_epoch: int, meter: Meter) -> None:
        self.budget, self.steps_per_epoch, self.meter = budget, steps_per_epoch, meter
        self.steps = budget.steps if budget.epochs is None else max(1, round(budget.epochs * steps_per_epoch))
        self.step, self.before_s, self.start = 0, 0.0, time.perf_counter()

    def begin(self) -> None:
        """Count the seconds of this session from now: what was made ready before its first step is no training."""
        self.start = time.perf_counter()

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
