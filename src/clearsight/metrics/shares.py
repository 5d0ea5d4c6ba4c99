"""Shares of the cells of a partition, with what clusters of rows leave of the rows.

A share is a ratio of sums over clusters, so the variance of its bootstrap over clusters has a closed form, which needs
no replicates and has none of their noise: C / (C - 1) times the sum over the C clusters of (rows in the cell - share x
rows)², over the square of all rows. Beside the variance of as many single rows it gives the design effect, and that
the rows that are effective, for which intervals and tests of a proportion hold (Korn & Graubard 1998).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats
from scipy.sparse import csr_array

from clearsight.metrics.rates import binomial_p, wilson


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Of each cell its rows, the clusters they are of, its share of all rows, and its design effect.

    ``effect`` is how many times larger the variance is than were rows independent, 1 for single rows; of a cell at
    least that of all cells together, since that of a few rows is mostly noise. ``clusters`` counts those of all rows;
    ``effective_clusters`` are how many clusters of equal sizes would be worth as much (Kish 1965).
    """

    rows: Int[np.ndarray, "cells"]
    held: Int[np.ndarray, "cells"]
    share: Float[np.ndarray, "cells"]
    effect: Float[np.ndarray, "cells"]
    clusters: int
    effective_clusters: float

    def trials(self, cell: int, confidence: float = 0.95) -> float:
        """How many independent rows would tell as much of the cell's share as all rows do."""
        total = float(self.rows.sum())
        if self.clusters == total:
            return total
        # The design effect of few clusters is itself uncertain.
        return total / float(self.effect[cell]) * few_clusters(self.effective_clusters, confidence)

    def interval(self, cell: int, confidence: float = 0.95) -> tuple[float, float] | None:
        """The Wilson interval of one cell's share; None with fewer than two clusters."""
        if self.clusters < 2 or self.effective_clusters <= 1:
            return None
        trials = self.trials(cell, confidence)
        return wilson(float(self.share[cell]) * trials, trials, confidence)

    def p(self, cell: int, expected: float) -> float:
        """The two-sided p value of an expected share: binomial, of as many rows as clusters leave effective."""
        if self.clusters < 2 or self.effective_clusters <= 1:
            return 1.0
        trials = self.trials(cell)
        return binomial_p(float(self.share[cell]) * trials, trials, expected)


def few_clusters(clusters: float, confidence: float = 0.95) -> float:
    """By how much fewer rows count where their variance is estimated from so few clusters: (z / t)²."""
    quantile = 0.5 + confidence / 2
    return float(stats.norm.ppf(quantile) / stats.t.ppf(quantile, max(clusters - 1, 1e-3))) ** 2


def effective_clusters(sizes: Float[np.ndarray, "clusters"]) -> float:
    """How many clusters of equal sizes are worth as much as those of these sizes: (sum)² / sum of squares."""
    return float(sizes.sum() ** 2 / (sizes**2).sum()) if len(sizes) else 0.0


def shares_of(cell: Int[np.ndarray, "rows"], cells: int, cluster: Int[np.ndarray, "rows"] | None = None) -> Shares:
    """The shares of ``cells`` cells, numbered from 0, among the rows; every row alone where there is no ``cluster``."""
    rows = np.bincount(cell, minlength=cells)
    total = max(1, len(cell))
    share = rows / total
    if cluster is None:
        return Shares(
            rows=rows, held=rows, share=share, effect=np.ones(cells), clusters=len(cell), effective_clusters=len(cell)
        )
    _, place = np.unique(cluster, return_inverse=True)
    counts = csr_array((np.ones(len(cell)), (place, cell)), shape=(int(place.max(initial=-1)) + 1, cells))
    counts.sum_duplicates()
    sizes = np.asarray(counts.sum(1), dtype=np.float64).ravel()
    squares = np.asarray(counts.multiply(counts).sum(0)).ravel()
    spread = squares - 2 * share * (counts.T @ sizes) + share**2 * float((sizes**2).sum())
    variance = np.maximum(spread, 0.0) / total**2 * len(sizes) / max(1, len(sizes) - 1)
    alone = share * (1 - share) / total
    pooled = variance.sum() / alone.sum() if alone.sum() > 0 else float((sizes**2).sum() / total)
    own = np.divide(variance, alone, out=np.ones(cells), where=alone > 0)
    return Shares(
        rows=rows,
        held=np.bincount(counts.indices, minlength=cells),
        share=share,
        effect=np.maximum(np.maximum(own, pooled), 1.0),
        clusters=len(sizes),
        effective_clusters=effective_clusters(sizes),
    )
