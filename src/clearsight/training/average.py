"""The exponential moving average of a model's weights, which is what a run keeps."""

from copy import deepcopy

import torch
from torch import nn

AVERAGE_EVERY = 4  # steps between two updates of the average: weights change little in between, and updates take time


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

    def update_if_due(self, step: int, memory_steps: float) -> None:
        """Every few steps, the update of ``step`` with a time constant of ``memory_steps`` steps of training."""
        if step % AVERAGE_EVERY == 0:
            self.update(step // AVERAGE_EVERY, memory_steps / AVERAGE_EVERY)
