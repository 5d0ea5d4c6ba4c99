"""A declared reference: the share that each group of an attribute should have among generated pictures.

``uniform``, or a table of the user's own (see ``sources.tables.reference_mix``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from clearsight.sources.problems import DataError
from clearsight.sources.tables.reference_mix import read_reference_mix


def declared(reference: str | Path | None, groups: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """The declared share of each group of each attribute of ``groups``; nothing where nobody declared any.

    Raises ValueError where the table cannot be read, leaves out a group that the data have, or names one they lack: a
    generator cannot be asked for groups that no picture shows.
    """
    if reference is None:
        return {}
    if not groups:
        raise ValueError(
            "a reference declares the mix of an attribute's groups, and no attribute is named. Name one with --by."
        )
    mix = read_reference_mix(reference, groups)
    shares = {
        name: {group: share for (group,), share in mix.of([name]).shares.items()}
        for name in groups
        if mix.covers([name])
    }
    for name, found in shares.items():
        if strange := [group for group, share in found.items() if share and group not in groups[name]]:
            raise DataError(
                f"{mix.origin} gives a share to {', '.join(strange)}. The groups of {name} in the data are: "
                f"{', '.join(groups[name])}. Leave the others out of the table."
            )
    return shares
