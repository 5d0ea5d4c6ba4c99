"""The data layouts that are read, and the embedded sets, listed without importing any of them."""

from clearsight import catalogue


def datasets() -> tuple[catalogue.Part, ...]:
    """The data layouts that are read, and the embedded sets."""
    return catalogue.parts("sources.formats")
