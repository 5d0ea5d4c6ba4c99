"""Focal loss: trained anew, with pictures that are recognised surely counting less (Lin et al. 2017)."""

from clearsight.types import Given, Retraining


def focal_loss(given: Given) -> tuple[Retraining, ...]:
    """One retraining with that loss, gamma as the model has it."""
    return (Retraining(said="focal loss", settings={"loss": "focal"}),)
