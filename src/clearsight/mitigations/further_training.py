"""Further training: the network goes on from its weights, and nothing is done for any group.

It is there to compare with: what this reaches, more steps alone reach.
"""

from clearsight.mitigations.fine_tuning import RATE
from clearsight.types import Given, Retraining


def further_training(given: Given) -> tuple[Retraining, ...]:
    """One training from the run's weights, as fine-tuning but with pictures drawn as before."""
    return (Retraining(said="from the run's weights, drawn as before", start="run", rate=RATE),)
