"""Logit adjustment: trained anew, with the logits shifted by how frequent the classes are (Menon et al. 2021).

It knows of classes only, so it helps groups that are served badly because a class is rare.
"""

from clearsight.types import Given, Retraining


def logit_adjustment(given: Given) -> tuple[Retraining, ...]:
    """One retraining with that loss."""
    return (Retraining(said="logit-adjusted loss", settings={"loss": "logit-adjusted"}),)
