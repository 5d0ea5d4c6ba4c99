"""How strongly two partitions of the rows go together: Cramér's V, corrected for its bias, with interval and test.

Of single rows the test is Pearson's chi-square. Rows of one cluster are not independent, so its statistic is compared
with what clusters leave of it by chance: the design-based test of Rao & Scott (1984) with the correction of Thomas &
Rao (1987) for few clusters. The covariance it needs is that of the jackknife over clusters, which errs on the safe side
where clusters are few or of unequal size. V is corrected after Bergsma (2013), with the rows that clusters leave
effective. Its interval inverts the non-central chi-square distribution (Steiger 2004), scaled by the variance of the
statistic.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats
from scipy.optimize import brentq
from scipy.sparse import csr_array

from clearsight.metrics.shares import effective_clusters, few_clusters

CLUSTERS_AT_LEAST = 10  # of equal sizes; fewer do not tell how far chance reaches
EXPECTED_AT_LEAST = 5  # rows in every cell (Cochran 1954); below, chi-square says nothing
BEYOND = 1e4  # of the statistic, from where the normal approximation is as good
NUMBERS_AT_ONCE = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Association:
    """Cramér's V in [0, 1] with its interval, the p value of no association, and the counts ``[first, second]``.

    ``statistic`` is Pearson's chi-square; ``effect`` how many times larger it is by chance than of independent rows.
    """

    v: float
    low: float
    high: float
    p: float
    statistic: float
    counts: Int[np.ndarray, "first second"]
    clusters: int
    effect: float


def rows_expected_at_least(cluster: Int[np.ndarray, "rows"] | None) -> float:
    """How many rows must be expected in every cell: 5, times the design effect of clusters whose rows are all alike."""
    if cluster is None:
        return float(EXPECTED_AT_LEAST)
    sizes = np.unique(cluster, return_counts=True)[1].astype(np.float64)
    return EXPECTED_AT_LEAST * float((sizes**2).sum() / max(1.0, sizes.sum()))


def association(
    first: Int[np.ndarray, "rows"],
    second: Int[np.ndarray, "rows"],
    sizes: tuple[int, int],
    cluster: Int[np.ndarray, "rows"] | None = None,
    confidence: float = 0.95,
) -> Association | None:
    """Cramér's V of two partitions into ``sizes`` parts, numbered from 0, over the same rows.

    Every row is alone where there is no ``cluster``. Parts without rows do not count. None where either has one part
    only, where fewer rows are expected in a cell than ``rows_expected_at_least``, or of under ten effective clusters.
    """
    counts = np.bincount(first * sizes[1] + second, minlength=sizes[0] * sizes[1]).reshape(sizes)
    left, right = np.flatnonzero(counts.sum(1)), np.flatnonzero(counts.sum(0))
    total = int(counts.sum())
    if min(len(left), len(right)) < 2:
        return None
    table = counts[np.ix_(left, right)].astype(np.float64)
    expected = np.outer(table.sum(1), table.sum(0)) / total
    if expected.min() < rows_expected_at_least(cluster):
        return None
    place = np.searchsorted(left, first) * len(right) + np.searchsorted(right, second)
    held, times = _held(place, table, cluster)
    clusters = int(times.sum())
    worth = effective_clusters(np.asarray(held.sum(1), dtype=np.float64).ravel()) if cluster is not None else clusters
    if worth < CLUSTERS_AT_LEAST:
        return None
    statistic = float(((table - expected) ** 2 / expected).sum())
    freedom = float((len(left) - 1) * (len(right) - 1))
    spread, variance = _jackknife(table, held, times)
    effect = 1.0 if cluster is None else max(1.0, float(np.trace(spread)) / freedom)
    trace = effect * freedom
    shape = freedom if effect == 1 else float(np.trace(spread)) ** 2 / float((spread**2).sum())
    if cluster is None:
        p = float(stats.chi2.sf(statistic, freedom))
    else:
        p = float(stats.f.sf(statistic / trace, shape, shape * (worth - 1)))
    scale = variance / (4 * statistic) if statistic > 0 else effect
    low, high = _limits(statistic, trace, max(scale / few_clusters(worth, confidence), 1e-9), confidence)
    v = _corrected(statistic, total, (len(left), len(right)), effect)
    ends = [float(np.sqrt(min(1.0, end / (total * (min(len(left), len(right)) - 1))))) for end in (low, high)]
    return Association(
        v=v, low=min(ends[0], v), high=max(ends[1], v), p=p, statistic=statistic, counts=counts, clusters=clusters,
        effect=effect,
    )  # fmt: skip


def _held(
    place: Int[np.ndarray, "rows"], table: Float[np.ndarray, "k r"], cluster: Int[np.ndarray, "rows"] | None
) -> tuple[csr_array, Float[np.ndarray, "kinds"]]:
    """The counts by cell of each kind of cluster, and how many clusters are of that kind."""
    if cluster is None:
        return csr_array(np.eye(table.size)), table.ravel()
    _, own = np.unique(cluster, return_inverse=True)
    held = csr_array((np.ones(len(place)), (own, place)), shape=(int(own.max()) + 1, table.size))
    return held, np.ones(held.shape[0])


def _jackknife(
    table: Float[np.ndarray, "k r"], held: csr_array, times: Float[np.ndarray, "kinds"]
) -> tuple[Float[np.ndarray, "cells cells"], float]:
    """The covariance of the standardised residuals and the variance of the statistic, by leaving out each cluster."""
    total, clusters = table.sum(), times.sum()
    root = np.sqrt(np.outer(table.sum(1), table.sum(0)).ravel() / total)
    cells = table.size
    sums, products, inertia = np.zeros(cells), np.zeros((cells, cells)), np.zeros(2)
    # Deviations from the whole, so that sums of squares lose no digits.
    whole_residuals, whole_inertia = _left_out(table, csr_array((1, cells)))
    for start in range(0, held.shape[0], max(1, NUMBERS_AT_ONCE // cells)):
        stop = start + max(1, NUMBERS_AT_ONCE // cells)
        weight = times[start:stop]
        residuals, parts = _left_out(table, held[start:stop])
        change = (residuals - whole_residuals) * total / root
        moved = (parts - whole_inertia) * total
        sums += weight @ change
        products += (change * weight[:, None]).T @ change
        inertia += np.array([weight @ moved, weight @ moved**2])
    factor = (clusters - 1) / clusters
    spread = factor * (products - np.outer(sums, sums) / clusters)
    return spread, float(factor * (inertia[1] - inertia[0] ** 2 / clusters))


def _left_out(
    table: Float[np.ndarray, "k r"], held: csr_array
) -> tuple[Float[np.ndarray, "kinds cells"], Float[np.ndarray, "kinds"]]:
    """The residuals (shares less those of independence) and the mean square contingency without each cluster."""
    shares = (table.ravel() - held.toarray()).reshape(-1, *table.shape)
    shares = shares / shares.sum((1, 2), keepdims=True)
    expected = shares.sum(2, keepdims=True) * shares.sum(1, keepdims=True)
    residuals = shares - expected
    parts = np.divide(residuals**2, expected, out=np.zeros_like(expected), where=expected > 0)
    return residuals.reshape(len(shares), -1), parts.sum((1, 2))


def _corrected(statistic: float, total: int, sizes: tuple[int, int], effect: float) -> float:
    """Cramér's V after Bergsma (2013), of ``total / effect`` rows."""
    others = total / effect - 1
    freedom = (sizes[0] - 1) * (sizes[1] - 1)
    inertia = max(0.0, statistic / total - freedom / others)
    parts = min(size - (size - 1) ** 2 / others for size in sizes)
    return float(np.sqrt(min(1.0, inertia / (parts - 1)))) if parts > 1 else 0.0


def _limits(statistic: float, trace: float, scale: float, confidence: float) -> tuple[float, float]:
    """The non-centralities between which such a statistic is no surprise."""
    tail = (1 - confidence) / 2
    if statistic / scale > BEYOND:
        reach = float(stats.norm.ppf(1 - tail)) * np.sqrt(2 * trace * scale + 4 * statistic * scale)
        return max(0.0, statistic - trace - reach), max(0.0, statistic - trace + reach)
    freedom, seen = trace / scale, statistic / scale

    def end(below: float) -> float:
        """The non-centrality at which a share ``below`` of statistics is smaller; 0 where none is."""

        def excess(centre: float) -> float:
            return float(stats.ncx2.cdf(seen, freedom, max(centre, 1e-12))) - below

        if excess(0.0) <= 0:
            return 0.0
        return float(brentq(excess, 0.0, seen + 20 * np.sqrt(seen + freedom) + 100)) * scale

    return end(1 - tail), end(tail)
