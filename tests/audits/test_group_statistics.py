"""The statistics of groups by simulation: coverage, false alarms, power, what could be found, and chosen extremes."""

import numpy as np
import pytest
from other_task import ACCURACY, evidence_of

from clearsight.audits import groups
from clearsight.audits.attributes import Attribute
from clearsight.audits.comparisons import Comparison, detectable
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.extremes import extremes
from clearsight.metrics.rates import jeffreys
from clearsight.metrics.resample import Estimate, Gap, Resampling, interval
from clearsight.types import Evidence, Request

REAL = "Chance does not explain it"
SIZES = (600, 300, 150, 100, 60, 40, 30, 20)
NAMES = np.repeat([f"g{index}" for index in range(len(SIZES))], SIZES)


def answered(rng, right, truth, groups, classes=2, clusters=None):
    """A classifier that is right where said, else takes another class at random."""
    rows = len(truth)
    answer = np.where(right, truth, (truth + rng.integers(1, classes, rows)) % classes)
    probabilities = np.full((rows, classes), 0.1 / classes, dtype=np.float32)
    probabilities[np.arange(rows), answer] += 0.9
    statistics = ClassificationStatistics(
        class_names=tuple(f"c{index}" for index in range(classes)), truth=truth, probabilities=probabilities
    )
    return Evidence(
        task="classification",
        statistics=statistics,
        ids=tuple(map(str, range(rows))),
        clusters=np.arange(rows) if clusters is None else clusters,
        groups={"g": groups},
    )


def equal(seed, classes=4, mixed=False):
    """Eight groups of 600 down to 20, all recognised at 0.90; ``mixed``: of a hard class each has another share."""
    rng = np.random.default_rng([seed, 21])
    truth = rng.integers(0, classes, len(NAMES))
    share = np.full(len(NAMES), 0.9)
    if mixed:
        hard = {f"g{index}": part for index, part in enumerate(np.linspace(0.1, 0.9, len(SIZES)))}
        truth = (rng.random(len(NAMES)) < np.vectorize(hard.get)(NAMES)).astype(int)
        share = np.where(truth == 1, 0.7, 0.97)
    return answered(rng, rng.random(len(NAMES)) < share, truth, NAMES, classes)


def unequal(seed, classes=4, points=0.2):
    """The same, but the group of 40 is recognised so much less often."""
    rng = np.random.default_rng([seed, 22])
    truth = rng.integers(0, classes, len(NAMES))
    right = rng.random(len(NAMES)) < np.where(NAMES == "g5", 0.9 - points, 0.9)
    return answered(rng, right, truth, NAMES, classes)


def found(evidence, seed, replicates):
    """The groups for which some gap is called real."""
    findings = groups(Request(evidence=evidence, replicates=replicates, seed=seed))
    return {finding.group for finding in findings if REAL in finding.claim}


def shares(make, repeats, replicates=1000):
    """How often any gap is called real, and how often that of the group of 40."""
    alarms = hits = 0
    for seed in range(repeats):
        real = found(make(seed), seed, replicates)
        alarms, hits = alarms + bool(real), hits + ("g = g5" in real)
    return alarms / repeats, hits / repeats


def test_eight_equal_groups_raise_no_alarm_and_a_gap_of_20_points_is_found():
    """Quick: at 5% more than 5 of 40 come up once in 70 tries; at 70% fewer than 19 of 40 once in 500."""
    assert shares(equal, 40)[0] <= 5 / 40
    assert shares(unequal, 40)[1] >= 19 / 40


def test_another_mix_of_classes_is_no_gap():
    """A class that is hard for all is up to nine times as common in some groups: their plain accuracies differ."""
    evidence = equal(0, classes=2, mixed=True)
    right = evidence.statistics.right
    assert right[NAMES == "g0"].mean() - right[NAMES == "g5"].mean() > 0.1
    assert shares(lambda seed: equal(seed, classes=2, mixed=True), 40)[0] <= 6 / 40


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (equal, "4 classes"),
        (lambda seed: equal(seed, classes=2), "2 classes, with both error rates"),
        (lambda seed: equal(seed, classes=2, mixed=True), "2 classes, another mix in each group"),
    ],
    ids=["4 classes", "2 classes", "2 classes, mixed"],
)
def test_no_gap_no_alarm(make, name):
    alarms = shares(make, 1000)[0]
    print(f"8 equal groups of 20 to 600, {name}: alarms in {alarms:.3f} of 1000 sets")
    assert alarms <= 0.064, "at 5% a larger share comes up once in 40 tries"


@pytest.mark.slow
@pytest.mark.parametrize("classes", [4, 2])
def test_a_gap_of_20_points_at_40_pictures_is_found(classes):
    hits = shares(lambda seed: unequal(seed, classes), 500)[1]
    print(f"20 points at n = 40 among 8 groups, {classes} classes: found in {hits:.3f} of 500 sets")
    # Of two classes both error rates are compared too: three times as many comparisons cost some power.
    assert hits >= (0.7 if classes > 2 else 0.6)


@pytest.mark.slow
def test_the_detectable_gap_is_found_four_times_of_five():
    """The gap said beside a non-finding, put into new data of the same size."""
    evidence = equal(0)
    texts = [
        finding.claim
        for finding in groups(Request(evidence=evidence, by=("g",), replicates=1000))
        if finding.group == "g = g3" and finding.metric.startswith("gap")
    ]
    points = int(texts[0].split("A gap of ")[1].split()[0]) / 100
    hits = 0
    for seed in range(300):
        rng = np.random.default_rng([seed, 23])
        truth = rng.integers(0, 4, len(NAMES))
        right = rng.random(len(NAMES)) < np.where(NAMES == "g3", 0.9 - points, 0.9)
        hits += "g = g3" in found(answered(rng, right, truth, NAMES, 4), seed, 1000)
    print(f"a gap of {points:.2f} at n = 100, said to be found in 0.80: found in {hits / 300:.3f} of 300 sets")
    assert 0.7 <= hits / 300 <= 0.92


def comparison(null, error, rest, exact):
    estimate = {"low": None, "high": None, "bias": 0.0, "images": 40, "clusters": 40, "samples": np.zeros(2)}
    sides = {
        name: Estimate(value=value, error=error, **estimate) for name, value in (("first", rest), ("second", rest))
    }
    return Comparison(
        attribute=Attribute(name="g", names=("a",), codes=np.zeros(1, dtype=int), large=("a",), small=()),
        group="a",
        metric=ACCURACY,
        gap=Gap(value=0.0, low=None, high=None, error=error, p=1.0, **sides),
        p=1.0,
        p_any=1.0,
        null=null,
        stratified=False,
        exact=exact,
    )


def test_detectable_is_the_textbook_number():
    """Two-sided 5%, power 80%: 1.96 + 0.84 standard errors; more for more tests, and for a share that spreads more."""
    null = 0.05 * np.random.default_rng(0).standard_normal(400_000)
    plain = comparison(null, 0.05, 0.5, exact=False)
    assert detectable(plain, 1) == pytest.approx(0.05 * (1.959964 + 0.841621), rel=0.01)
    assert detectable(plain, 10) == pytest.approx(0.05 * (2.807034 + 0.841621), rel=0.01)
    share = detectable(comparison(null, 0.05, 0.9, exact=True), 1)
    own = (0.9 - share) * (0.1 + share)
    assert share == pytest.approx(0.05 * (1.959964 + 0.841621 * np.sqrt(own / 0.09)), rel=0.01)
    assert np.isnan(detectable(comparison(null * 10, 0.5, 0.9, exact=True), 1)), "more than there is"


def covered(pictures, clusters_of, repeats, spread=0.0, replicates=200):
    """How often the interval of a group's accuracy holds the truth; ``clusters_of`` draws the sizes of clusters.

    The truth is another share in every set: at a fixed share a few pictures hold it always or too seldom (Brown et al.
    2001), whatever the interval.
    """
    held = 0
    for repeat in range(repeats):
        rng = np.random.default_rng([repeat, 24, pictures])
        sizes = clusters_of(rng, pictures)
        cluster = np.repeat(np.arange(len(sizes)), sizes)
        share = rng.uniform(0.6, 0.95)
        own = np.full(len(sizes), share)
        if spread:
            own = rng.beta(share / spread, (1 - share) / spread, len(sizes))
        right = rng.random(len(cluster)) < own[cluster]
        evidence = evidence_of(right, clusters=cluster)
        weights = Resampling(clusters=cluster, replicates=replicates, seed=repeat)
        ends = interval(evidence.statistics.metrics()[0], evidence, weights).interval
        held += ends is not None and ends[0] <= share <= ends[1]
    return held / repeats


def alone(rng, pictures):
    return np.ones(pictures, dtype=int)


def patients(rng, pictures):
    """Clusters like the patients of CheXpert: 2.9 pictures on average, 30% of them of patients with ten or more, up to
    92 of one.
    """
    sizes = np.clip(np.floor(np.exp(rng.normal(0.55, 1.08, pictures))), 1, 92).astype(int)
    return sizes[: 1 + int(np.searchsorted(np.cumsum(sizes), pictures))]


def test_intervals_of_groups_cover_with_and_without_clusters():
    """Quick: 300 sets see 95% within 3.8 points of it (three standard errors)."""
    assert 0.91 <= covered(40, alone, 300) <= 0.99
    assert 0.91 <= covered(300, patients, 300, spread=0.3) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("pictures", [10, 30, 100, 300, 1000])
def test_intervals_of_groups_cover(pictures):
    """Of few pictures in clusters they cover too often, never too seldom: a cluster or two may be most of them."""
    with_clusters = covered(pictures, patients, 2000, spread=0.3)
    without = covered(pictures, alone, 2000)
    print(f"n = {pictures}: covered {without:.4f}; in clusters of up to 92, {with_clusters:.4f}")
    assert 0.93 <= without <= (0.97 if pictures >= 30 else 0.975)
    assert 0.93 <= with_clusters <= (0.97 if pictures >= 300 else 0.995)


def chosen(sizes, spread, repeats, share=0.85):
    """Bias of the worst score and of the largest gap, observed and corrected, and how often their intervals hold."""
    sizes, rows = np.array(sizes), []
    for repeat in range(repeats):
        rng = np.random.default_rng([repeat, 25])
        true = np.clip(share + spread * rng.normal(size=len(sizes)), 0.02, 0.98)
        right = rng.binomial(sizes, true)

        def limits(confidence, right=right):
            ends = [jeffreys(k, n, confidence) for k, n in zip(right.tolist(), sizes.tolist(), strict=True)]
            return tuple(np.array(ends).T)

        one = extremes(right / sizes, limits)
        rows.append(
            (
                *(getattr(one.worst, name) - true.min() for name in ("observed", "corrected")),
                one.worst.low <= true.min() <= one.worst.high,
                *(getattr(one.gap, name) - np.ptp(true) for name in ("observed", "corrected")),
                one.gap.low <= np.ptp(true) <= one.gap.high,
            )
        )
    return np.mean(rows, axis=0)


def test_the_largest_gap_of_equal_groups_is_mostly_chance_and_the_correction_takes_most_of_it():
    worst, better, held, gap, less, holds = chosen(SIZES[:7], 0.0, 150)
    assert worst < -0.04 and abs(better) < 0.02
    assert gap > 0.08 and less < 0.04
    assert held >= 0.93 and holds >= 0.93


def test_a_large_gap_stays_large():
    """Spread of ten points: what is real is not taken away."""
    _, _, held, gap, less, holds = chosen(SIZES[:7], 0.1, 150)
    assert abs(less) < 0.02 and abs(less) < gap
    assert held >= 0.93 and holds >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [SIZES[:7], (200,) * 4, (1000, 40)], ids=["7 groups", "4 groups", "2 groups"])
@pytest.mark.parametrize("spread", [0.0, 0.03, 0.1])
def test_chosen_extremes(sizes, spread):
    worst, better, held, gap, less, holds = chosen(sizes, spread, 1000)
    print(
        f"{len(sizes)} groups, spread {spread}: bias of the worst {worst:+.3f}, corrected {better:+.3f}, covered "
        f"{held:.3f}; of the largest gap {gap:+.3f}, corrected {less:+.3f}, covered {holds:.3f}"
    )
    assert held >= 0.94 and holds >= 0.94
    assert abs(less) < max(0.025, 0.35 * gap)
