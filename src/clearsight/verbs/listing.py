"""What there is to choose from: models and data layouts, read without importing any of them."""

from clearsight import catalogue


def models() -> tuple[catalogue.Part, ...]:
    """The models that can be trained: networks for pictures, then estimators for tables."""
    return catalogue.parts("architectures") + catalogue.parts("estimators")


def datasets() -> tuple[catalogue.Part, ...]:
    """The data layouts that are read, and the embedded sets."""
    return catalogue.parts("sources")
