"""Confusion matrix: what is mistaken for what, as shares of each true class."""

import numpy as np

from clearsight.metrics.confusion import Confusable
from clearsight.types import Finding, Request

CLASSES_AT_MOST = 40  # beyond, a matrix cannot be read; its largest confusions still can
NAMED = 3


def confusion(request: Request) -> tuple[Finding, ...]:
    """The confusion matrix, and the most frequent confusions in words; nothing where the task has none."""
    statistics = request.evidence.statistics
    if not isinstance(statistics, Confusable) or len(statistics.class_names) < 2:
        return ()
    counts, counted = statistics.confusions()
    unit = counted or request.evidence.unit
    names, totals = statistics.class_names, counts.sum(1)
    if not totals.any():
        return ()
    shares = counts / np.maximum(totals, 1)[:, None]
    wrong = np.where(np.eye(len(names), dtype=bool), 0.0, shares)
    pairs = [np.unravel_index(place, wrong.shape) for place in np.argsort(-wrong, axis=None, kind="stable")[:NAMED]]
    told = [f"{wrong[a, b]:.0%} of {names[a]} are predicted as {names[b]}" for a, b in pairs if wrong[a, b]]
    claim = f"Most frequent confusions: {', '.join(told)}." if told else "No class is predicted as another here."
    kept = range(len(names)) if len(names) <= CLASSES_AT_MOST else ()
    cells = [(row, column) for row in kept for column in kept]
    return (
        Finding(
            question="what it does",
            claim=claim,
            metric="confusion",
            value=None,
            interval=None,
            n=int(totals.sum()),
            unit=unit,
            method=f"Counts of {unit} by true and predicted class; each row is divided by the number of its class.",
            limits="Shares of a class with few examples are uncertain: see its n and the scores by class.",
            plot="matrix" if cells else None,
            series={
                "truth": [names[row] for row, _ in cells],
                "answer": [names[column] for _, column in cells],
                "share": [float(shares[row, column]) if totals[row] else None for row, column in cells],
                "n": [int(counts[row, column]) for row, column in cells],
            }
            if cells
            else {},
            axes=("true class", "predicted class"),
        ),
    )
