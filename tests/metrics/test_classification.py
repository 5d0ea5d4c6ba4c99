"""Classification: every metric against scikit-learn on repeated rows, ties, identities, and resampled groups."""

import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as reference

from clearsight.audits import calibration, groups, scores
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.permutation import Permutations, permuted_labels
from clearsight.metrics.resample import Resampling, cluster_weights, interval
from clearsight.types import Evidence, Request


def simulated(images=300, classes=4, seed=0, decimals=1, skill=1.0):
    """Probabilities rounded so that many are equal."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, images)
    raw = rng.random((images, classes)) + skill * rng.random((images, 1)) * np.eye(classes)[truth]
    raw = np.round(raw, decimals) + 0.01
    return ClassificationStatistics(
        class_names=tuple(f"c{index}" for index in range(classes)),
        truth=truth,
        probabilities=raw / raw.sum(1, keepdims=True),
    )


def named(statistics, weights):
    return {metric.name: metric.compute(statistics, weights) for metric in statistics.metrics()}


def repeated(statistics, weights):
    rows = np.repeat(np.arange(statistics.images), weights.astype(int))
    return statistics.truth[rows], statistics.probabilities[rows]


@pytest.mark.parametrize("classes", [2, 4, 13])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_every_metric_is_that_of_repeated_rows(classes, kind):
    statistics = simulated(classes=classes)
    weights = np.random.default_rng(1).integers(0, 4, (3, statistics.images)).astype(kind)
    found = named(statistics, weights)
    for row in range(3):
        truth, probabilities = repeated(statistics, weights[row])
        answer = probabilities.argmax(1)
        each = range(classes)
        expected = {
            "accuracy": reference.accuracy_score(truth, answer),
            "balanced accuracy": reference.balanced_accuracy_score(truth, answer),
            "precision": reference.precision_score(truth, answer, average="macro", zero_division=0),
            "AUROC": np.mean([reference.roc_auc_score(truth == i, probabilities[:, i]) for i in each]),
            "average precision": np.mean(
                [reference.average_precision_score(truth == i, probabilities[:, i]) for i in each]
            ),
            "MCC": reference.matthews_corrcoef(truth, answer),
            "log loss": reference.log_loss(truth, probabilities),
            "Brier score of all classes": np.mean(((probabilities - np.eye(classes)[truth]) ** 2).sum(1)),
        }
        if classes > 10:
            expected["top-5 accuracy"] = np.mean(
                [
                    t in sorted(each, key=lambda i, p=p: (-p[i], i))[:5]
                    for t, p in zip(truth, probabilities, strict=True)
                ]
            )
        majority = np.bincount(statistics.truth).argmax()
        guess = np.mean(truth == majority)
        expected["skill over the majority class"] = (expected["accuracy"] - guess) / (1 - guess)
        assert set(found) == set(expected)
        for name, value in expected.items():
            # Weights of single precision are for replicates.
            assert found[name][row] == pytest.approx(value, abs=1e-9 if kind is np.float64 else 2e-5), name


def test_ties_count_half_and_a_constant_score_knows_nothing():
    constant = ClassificationStatistics(
        class_names=("a", "b"), truth=np.array([0, 0, 0, 1]), probabilities=np.full((4, 2), 0.5)
    )
    found = named(constant, np.ones((1, 4)))
    assert found["AUROC"][0] == 0.5
    assert found["average precision"][0] == pytest.approx(0.5)  # the mean of 3/4 and 1/4
    assert found["MCC"][0] == 0.0 and found["skill over the majority class"][0] == 0.0
    assert found["balanced accuracy"][0] == 0.5


def test_one_class_only_leaves_what_cannot_be_said_open():
    alone = ClassificationStatistics(
        class_names=("a", "b"), truth=np.zeros(5, dtype=int), probabilities=np.tile([0.7, 0.3], (5, 1))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = named(alone, np.stack([np.ones(5), np.zeros(5)]))
    assert found["accuracy"][0] == 1.0 and np.isnan(found["accuracy"][1])
    for name in ("AUROC", "MCC", "skill over the majority class"):
        assert np.isnan(found[name]).all(), name


def test_a_class_alone_is_that_class_against_the_rest():
    statistics = simulated(classes=3)
    ones = np.ones((1, statistics.images))
    parts = statistics.by_class()
    assert list(parts) == ["c0", "c1", "c2"]
    truth, answer = statistics.truth, statistics.probabilities.argmax(1)
    for index, part in enumerate(parts.values()):
        found = named(part, ones)
        assert found["recall"][0] == pytest.approx(reference.recall_score(truth == index, answer == index))
        assert found["precision"][0] == pytest.approx(reference.precision_score(truth == index, answer == index))
        assert found["prevalence"][0] == pytest.approx(np.mean(truth == index))
        score = statistics.probabilities[:, index]
        assert found["AUROC"][0] == pytest.approx(reference.roc_auc_score(truth == index, score))
        assert statistics.metrics()[0].compute(part, ones)[0] == found["recall"][0], "the headline, of one class"
        assert part.by_class() == {}
    whole = named(statistics, ones)
    recalls = [named(part, ones)["recall"][0] for part in parts.values()]
    assert whole["balanced accuracy"][0] == pytest.approx(np.mean(recalls))


def test_groups_are_compared_at_one_balance_of_the_classes():
    """Two groups recognise each class equally well but hold other shares of them: no gap."""
    truth = np.repeat([0, 1, 0, 1], [80, 20, 20, 80])
    right = np.concatenate([np.arange(n) < share * n for n, share in ((80, 0.5), (20, 1.0), (20, 0.5), (80, 1.0))])
    answer = np.where(right, truth, 1 - truth)
    statistics = ClassificationStatistics(
        class_names=("a", "b"), truth=truth, probabilities=np.eye(2)[answer] * 0.8 + 0.1
    )
    group = np.repeat([[1, 0], [0, 1]], 100, axis=1).astype(float)
    first = statistics.for_groups()[0].compute(statistics, group)
    assert first == pytest.approx([0.75, 0.75])
    assert statistics.metrics()[0].compute(statistics, group) == pytest.approx([0.6, 0.9])
    rates = {metric.name: metric.compute(statistics, group).tolist() for metric in statistics.for_groups()[1:]}
    assert rates == {"false-positive rate of b": [0.5] * 2, "false-negative rate of b": [0.0] * 2}


def test_parts_join_and_options_hold():
    whole = simulated()
    parts = [
        ClassificationStatistics(
            class_names=whole.class_names, truth=whole.truth[p], probabilities=whole.probabilities[p]
        )
        for p in (slice(0, 100), slice(100, None))
    ]
    joined = ClassificationStatistics.joined(parts)
    np.testing.assert_array_equal(joined.truth, whole.truth)
    np.testing.assert_array_equal(joined.probabilities, whole.probabilities)
    assert whole.with_options(majority=2).majority == 2


def evidence_of(statistics, groups=None, clusters=None):
    return Evidence(
        task="classification",
        statistics=statistics,
        ids=tuple(map(str, range(statistics.images))),
        clusters=np.arange(statistics.images) if clusters is None else clusters,
        groups=groups or {},
    )


def test_the_audits_take_it_as_it_is():
    statistics = simulated(400, skill=2.0)
    rng = np.random.default_rng(0)
    evidence = evidence_of(statistics, {"sex": rng.choice(["f", "m", "unknown"], 400)})
    request = Request(evidence=evidence, by=("sex",), replicates=100)
    assert [finding.metric for finding in scores(request)][0] == "accuracy"
    fair = "accuracy at equal class balance"
    found = [finding.metric for finding in groups(request)]
    assert found == [fair, f"worst group by {fair}", f"largest gap in {fair}", "scores by sex", f"gap in {fair}"]
    assert len(calibration(request)) >= 2


@pytest.mark.parametrize("size", [1, 3])
def test_sums_drawn_by_distinct_cluster_have_the_law_of_weights(size):
    """Mean, variance and covariance between groups of both ways of resampling, and the same errors of a metric."""
    rng = np.random.default_rng(0)
    statistics = simulated(600)
    group = np.repeat(rng.integers(0, 3, 600 // size), size)
    clusters = np.repeat(np.arange(600 // size), size)
    metric = statistics.metrics()[0]
    sampling = Resampling(clusters=clusters, replicates=4000, seed=1, strata=group)
    weights = cluster_weights(clusters, 4000, seed=2, strata=group)
    for rows in (group == 0, group != 0, np.ones(600, dtype=bool)):
        drawn, dense = sampling.samples(metric, statistics, rows), metric.compute(statistics, weights * rows)
        assert drawn.mean() == pytest.approx(dense.mean(), abs=4 * dense.std() / 4000**0.5)
        assert drawn.std() == pytest.approx(dense.std(), rel=0.06)
    whole, part = (sampling.samples(metric, statistics, rows) for rows in (np.ones(600, dtype=bool), group == 0))
    assert np.corrcoef(whole, part)[0, 1] > 0.3, "all parts are on the same replicates"
    cut = np.arange(600) < 250
    np.testing.assert_allclose(
        sampling.samples(metric, statistics, cut),
        metric.compute(statistics, cluster_weights(clusters, 4000, 1, group) * cut.astype(np.float32)),
    )


@pytest.mark.parametrize("mixed", [False, True])
def test_labels_dealt_by_distinct_cluster_have_the_law_of_permutations(mixed):
    rng = np.random.default_rng(0)
    statistics = simulated(400)
    clusters = np.repeat(np.arange(100), 4) if mixed else np.arange(400)
    labels, known = rng.integers(0, 3, 400), rng.random(400) < 0.9
    metric = statistics.metrics()[0]
    permutations = Permutations(labels=labels, known=known, clusters=clusters, permutations=3000, seed=0)
    found = permutations.gaps(metric, statistics, 1)
    permuted = np.full((3000, 400), -1)
    permuted[:, known] = permuted_labels(labels[known], clusters[known], 3000, seed=9)
    inside, outside = ((permuted == 1), (permuted >= 0) & (permuted != 1))
    expected = metric.compute(statistics, inside * 1.0) - metric.compute(statistics, outside * 1.0)
    assert found.mean() == pytest.approx(expected.mean(), abs=4 * expected.std() / 3000**0.5)
    assert found.std() == pytest.approx(expected.std(), rel=0.06)


def _benchmark():
    path = Path(__file__).parents[2] / "benchmarks" / "groups.py"
    spec = importlib.util.spec_from_file_location("groups_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_intervals_by_group_cover():
    found = _benchmark().covered(repeats=40, rows=3000, replicates=300)
    # 320 intervals that hold with 95%: fewer than 91.5% come up once in 300 tries.
    assert found["groups"] >= 0.915 and found["gaps"] >= 0.905, found
    assert found["false_alarms"] <= 0.15


@pytest.mark.slow
def test_intervals_by_group_cover_in_many_data_sets():
    found = _benchmark().covered(repeats=1000, rows=3000, replicates=1000)
    print(found)
    assert 0.94 <= found["groups"] <= 0.965 and 0.935 <= found["gaps"] <= 0.965 and found["false_alarms"] <= 0.065


def test_a_metric_that_never_varies_keeps_its_interval():
    right = ClassificationStatistics(
        class_names=("a", "b"), truth=np.arange(50) % 2, probabilities=np.eye(2)[np.arange(50) % 2]
    )
    sampling = Resampling(clusters=np.arange(50), replicates=100)
    found = interval(right.metrics()[0], evidence_of(right), sampling)
    assert found.value == 1.0 and 0.93 < found.low < 0.97 and found.high == 1.0
