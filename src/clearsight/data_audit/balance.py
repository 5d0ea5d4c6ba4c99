"""What a model must beat: the score of a classifier that looks at nothing, and how far beyond it another score is."""

from dataclasses import dataclass

import numpy as np

from clearsight.data_audit.rows import AuditedRows, Coded
from clearsight.metrics.shares import shares_of

STATES = ("present", "absent", "uncertain", "blank")


@dataclass(frozen=True, kw_only=True)
class Balance:
    """How often each answer is right for one label, and what always giving the most frequent one scores.

    ``counts`` has the classes, or the states of a label. ``trivial`` is the accuracy of always answering ``answer``
    where the truth is known, over ``known`` rows, with its interval. ``trivial_blank_absent`` is the accuracy of always
    saying "absent" over all rows where blank is taken as absent and uncertain as wrong, None of classes. ``f1`` is that
    of always saying "present" where known, None of classes; ``balanced`` what always giving one answer scores in
    balanced accuracy. ``imbalance`` is the most over the least frequent known answer, None where one never occurs.
    """

    label: str
    counts: dict[str, int]
    known: int
    answer: str
    trivial: float
    interval: tuple[float, float] | None
    balanced: float
    f1: float | None
    trivial_blank_absent: float | None
    imbalance: float | None

    def score_for(self, skill: float) -> float:
        """The accuracy that avoids that share of the trivial classifier's errors."""
        return self.trivial + skill * (1 - self.trivial)


def skill(score: float, trivial: float) -> float:
    """The share of the trivial classifier's errors that a score avoids: 0 is no better, 1 perfect, below 0 worse."""
    return (score - trivial) / (1 - trivial) if trivial < 1 else 0.0


def balances(rows: AuditedRows) -> tuple[Balance, ...]:
    """The balance of every label, those that mislead most first."""
    found = [_balance(rows, name, column) for name, column in rows.labels.items() if column.known.any()]
    return tuple(sorted(found, key=lambda one: -max(one.trivial, one.trivial_blank_absent or 0.0)))


def _balance(rows: AuditedRows, name: str, column: Coded) -> Balance:
    known = column.known
    shares = shares_of(column.code[known], len(column.values), None if rows.cluster is None else rows.cluster[known])
    most = int(np.argmax(shares.rows))
    occurring = shares.rows[shares.rows > 0]
    states = rows.states.get(name)
    counts = dict(zip(column.values, shares.rows.tolist(), strict=True))
    present = None if states is None else states["present"] / max(1, int(known.sum()))
    return Balance(
        label=name,
        counts={state: states[state] for state in STATES} if states is not None else counts,
        known=int(known.sum()),
        answer=column.values[most],
        trivial=float(shares.share[most]),
        interval=shares.interval(most),
        balanced=1 / len(occurring),
        f1=None if present is None else 2 * present / (1 + present),
        trivial_blank_absent=None if states is None else (states["absent"] + states["blank"]) / sum(states.values()),
        imbalance=float(occurring.max() / occurring.min()) if len(occurring) == len(column.values) else None,
    )
