"""The models that can be trained, read without importing any of them."""

from clearsight import catalogue


def models() -> tuple[catalogue.Part, ...]:
    """The models that can be trained: networks for pictures, then estimators for tables."""
    return catalogue.parts("architectures") + catalogue.parts("generators") + catalogue.parts("estimators")
