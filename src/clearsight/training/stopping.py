"""Early stopping: when a training has gone on for long enough without its validation score becoming better."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What validation decided about the end of a training.

    ``step`` of ``progress`` is where it ended, ``evaluations`` how often it was validated; ``best_score`` was reached
    at ``best_step``. ``stopped_early`` says that the budget was not used up, ``kept_best`` that the weights kept are
    those of ``best_step`` and not the last ones.
    """

    step: int
    progress: float
    evaluations: int
    best_step: int
    best_score: float
    stopped_early: bool
    kept_best: bool


class EarlyStopping:
    """Counts the evaluations since the best one; Prechelt (1998), "Early stopping - but when?", compares such criteria.

    ``patience`` is how many in a row may pass without a better one; 0 lets the training use its whole budget. Equal
    scores and NaN are no improvement.
    """

    def __init__(self, patience: int = 0) -> None:
        self.patience = patience
        self.merit: float | None = None
        self.score, self.step, self.waited, self.seen = 0.0, 0, 0, 0

    def see(self, score: float, merit: float, step: int) -> None:
        """One evaluation: its score, and a number that is the higher, the better the score is."""
        self.seen += 1
        self.waited += 1
        if merit == merit and (self.merit is None or merit > self.merit):
            self.merit, self.score, self.step, self.waited = merit, score, step, 0

    @property
    def over(self) -> bool:
        """Whether patience has run out."""
        return 0 < self.patience <= self.waited

    def state(self) -> dict[str, Any]:
        """Everything to go on from."""
        return {
            "merit": self.merit, "score": self.score, "step": self.step, "waited": self.waited, "seen": self.seen
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where ``state`` was made."""
        for name, value in state.items():
            setattr(self, name, value)
