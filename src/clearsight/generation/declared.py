"""A declared reference: the share that each group of an attribute should have among generated pictures.

``uniform``, or a table with the columns ``group`` and ``share`` (and ``attribute`` where there are several). Shares are
divided by their sum, so per cent and counts of people do as well.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from clearsight.sources.problems import DataError, shown
from clearsight.sources.tables.files import read_frame

UNIFORM = "uniform"
COLUMNS = ("group", "share")


def declared(reference: str | Path | None, groups: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """The declared share of each group of each attribute of ``groups``; nothing where nobody declared any.

    Raises ValueError where the table cannot be read, leaves out a group that the data have, or names one they lack.
    """
    if reference is None:
        return {}
    if not groups:
        raise ValueError(
            "a reference declares the mix of an attribute's groups, and no attribute is named. Name one with --by."
        )
    if str(reference) == UNIFORM:
        return {name: {group: 1 / len(known) for group in known} for name, known in groups.items()}
    rows = _rows(Path(reference), tuple(groups))
    return {name: _shares(Path(reference), name, rows.get(name, {}), known) for name, known in groups.items()}


def _rows(path: Path, attributes: Sequence[str]) -> dict[str, dict[str, float]]:
    """The table as it stands: shares by attribute and group."""
    frame, _ = read_frame(path)
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise DataError(
            f"{shown(path)} has the columns {', '.join(frame.columns)}, and none named {missing[0]}. Expected group "
            "and share, and attribute where there are several attributes. Correct the header line."
        )
    if "attribute" not in frame.columns and len(attributes) > 1:
        raise DataError(
            f"{shown(path)} does not say which of {', '.join(attributes)} its groups are of. Add a column attribute."
        )
    found: dict[str, dict[str, float]] = {}
    for number, row in enumerate(frame.iter_rows(named=True), 2):
        attribute = str(row.get("attribute", attributes[0])).strip()
        group, share = str(row["group"]).strip(), _number(row["share"], path, number)
        if group in found.setdefault(attribute, {}):
            raise DataError(f"{shown(path)} names {group!r} twice. Keep one row for each group.")
        found[attribute][group] = share
    return found


def _number(cell: object, path: Path, line: int) -> float:
    try:
        value = float(str(cell).strip())
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise DataError(
            f"{shown(path)}, line {line}: the share is {str(cell)!r}. Expected a number of at least 0, such as 0.25."
        )
    return value


def _shares(path: Path, attribute: str, shares: Mapping[str, float], known: Sequence[str]) -> dict[str, float]:
    missing, strange = [one for one in known if one not in shares], [one for one in shares if one not in known]
    if missing or strange:
        what = f"does not name {', '.join(missing)}" if missing else f"names {', '.join(strange)}"
        raise DataError(
            f"{shown(path)} {what}. The groups of {attribute} in the data are: {', '.join(known)}. Give each of them a "
            "share, and no others."
        )
    total = sum(shares.values())
    if not total > 0:
        raise DataError(f"{shown(path)} gives every group the share 0. Expected one above 0.")
    return {group: share / total for group, share in shares.items()}
