"""What intervals of distances between sets of pictures cover, with normal features whose true distances are known."""

import numpy as np
import pytest
from scipy.stats import norm

from clearsight.metrics import two_sample
from clearsight.metrics.generation import GenerationStatistics
from clearsight.metrics.resample import Resampling, interval
from clearsight.types import Evidence

FRECHET, KID, AUC = "Fréchet distance", "KID x 1000", "two-sample AUC"


def true_frechet(mean, spread):
    """The distance of N(0, I) and N(mean, diag spread)."""
    return float((mean**2).sum() + (1 + spread - 2 * np.sqrt(spread)).sum())


def true_kernel_distance(mean, spread):
    """A thousand times the squared discrepancy under (x.y / d + 1)³, from the moments of normal distributions."""
    size = len(mean)

    def moments(m, s):
        second = np.diag(s) + np.outer(m, m)
        third = np.einsum("i,j,k->ijk", m, m, m)
        for term in ("i,jk->ijk", "j,ik->ijk", "k,ij->ijk"):
            third = third + np.einsum(term, m, np.diag(s))
        return m, second, third

    def expected(one, other):
        first, second, third = (
            float((a * b).sum()) / size**n for n, (a, b) in enumerate(zip(one, other, strict=True), 1)
        )
        return third + 3 * second + 3 * first

    real, made = moments(np.zeros(size), np.ones(size)), moments(mean, spread)
    return 1000 * (expected(real, real) + expected(made, made) - 2 * expected(real, made))


def true_auc(statistics, mean, spread):
    """That of its regression, on as many pictures as one likes."""
    fitted = statistics.half
    features = statistics.features[fitted].astype(np.float64)
    scale = features.std(0)
    found = two_sample.logistic_regression((features - features.mean(0)) / scale, statistics.generated[fitted])
    slope = found[:-1] / scale
    return float(norm.cdf(slope @ mean / np.sqrt((slope**2 * (1 + spread)).sum())))


def data_set(seed, count, mean, spread):
    random = np.random.default_rng(seed)
    features = random.normal(size=(2 * count, len(mean)))
    features[count:] = features[count:] * np.sqrt(spread) + mean
    rows = np.arange(2 * count)
    return GenerationStatistics(
        generated=rows >= count,
        features=features.astype(np.float32),
        second=features.astype(np.float32),
        clusters=rows,
        distance=np.full(2 * count, np.nan),
        answer=np.full(2 * count, -1),
        truth=np.full(2 * count, -1),
    )


def covered(count, mean, spread, sets, replicates=100, names=(FRECHET, KID, AUC)):
    """How often each interval holds the truth."""
    held = dict.fromkeys(names, 0)
    known = {FRECHET: true_frechet(mean, spread), KID: true_kernel_distance(mean, spread)}
    known[f"{FRECHET}, uncorrected"] = known[FRECHET]
    for seed in range(sets):
        statistics = data_set([seed, count], count, mean, spread)
        evidence = Evidence(task="generation", statistics=statistics, ids=(), clusters=statistics.clusters)
        weights = Resampling(clusters=statistics.clusters, replicates=replicates, seed=seed)
        metrics = {metric.name: metric for metric in statistics.metrics()}
        for name in names:
            truth = true_auc(statistics, mean, spread) if name == AUC else known[name]
            found = interval(metrics[name], evidence, weights)
            held[name] += found.low <= truth <= found.high
    return {name: count / sets for name, count in held.items()}


def test_the_true_kernel_distance_is_that_of_many_pictures():
    mean, spread = np.array([0.6, 0.0, 0.3]), np.array([1.5, 1.0, 0.7])
    values = [
        next(m for m in one.metrics() if m.name == KID).compute(one, np.ones((1, one.images)))[0]
        for one in (data_set(seed, 2000, mean, spread) for seed in range(8))
    ]
    assert np.mean(values) == pytest.approx(true_kernel_distance(mean, spread), abs=3 * np.std(values) / np.sqrt(8))


def test_intervals_cover_where_the_distributions_differ():
    """200 data sets, so a coverage of 95% is seen within 4.6 points of it; the proof is the slow test below."""
    found = covered(150, np.array([0.8, 0.4, 0.0, 0.0]), np.array([1.0, 1.5, 1.0, 0.8]), sets=200, replicates=60)
    assert all(0.90 <= share <= 0.995 for share in found.values()), found


SHAPES = {
    "300 of 8 features": (300, np.full(8, 0.4), np.full(8, 1.4)),
    "1000 of 16 features": (1000, np.full(16, 0.2), np.full(16, 1.3)),
    "500 of 4 features, other means only": (500, np.full(4, 0.5), np.ones(4)),
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_intervals_cover_in_1000_sets(shape):
    """Standard error 0.7 points."""
    found = covered(*shape, sets=1000, replicates=200, names=(FRECHET, KID, AUC, f"{FRECHET}, uncorrected"))
    print(f"{shape[0]} of {len(shape[1])} features: {found}")
    assert all(0.93 <= found[name] <= 0.97 for name in (FRECHET, KID, AUC)), found


@pytest.mark.slow
def test_intervals_of_equal_distributions_are_not_too_narrow():
    """At a true distance of 0 the resampled noise is larger than the noise: intervals of distances are too wide."""
    found = covered(300, np.zeros(8), np.ones(8), sets=1000, replicates=200)
    print(f"equal distributions: {found}")
    assert all(share >= 0.93 for share in found.values()), found
