"""The audit of slices: false alarms and power by simulation, what it says, and every kind of statistics."""

from dataclasses import replace

import numpy as np
import pytest

from clearsight.audits.slice_traits import known_traits
from clearsight.audits.slices import searched, slices
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.means_apart import Numbers
from clearsight.metrics.reconstruction import ReconstructionStatistics
from clearsight.metrics.regression import RegressionStatistics
from clearsight.metrics.traits import traits
from clearsight.types import UNKNOWN, Evidence, Request

CHANNELS = 24
BRIGHTNESS = "brightness (mean grey value)"


class Scored(Numbers):
    """Statistics that know how well each picture went, and nothing else."""

    def each(self):
        return "score", self.value

    def metrics(self):
        return ()


def features_of(random, count, clusters=None):
    """Features of unequal strength; those of one cluster are alike."""
    mixed = random.normal(size=(CHANNELS, CHANNELS)) * np.linspace(1, 0.2, CHANNELS)[:, None]
    own = random.normal(size=(count, CHANNELS))
    if clusters is not None:
        own = random.normal(size=(clusters.max() + 1, CHANNELS))[clusters] + 0.5 * own
    return own @ mixed, mixed


def scored(score, features, clusters=None):
    clusters = np.arange(len(score)) if clusters is None else clusters
    ids = tuple(map(str, range(len(score))))
    return Evidence(task="any", statistics=Scored(value=score), ids=ids, clusters=clusters, features=features)


def clusters_of(random, count, most):
    sizes = random.integers(1, most + 1, count)
    return np.repeat(np.arange(count), sizes)[:count]


def without_slices(kind, count, seed):
    """Scores that have nothing to do with the features."""
    random = np.random.default_rng([seed, 1])
    clusters = clusters_of(random, count, 20) if kind == "clusters" else np.arange(count)
    features, _ = features_of(random, count, clusters if kind == "clusters" else None)
    score = {
        "likely right": lambda: random.beta(8, 1, count),
        "right or wrong": lambda: (random.random(count) > 0.1).astype(float),
        "rarely very good": lambda: random.lognormal(0, 1, count),
        "clusters": lambda: random.normal(size=clusters.max() + 1)[clusters] + random.normal(size=count),
    }[kind]()
    return scored(score, features, clusters)


KINDS = ("likely right", "right or wrong", "rarely very good", "clusters")


def alarms(kind, count, repeats, replicates):
    requests = (
        Request(evidence=without_slices(kind, count, seed), seed=seed, replicates=replicates) for seed in range(repeats)
    )
    return sum(bool(searched(request).confirmed) for request in requests)


@pytest.mark.parametrize("kind", ["likely right", "clusters"])
def test_where_there_is_no_slice_hardly_any_is_confirmed(kind):
    # Of 30 searches at a rate of 2.5% more than 4 raise an alarm once in a thousand such tests.
    assert alarms(kind, 500, 30, 100) <= 4


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_false_alarms_are_at_most_5_per_cent(kind):
    # 400 searches: at a rate of 5% more than 30 happen once in 150 such tests.
    assert alarms(kind, 600, 400, 300) <= 30


def planted(count, seed, share=0.1, clusters=None):
    """One class in four pictures; a share lies aside in a random direction, in the dark, and is mostly wrong."""
    random = np.random.default_rng([seed, 2])
    inside = random.random(count) < share
    if clusters is not None:
        inside = (random.random(clusters.max() + 1) < share)[clusters]
    features, mixed = features_of(random, count)
    direction = random.normal(size=CHANNELS)
    features[inside] += 4 * direction / np.linalg.norm(direction) @ mixed  # four standard deviations
    truth = random.integers(0, 4, count)
    sure = np.where(inside, random.beta(2, 2, count), random.beta(8, 1, count))
    probabilities = np.repeat(((1 - sure) / 3)[:, None], 4, axis=1)
    probabilities[np.arange(count), truth] = sure
    names = ("ant", "bee", "cow", "dog")
    evidence = Evidence(
        task="classification",
        statistics=ClassificationStatistics(class_names=names, truth=truth, probabilities=probabilities),
        ids=tuple(f"picture {index}" for index in range(count)),
        clusters=np.arange(count) if clusters is None else clusters,
        groups={
            "view": np.where(inside & (random.random(count) < 0.9), "bedside", "standing"),
            "sex": np.array(["female", "male"])[random.integers(0, 2, count)],
        },
        features=features,
        conditions={
            BRIGHTNESS: np.where(inside, 60.0, 120.0) + random.normal(size=count) * 20,
            "contrast": random.normal(size=count),
        },
    )
    return evidence, inside


def found_again(search, inside):
    """Whether some confirmed slice is mostly planted and holds a third of what was planted, on the test half."""
    there = inside & search.test
    return any(inside[one.rows].mean() > 0.5 and (one.rows & there).sum() > there.sum() / 3 for one in search.confirmed)


def power(repeats, count, replicates, most=0):
    hits = 0
    for seed in range(repeats):
        clusters = clusters_of(np.random.default_rng(seed), count, most) if most else None
        evidence, inside = planted(count, seed, clusters=clusters)
        hits += found_again(searched(Request(evidence=evidence, seed=seed, replicates=replicates)), inside)
    return hits / repeats


def test_a_planted_slice_is_mostly_found_and_confirmed():
    assert power(10, 1000, 100) >= 0.7


@pytest.mark.slow
@pytest.mark.parametrize("most", [0, 10])
def test_a_planted_slice_is_found_in_four_of_five_data_sets(most):
    assert power(50, 1500, 300, most) >= 0.8


@pytest.fixture(scope="module")
def told():
    evidence, inside = planted(1200, 5)
    request = Request(evidence=evidence, replicates=200)
    return request, inside, slices(request)


def test_a_confirmed_slice_is_told_with_its_score_its_traits_and_its_pictures(told):
    request, _, (overview, first, *_) = told
    search = searched(request)
    one = search.confirmed[0]
    assert "nobody labelled" in overview.claim and "confirmed" in overview.claim
    assert overview.series["label"][:2] == ["all pictures held out for this", "slice 1"]
    assert first.question == "whom it fails" and first.group == "slice 1" and first.verdict == "none asked"
    assert first.value < 0 and first.interval[1] < 0 and first.n == one.rows.sum()
    assert first.claim.startswith("Slice 1: on ") and "have view = bedside, against" in first.claim
    assert f"{BRIGHTNESS} averages" in first.claim
    assert "sex" not in first.claim and "contrast" not in first.claim, "what it does not share is not told"
    shown = [request.evidence.ids.index(name) for name in first.series["id"]]
    assert set(shown) == set(np.flatnonzero(one.rows))
    scores = first.series["probability of the true class"]
    assert scores == sorted(scores) and scores[0] == pytest.approx(search.score[shown[0]])


def test_the_numbers_are_those_of_the_test_half(told):
    request, _, (_, first, *_) = told
    search = searched(request)
    one = search.confirmed[0]
    assert not (search.discovery & search.test).any() and not (one.rows & ~search.test).any()
    own, others = search.score[one.rows], search.score[search.test & ~one.rows]
    assert first.value == pytest.approx(own.mean() - others.mean(), abs=1e-6)
    right = request.evidence.statistics.right
    assert f"accuracy is {100 * right[one.rows].mean():.0f}%" in first.claim


def test_the_search_is_made_once_and_comes_out_alike_again(told):
    request, *_ = told
    assert searched(request) is searched(request)
    again = searched(Request(evidence=request.evidence, replicates=200))
    assert all((a.rows == b.rows).all() for a, b in zip(again.found, searched(request).found, strict=True))


def test_clusters_are_on_one_half_only():
    evidence, _ = planted(800, 1, clusters=np.repeat(np.arange(160), 5))
    search = searched(Request(evidence=evidence, replicates=50))
    assert not set(evidence.clusters[search.discovery]) & set(evidence.clusters[search.test])


def test_no_slice_is_said_plainly():
    request = Request(evidence=without_slices("likely right", 500, 0), replicates=100)
    (finding,) = slices(request)
    assert finding.claim.startswith("No slice was confirmed: ")
    assert finding.value is None and "does not show that there is none" in finding.limits


def test_too_few_pictures_are_insufficient_evidence():
    evidence, _ = planted(150, 0)
    (finding,) = slices(Request(evidence=evidence))
    assert finding.verdict == "insufficient" and "only 150" in finding.claim and "at least 200" in finding.claim


def test_evidence_without_features_says_nothing():
    evidence, _ = planted(300, 0)
    assert slices(Request(evidence=replace(evidence, features=None))) == ()


def test_numbers_and_pictures_without_a_score_are_served_too():
    random = np.random.default_rng(0)
    features, _ = features_of(random, 600)
    worse = features[:, 0] > np.quantile(features[:, 0], 0.85)
    truth = random.normal(size=600)
    off = np.where(worse, 3.0, 0.3) * random.normal(size=600)
    kinds = {
        "regression": RegressionStatistics(truth=truth, estimate=truth + off, target="weight"),
        "reconstruction": ReconstructionStatistics(
            psnr=np.where(np.arange(600) % 9 == 0, np.nan, 30 - 8 * worse + random.normal(size=600)),
            squared_error=np.full(600, 0.01),
            ssim=np.full(600, 0.5),
            ms_ssim=np.full(600, 0.5),
        ),
    }
    for task, statistics in kinds.items():
        evidence = Evidence(
            task=task,
            statistics=statistics,
            ids=tuple(map(str, range(600))),
            clusters=np.arange(600),
            features=features,
        )
        overview, first, *_ = slices(Request(evidence=evidence, replicates=100))
        assert "slice" in overview.claim and first.value < 0


def test_traits_are_the_classes_groups_and_conditions_that_are_known():
    evidence, _ = planted(60, 0)
    values = evidence.groups["sex"].astype("<U9")
    values[:5] = UNKNOWN
    evidence = replace(evidence, groups={"sex": values})
    words = [trait.words for trait in known_traits(evidence)]
    assert words[:2] == ["are of the class ant", "are taken for ant"]
    assert words[8:] == ["have sex = female", "have sex = male", BRIGHTNESS, "contrast"]
    shares = [trait.share for trait in known_traits(evidence)]
    assert shares == [True] * 10 + [False] * 2
    assert list(traits(evidence.statistics))[0].value.tolist() == (evidence.statistics.truth == 0).tolist()
