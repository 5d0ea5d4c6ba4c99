"""Balanced fine-tuning: the whole network goes on from its weights, with every group and class drawn equally often.

Balanced data alone reach much of what methods made for the worst group do (Idrissi et al. 2022). Starting from the
weights of the run spares learning anew what serves everybody. The learning rates are a fifth of the run's, and the
run's own augmentation holds against learning the few pictures of rare groups by heart. What more steps alone do is
shown by further-training.
"""

from clearsight.mitigations.balance import balancing
from clearsight.types import Given, Retraining

RATE = 0.2


def fine_tuning(given: Given) -> tuple[Retraining, ...]:
    """One training from the run's weights, with draws by one over the size of the cell."""
    draws = balancing(given.train.cells)
    return (Retraining(said="from the run's weights, drawn equally often", start="run", rate=RATE, draws=draws),)
