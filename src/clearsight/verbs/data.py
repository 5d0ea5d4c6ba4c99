"""What is in some data, before anyone trains on it."""

from pathlib import Path

from clearsight import sources
from clearsight.sources import Description
from clearsight.sources.describe_table import TableDescription, describe_table
from clearsight.sources.tables import looks_like_table, read_table


def data(
    place: str | Path,
    *,
    attributes: Path | str | None = None,
    target: str | None = None,
    skip_bad: bool = False,
    seed: int = 0,
) -> Description | TableDescription:
    """Counts, sizes, classes, imbalance, groups and problems of the data in a folder or an embedded set.

    Of a table: its columns, what they miss, and how well each predicts the column ``target`` alone.

    Raises:
        ValueError: no such data, an unknown layout, or (without ``skip_bad``) bad files, all listed in one message.
    """
    if looks_like_table(place):
        return describe_table(read_table(place, target, attributes=attributes, skip_bad=skip_bad))
    table = Path(attributes) if attributes is not None else None
    return sources.describe(sources.read(str(place), attributes=table, target=target, skip_bad=skip_bad, seed=seed))
