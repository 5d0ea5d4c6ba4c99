"""Gaps between groups against what the luck of the draw alone would make: group labels dealt out again."""

import numpy as np
from jaxtyping import Int
from scipy import stats

from clearsight.types import Values

FEW = 10


def dealt_again(
    labels: Int[np.ndarray, "images"], clusters: Int[np.ndarray, "images"], deals: int, seed: int = 0
) -> Int[np.ndarray, "deals images"]:
    """Group labels exchanged as the design of the data allows, one row per deal.

    Clusters of one label exchange it as wholes; within a cluster of several labels its images exchange theirs.
    """
    rng = np.random.default_rng(seed)
    _, cluster = np.unique(clusters, return_inverse=True)
    first = np.full(cluster.max() + 1, -1)
    first[cluster[::-1]] = labels[::-1]
    mixed = np.zeros(len(first), dtype=bool)
    mixed[cluster[labels != first[cluster]]] = True
    pure, inside = np.flatnonzero(~mixed), mixed[cluster]
    dealt = np.empty((deals, len(labels)), dtype=labels.dtype)
    order = np.argsort(cluster[inside], kind="stable")
    places = np.flatnonzero(inside)[order]
    for row in dealt:
        given = first.copy()
        given[pure] = first[rng.permutation(pure)]
        row[:] = given[cluster]
        row[places] = labels[places[np.lexsort((rng.random(len(places)), cluster[places]))]]
    return dealt


def permutation_p(value: float, dealt: Values) -> float:
    """The two-sided p value of a gap among those of the deals; beyond all of them, the tail of their normal curve."""
    known = dealt[np.isfinite(dealt)]
    if not np.isfinite(value) or len(known) < FEW:
        return 1.0
    slack = 1e-9 * max(1.0, abs(value))
    beyond = int(min((known >= value - slack).sum(), (known <= value + slack).sum()))
    p = min(1.0, 2 * (beyond + 1) / (len(known) + 1))
    spread = float(known.std(ddof=1))
    if beyond > 0 or spread == 0:
        return p
    return min(p, float(2 * stats.norm.sf(abs(value - known.mean()) / spread)))
