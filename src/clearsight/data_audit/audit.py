"""The whole audit of some data before training, as plain values."""

from dataclasses import dataclass
from pathlib import Path

from clearsight.data_audit.associations import Associations, associations
from clearsight.data_audit.balance import Balance, balances
from clearsight.data_audit.representation import Representation, representation
from clearsight.data_audit.rows import AuditedRows


@dataclass(frozen=True, kw_only=True)
class DataAudit:
    """What the data say of whom a model may fail, before there is a model.

    ``balances`` are what a model must beat, one for each label; ``representation`` who is in the data, beside a
    declared reference; ``associations`` what goes with what. ``judged_on`` names the ``unit`` a model would be judged
    on. ``page`` is the report that was written, "" where none was.
    """

    name: str
    unit: str
    rows: int
    clusters: int
    judged_on: str
    kind: str
    balances: tuple[Balance, ...]
    representation: Representation
    associations: Associations
    notes: tuple[str, ...] = ()
    page: str = ""


def audit_of(rows: AuditedRows, reference: str | Path | None = None) -> DataAudit:
    """Audit the rows; ``reference`` is "uniform" or a table. Raises DataError for a reference that does not fit."""
    counted = rows.kind in ("one class", "several labels", "objects")
    clusters = rows.rows if rows.cluster is None else len(set(rows.cluster.tolist()))
    who = representation(rows, reference)
    return DataAudit(
        name=rows.name,
        unit=rows.unit,
        rows=rows.rows,
        clusters=clusters,
        judged_on=rows.judged_on,
        kind=rows.kind,
        balances=balances(rows) if counted else (),
        representation=who,
        associations=associations(rows),
        notes=(*rows.notes, *who.notes),
    )
