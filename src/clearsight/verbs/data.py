"""What is in some data, before anyone trains on it."""

from pathlib import Path

from clearsight import sources
from clearsight.sources import Description


def data(
    place: str | Path,
    *,
    attributes: Path | str | None = None,
    target: str | None = None,
    skip_bad: bool = False,
    seed: int = 0,
) -> Description:
    """Counts, sizes, classes, imbalance, groups and problems of the data in a folder or an embedded set.

    Raises:
        ValueError: no such data, an unknown layout, or (without ``skip_bad``) bad files, all listed in one message.
    """
    table = Path(attributes) if attributes is not None else None
    return sources.describe(sources.read(str(place), attributes=table, target=target, skip_bad=skip_bad, seed=seed))
