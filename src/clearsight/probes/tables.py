"""The table of questions of a probe: the sample written for this project, or a user's own with the same columns."""

from collections.abc import Sequence
from pathlib import Path

from clearsight.probes.probe import Probe, Row
from clearsight.sources.problems import DataError, listed, shown
from clearsight.sources.tables.files import read_frame

CLUSTERS_AT_LEAST = 5


def read_rows(probe: Probe, place: Path | str | None = None) -> tuple[Row, ...]:
    """The rows of a table with the probe's columns, all cells as text without surrounding blanks.

    Raises DataError where columns are missing or unknown, a cell is blank or none of the words it may be, or too few
    clusters are there for an interval.
    """
    path = probe.sample if place is None else Path(place)
    frame, _ = read_frame(path)
    missing = [name for name in probe.columns if name not in frame.columns]
    unknown = [shown(name) for name in frame.columns if name not in probe.columns]
    if missing or unknown:
        found = [f"lacks {', '.join(missing)}"] if missing else []
        found += [f"has {', '.join(unknown)}, which have no meaning here"] if unknown else []
        raise DataError(
            f"{shown(path)} {' and '.join(found)}. Expected the columns {', '.join(probe.columns)}. Rename or remove "
            f"columns; the sample table is {probe.sample}."
        )
    rows = tuple({name: str(row[name]).strip() for name in probe.columns} for row in frame.iter_rows(named=True))
    if faults := _faults(probe, rows):
        raise DataError(f"{shown(path)} has {len(faults)} cells that do not fit:\n{listed(faults)}\nCorrect them.")
    if (clusters := len({row[probe.cluster] for row in rows})) < CLUSTERS_AT_LEAST:
        raise DataError(
            f"{shown(path)} has {clusters} different values of {probe.cluster}. Expected {CLUSTERS_AT_LEAST} or more: "
            "rows of one value count as one for the intervals. Add more."
        )
    return rows


def _faults(probe: Probe, rows: Sequence[Row]) -> list[str]:
    faults = []
    for number, row in enumerate(rows, start=1):
        for name, allowed in probe.columns.items():
            if not row[name]:
                faults.append(f"row {number}: {name} is blank")
            elif allowed and row[name] not in allowed:
                faults.append(f"row {number}: {name} is {shown(row[name])!r}, expected {', '.join(allowed)}")
    for name, allowed in probe.columns.items():
        held = {row[name] for row in rows}
        faults += [
            f"no row has {name} {word!r}: there would be nothing to compare" for word in allowed if word not in held
        ]
    return faults
