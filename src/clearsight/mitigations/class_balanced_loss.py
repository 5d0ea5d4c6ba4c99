"""Class-balanced loss: trained anew, classes weighted by their effective numbers (Cui et al. 2019).

It knows of classes only, so it helps groups that are served badly because a class is rare.
"""

from clearsight.types import Given, Retraining


def class_balanced_loss(given: Given) -> tuple[Retraining, ...]:
    """One retraining with that loss, beta as the model has it."""
    return (Retraining(said="class-balanced loss", settings={"loss": "class-balanced"}),)
