"""What goes together in the data: groups with labels, and both with how pictures were taken.

A label that goes with a group, or with a camera, can be predicted from it. A model that does so is right on these data,
and wrong on others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from clearsight.data_audit.rows import AuditedRows, Coded
from clearsight.metrics.association import Association, association, rows_expected_at_least
from clearsight.metrics.rates import holm

Kind = Literal["group and label", "group and capture", "label and capture"]
NOTABLE = 0.1  # of Cramér's V, from which a model can make something of it (Cohen 1988: a small effect)
SURE = 0.05


@dataclass(frozen=True, kw_only=True)
class Pair:
    """How strongly two columns go together: Cramér's V corrected for bias, its interval, and p after Holm.

    ``counts`` has a row for each of ``values`` and a column for each of ``others``. ``most`` is the cell (value, other)
    that stands out most, with its rows and the rows expected were the columns independent; ``rarest`` the one that
    falls short most, in the same way. ``left_out`` are values with too few rows to tell.
    """

    kind: Kind
    first: str
    second: str
    values: tuple[str, ...]
    others: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    v: float
    interval: tuple[float, float]
    p: float
    rows: int
    clusters: int
    most: tuple[str, str]
    most_rows: int
    most_expected: float
    rarest: tuple[str, str]
    rarest_rows: int
    rarest_expected: float
    left_out: tuple[str, ...]

    @property
    def notable(self) -> bool:
        """Whether it is more than chance, and strong enough to be of use to a model."""
        return self.p <= SURE and self.v >= NOTABLE


@dataclass(frozen=True, kw_only=True)
class Associations:
    """All pairs, the strongest first; ``untested`` names those with too few rows to tell."""

    pairs: tuple[Pair, ...]
    untested: tuple[str, ...]


def associations(rows: AuditedRows) -> Associations:
    """Every attribute with every label, and both with every capture condition, tested together (Holm)."""
    found: list[Pair] = []
    untested: list[str] = []
    for kind, (first, one), (second, other) in _pairs(rows):
        pair = _pair(kind, first, one, second, other, rows.cluster)
        if pair is None:
            untested.append(f"{first} and {second}")
        else:
            found.append(pair)
    corrected = holm([pair.p for pair in found])
    tested = [replace(pair, p=p) for pair, p in zip(found, corrected, strict=True)]
    return Associations(pairs=tuple(sorted(tested, key=lambda pair: -pair.v)), untested=tuple(untested))


def _pairs(rows: AuditedRows) -> Iterator[tuple[Kind, tuple[str, Coded], tuple[str, Coded]]]:
    for attribute in rows.attributes.items():
        yield from (("group and label", attribute, label) for label in rows.labels.items())
        yield from (("group and capture", attribute, condition) for condition in rows.conditions.items())
    for label in rows.labels.items():
        yield from (("label and capture", label, condition) for condition in rows.conditions.items())


def _pair(
    kind: Kind, first: str, one: Coded, second: str, other: Coded, cluster: Int[np.ndarray, "rows"] | None
) -> Pair | None:
    known = one.known & other.known
    sizes = (len(one.values), len(other.values))
    if min(sizes) < 2 or not known.any():
        return None
    a, b = one.code[known], other.code[known]
    own = None if cluster is None else cluster[known]
    counts = np.bincount(a * sizes[1] + b, minlength=sizes[0] * sizes[1]).reshape(sizes)
    left, right = _large(counts, rows_expected_at_least(own))
    kept = left[a] & right[b]
    found = association(a[kept], b[kept], sizes, None if own is None else own[kept])
    if found is None:
        return None
    table = found.counts[left][:, right]
    names = tuple(np.array(one.values, dtype=object)[left]), tuple(np.array(other.values, dtype=object)[right])
    out = [f"{first} = {value}" for value, large in zip(one.values, left, strict=True) if not large]
    out += [f"{second} = {value}" for value, large in zip(other.values, right, strict=True) if not large]
    return _described(kind, (first, second), names, table, found, tuple(out))


def _large(
    counts: Int[np.ndarray, "first second"], least: float
) -> tuple[Bool[np.ndarray, "first"], Bool[np.ndarray, "second"]]:
    """Which values stay if the rarest is left out until enough rows are expected in every cell."""
    left, right = counts.sum(1) > 0, counts.sum(0) > 0
    while min(left.sum(), right.sum()) >= 2:
        kept = counts * np.outer(left, right)
        rows, columns, total = kept.sum(1), kept.sum(0), kept.sum()
        if total == 0:
            break
        rare = int(np.argmin(np.where(left, rows, np.inf))), int(np.argmin(np.where(right, columns, np.inf)))
        if rows[rare[0]] * columns[rare[1]] / total >= least:
            break
        if rows[rare[0]] <= columns[rare[1]]:
            left[rare[0]] = False
        else:
            right[rare[1]] = False
    return left, right


def _described(
    kind: Kind,
    names: tuple[str, str],
    values: tuple[tuple[str, ...], tuple[str, ...]],
    table: Int[np.ndarray, "first second"],
    found: Association,
    left_out: tuple[str, ...],
) -> Pair:
    total = int(table.sum())
    expected = np.outer(table.sum(1), table.sum(0)) / total
    surprise = (table - expected) / np.sqrt(expected)
    most = np.unravel_index(int(surprise.argmax()), table.shape)
    rarest = np.unravel_index(int(surprise.argmin()), table.shape)
    return Pair(
        kind=kind, first=names[0], second=names[1], values=values[0], others=values[1],
        counts=tuple(tuple(row) for row in table.tolist()),
        v=found.v, interval=(found.low, found.high), p=found.p, rows=total, clusters=found.clusters,
        most=(values[0][most[0]], values[1][most[1]]), most_rows=int(table[most]), most_expected=float(expected[most]),
        rarest=(values[0][rarest[0]], values[1][rarest[1]]), rarest_rows=int(table[rarest]),
        rarest_expected=float(expected[rarest]), left_out=left_out,
    )  # fmt: skip
