"""Which weights of a run to keep when later ones may be worse: those with the best score."""

import math
from typing import Any

import torch
from torch import nn


class BestSnapshot:
    """The averaged weights that scored best so far; a higher score is better.

    Two players may undo in the last minutes what they had learnt before, so a run keeps both: the last weights, and
    these. ``state`` belongs into the checkpoint, so that a resumed run does not forget them.
    """

    def __init__(self) -> None:
        self.score: float | None = None
        self.step: int | None = None
        self._weights: dict[str, torch.Tensor] = {}

    def offer(self, model: nn.Module, score: float, step: int) -> bool:
        """Keep a copy of the weights if none scored as well before; whether it did. A score of NaN is none."""
        if math.isnan(score) or (self.score is not None and score <= self.score):
            return False
        self.score, self.step = score, step
        self._weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
        return True

    def put_into(self, model: nn.Module) -> bool:
        """Give a model of the same kind the weights kept; False, and nothing happens, where none has scored yet."""
        if self.score is None:
            return False
        model.load_state_dict(self._weights)
        return True

    def state(self) -> dict[str, Any]:
        """Everything to go on from."""
        return {"score": self.score, "step": self.step, "weights": self._weights}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where ``state`` was made."""
        self.score, self.step, self._weights = state["score"], state["step"], dict(state["weights"])
