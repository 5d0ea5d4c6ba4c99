"""What it does: every metric, the baseline beside it, class by class."""

import dataclasses

import numpy as np
import pytest
from other_task import evidence_of
from scipy import stats
from simulated_detectors import simulated

from clearsight.audits import scores
from clearsight.audits.scores import gained
from clearsight.metrics.classification import ACCURACY, ClassificationStatistics
from clearsight.metrics.detection import METRICS
from clearsight.metrics.labels import MultiLabelStatistics
from clearsight.metrics.resample import Resampling
from clearsight.types import Evidence, Request


def _evidence(**shape):
    statistics, clusters = simulated(np.random.default_rng(0), 80, **shape)
    ids = tuple(str(index) for index in range(statistics.images))
    return Evidence(task="detection", statistics=statistics, ids=ids, clusters=clusters, about={"data": "smears"})


def test_every_metric_with_its_interval_beside_the_baseline():
    evidence = _evidence()
    request = Request(evidence=evidence, more={"baseline": _evidence(quality=-4.0)}, replicates=100)
    findings = scores(request)
    assert [finding.metric for finding in findings] == [metric.name for metric in METRICS] + ["AP by class"]
    for finding, metric in zip(findings, METRICS, strict=False):
        exact = metric.compute(evidence.statistics, np.ones((1, 80)))[0]
        assert finding.value == exact
        assert finding.interval[0] <= exact <= finding.interval[1]
        assert finding.n == 80 and finding.unit == "pictures"
    assert "trivial baseline reaches 0.0" in findings[0].claim and "80 pictures of smears" in findings[0].claim


def _classified(hits, guesses):
    """Accuracy of ``hits`` beside a baseline that is right where ``guesses`` say so."""
    more = {"baseline": evidence_of(np.array(guesses))}
    (headline, *_) = scores(Request(evidence=evidence_of(np.array(hits)), more=more, replicates=200))
    return headline


def test_a_model_like_its_baseline_is_not_distinguishable_from_it():
    evidence = _evidence()
    (headline, *_) = scores(Request(evidence=evidence, more={"baseline": evidence}, replicates=50))
    assert "not distinguishable from a trivial baseline" in headline.claim


def test_a_gain_within_chance_is_not_distinguishable_though_the_score_is_higher():
    headline = _classified([1] * 12 + [0] * 8, [0] * 8 + [1] * 8 + [0] * 4)
    assert "not distinguishable from a trivial baseline, which reaches 40%" in headline.claim
    assert "not distinguishable" in headline.caution and "includes 0" in headline.caution


def test_a_small_gain_that_is_paired_is_distinguishable_though_the_intervals_overlap():
    headline = _classified([1] * 60 + [0] * 40, [0] * 12 + [1] * 48 + [0] * 40)
    assert headline.interval[0] < 0.48 + 0.05 and not headline.caution
    assert "; a trivial baseline reaches 48%" in headline.claim


def test_a_clearly_worse_model_is_no_better_than_guessing():
    headline = _classified([1] * 20 + [0] * 60, [1] * 70 + [0] * 10)
    assert "no better than a trivial baseline, which reaches 88%" in headline.claim and not headline.caution


def _fewer_boxes(evidence, kept):
    """A worse detector: the same, without a part of its boxes."""
    given, chosen = evidence.statistics, np.random.default_rng(1).random(len(evidence.statistics.row)) < kept
    fewer = dataclasses.replace(
        given,
        **{name: getattr(given, name)[chosen] for name in ("row", "label", "score", "overlap")},
        **{name: getattr(given, name)[..., chosen] for name in ("matched", "ignored")},
    )
    return dataclasses.replace(evidence, statistics=fewer)


def _classifier(right):
    """A classifier of two classes that is right where ``right`` says so,"""
    truth = np.arange(len(right)) % 2
    answer = np.where(right, truth, 1 - truth)
    return Evidence(
        task="classification",
        statistics=ClassificationStatistics(
            class_names=("a", "b"), truth=truth, probabilities=np.where(answer[:, None] == np.arange(2), 0.9, 0.1)
        ),
        ids=tuple(map(str, range(len(right)))),
        clusters=np.arange(len(right)),
    )


def _paired_bootstrap(metric, first, second, replicates, seed=5):
    """Half the width of the 95% interval of a difference: whole clusters drawn, both evaluated on the same draw."""
    rng = np.random.default_rng(seed)
    clusters = np.unique(first.clusters)
    n = len(clusters)
    drawn = rng.choice(clusters, (replicates, n - 1))
    weights = np.array([(one[None] == first.clusters[:, None]).sum(1) for one in drawn]) * n / (n - 1)
    one, other = (metric.compute(each.statistics, weights) for each in (first, second))
    return stats.t.ppf(0.975, n - 1) * np.std(one - other, ddof=1)


@pytest.mark.parametrize("task", ["detection", "classification", "classification in clusters"])
def test_a_gain_is_that_of_a_paired_bootstrap_also_where_the_two_have_other_boxes_or_answers(task):
    if task == "detection":
        model, metric = _evidence(), dataclasses.replace(METRICS[1], bias_rate=1.0)
        guess = _fewer_boxes(model, 0.7)
        assert len(guess.statistics.row) < len(model.statistics.row)
    else:
        right = np.random.default_rng(0).random(300) < 0.7
        guess, metric = _classifier(right), ACCURACY
        model = _classifier(right | (np.arange(300) % 15 == 0))
        if task.endswith("clusters"):
            model, guess = (dataclasses.replace(one, clusters=np.arange(300) // 2) for one in (model, guess))
    weights = Resampling(clusters=model.clusters, replicates=1000, seed=0)
    found = gained(Request(evidence=model), metric, guess, weights)
    times = 300 if task == "detection" else 1000
    oracle = _paired_bootstrap(metric, model, guess, times)
    assert (found.high - found.low) / 2 == pytest.approx(oracle, rel=4 * np.sqrt((1 / 1000 + 1 / times) / 2))
    apart = [(one.high - one.low) / 2 for one in (found.first, found.second)]
    assert np.hypot(*apart) > 1.5 * oracle, "two samples that are not paired would leave much more room"


@pytest.mark.parametrize("clusters", [np.arange(300), np.arange(300) // 2, np.arange(300) // 100])
def test_a_model_gains_exactly_nothing_over_itself(clusters):
    right = np.random.default_rng(0).random(300) < 0.7
    model, same = (dataclasses.replace(_classifier(right), clusters=clusters) for _ in range(2))
    weights = Resampling(clusters=clusters, replicates=100)
    found = gained(Request(evidence=model, replicates=100), ACCURACY, same, weights)
    assert (found.value, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_scores_of_one_area_stand_beside_no_baseline():
    evidence = _evidence()
    found = {f.metric: f.claim for f in scores(Request(evidence=evidence, more={"baseline": evidence}, replicates=20))}
    assert all("baseline" not in found[f"AP {area}"] for area in ("small", "medium", "large"))
    assert "trivial baseline" in found["AP50"] and "trivial baseline" in found["AP75"]


def test_class_by_class():
    evidence = _evidence()
    finding = scores(Request(evidence=evidence, replicates=100))[-1]
    assert finding.plot == "intervals"
    assert finding.series["label"] == ["all classes", "red", "white", "platelet"]
    assert abs(np.mean(finding.series["value"][1:]) - finding.series["value"][0]) < 1e-12
    assert len({len(column) for column in finding.series.values()}) == 1
    assert "best at red" in finding.claim


def test_a_class_without_truth_is_not_zero():
    evidence = _evidence()
    truths = evidence.statistics.truths.copy()
    truths[:, 2] = 0
    matched = evidence.statistics.matched & (evidence.statistics.label < 2)
    statistics = dataclasses.replace(evidence.statistics, truths=truths, matched=matched)
    finding = scores(Request(evidence=dataclasses.replace(evidence, statistics=statistics), replicates=50))[-1]
    assert finding.series["value"][3] is None
    assert finding.series["note"][3] == "none in these pictures"


def test_other_tasks_have_scores_as_well():
    findings = scores(Request(evidence=evidence_of(np.tile([1, 1, 1, 0], 20)), replicates=100))
    assert [finding.metric for finding in findings] == ["accuracy"]
    assert findings[0].value == 0.75
    assert "75%" in findings[0].claim


def test_nothing_to_judge_by_is_said():
    statistics, clusters = simulated(np.random.default_rng(0), 20, crowding=0.0)
    evidence = Evidence(task="detection", statistics=statistics, ids=tuple(map(str, range(20))), clusters=clusters)
    findings = scores(Request(evidence=evidence, replicates=20))
    assert findings[0].value is None and findings[0].interval is None
    assert "not defined" in findings[0].claim


def test_the_classes_of_several_labels_count_the_pictures_that_judge_them():
    states = np.array([[1, 0], [0, 3], [1, 2], [0, 1], [2, 0], [1, 0]], dtype=np.int8)
    statistics = MultiLabelStatistics(
        class_names=("warm", "cold"), states=states, probabilities=np.linspace(0.1, 0.9, 12).reshape(6, 2)
    )
    evidence = Evidence(
        task="tagging", statistics=statistics, ids=tuple("abcdef"), clusters=np.arange(6), groups={}, about={}
    )
    table = next(f for f in scores(Request(evidence=evidence, replicates=50)) if f.metric.endswith("by class"))
    assert dict(zip(table.series["label"], table.series["n"], strict=True)) == {"all classes": 6, "warm": 5, "cold": 4}
