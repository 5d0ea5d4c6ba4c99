"""Re-weighting: trained anew, each picture counting in the loss so that every group and class counts the same."""

from clearsight.mitigations.balance import balancing
from clearsight.types import Given, Retraining


def reweighting(given: Given) -> tuple[Retraining, ...]:
    """One retraining with losses weighted by one over the size of the cell."""
    return (Retraining(said="losses weighted", losses=balancing(given.train.cells)),)
