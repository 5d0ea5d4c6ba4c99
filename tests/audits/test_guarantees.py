"""When to trust it: what may be decided alone and what is promised, checked on pictures it was not settled on."""

import re
from dataclasses import replace

import numpy as np
import pytest
from other_task import evidence_of as other_task
from simulated_detectors import simulated

from clearsight.audits import certified, deciding_alone
from clearsight.decisions.settling import settled
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.regression import RegressionStatistics
from clearsight.metrics.selective import area_under_risk_coverage, least_area, risk_coverage
from clearsight.types import Evidence, Request


def evidence(statistics, split="val", groups=None, clusters=None, task="classification"):
    return Evidence(
        task=task,
        statistics=statistics,
        ids=tuple(map(str, range(statistics.images))),
        clusters=np.arange(statistics.images) if clusters is None else clusters,
        groups=groups or {},
        about={"split": split, "fingerprint": "f"},
    )


def classified(rng, n, power=1.0, scale=2.0):
    """A model of three classes: calibrated at ``power`` 1, overconfident above."""
    logits = rng.normal(0, scale, (n, 3))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    shown = np.exp(power * logits) / np.exp(power * logits).sum(1, keepdims=True)
    truth = np.minimum((true.cumsum(1) < rng.random((n, 1))).sum(1), 2)
    return ClassificationStatistics(class_names=("a", "b", "c"), truth=truth, probabilities=shown.astype(np.float32))


def of_test(statistics, guarantees, groups=None, clusters=None, task="classification", **fields):
    found = evidence(statistics, "test", groups, clusters, task)
    return Request(evidence=found, guarantees=guarantees, replicates=100, **fields)


def test_the_curve_equals_a_slow_loop_and_its_area_too():
    rng = np.random.default_rng(0)
    uncertainty, loss = rng.random(60), (rng.random(60) < 0.3).astype(float)
    order = np.argsort(uncertainty)
    risks = [loss[order][: k + 1].mean() for k in range(60)]
    metric = area_under_risk_coverage(uncertainty, loss)
    assert metric.compute(None, np.ones((1, 60)))[0] == pytest.approx(np.mean(risks))
    weights = rng.integers(0, 4, (3, 60)).astype(float)
    for row, found in zip(weights, metric.compute(None, weights), strict=True):
        repeated = [value for place in order for value in [loss[place]] * int(row[place])]
        # Copies of one picture are as uncertain as each other, so the curve has one point for all of them.
        ends = np.cumsum(row[order])
        expected = (
            sum(w * np.mean(repeated[: int(end)]) for w, end in zip(row[order], ends, strict=True) if w) / row.sum()
        )
        assert found == pytest.approx(expected)
    curve = risk_coverage(uncertainty, loss, np.arange(60))
    assert curve.coverage.tolist() == pytest.approx([k / 20 for k in range(1, 21)])
    assert curve.risk == pytest.approx([risks[3 * k - 1] for k in range(1, 21)])
    assert (curve.low <= curve.risk).all() and (curve.risk <= curve.high).all()
    assert least_area(np.array([1.0, 0.0, 0.0])) == pytest.approx((0 + 0 + 1 / 3) / 3)


def test_what_may_be_decided_alone_on_new_pictures():
    rng = np.random.default_rng(1)
    guarantees = settled(evidence(classified(rng, 3000)))
    statistics = classified(rng, 4000)
    curve, alone = deciding_alone(of_test(statistics, guarantees))
    assert curve.plot == "curve" and curve.interval[0] < curve.value < curve.interval[1]
    assert f"On all pictures its share of wrong answers is {100 * (1 - statistics.right.mean()):.1f}%" in curve.claim
    (rule,) = [one for one in guarantees if (one.promise, one.level) == ("decide alone", 0.05)]
    decided = 1 - statistics.probabilities.astype(float).max(1) < rule.threshold
    wrong = 1 - statistics.right[decided].mean()
    assert 0 < decided.mean() < 1 and wrong <= 0.05
    assert (
        f"it may decide {100 * decided.mean():.1f}% of these pictures alone; their share of wrong answers is "
        in alone.claim
    )
    assert f"wrong answers is {100 * wrong:.1f}%" in alone.claim
    assert "promised with probability 90%" in alone.claim and "exact binomial" in alone.method
    assert "with probability 90% over the choice of the calibration set" in alone.method
    assert "settled on 3,000 pictures of the split val" in alone.method and "was not settled on" in alone.method
    assert "exchangeable" in alone.limits and "marginal" in alone.limits and alone.verdict == "none asked"
    assert alone.value == pytest.approx(decided.mean())
    assert alone.series["label"][2] == "error of at most 5%" and alone.series["value"][2] == pytest.approx(alone.value)
    known = [value for value in alone.series["value"] if value is not None]
    assert known == sorted(known)


def test_the_same_pictures_are_said_to_be_the_same():
    found = evidence(classified(np.random.default_rng(2), 800))
    request = Request(evidence=found, guarantees=settled(found), replicates=50)
    for finding in (deciding_alone(request)[1], certified(request)[0]):
        assert "of the pictures it was settled on, so it is optimistic; the promise is not" in finding.method


def test_other_pictures_break_the_promise_and_fail():
    rng = np.random.default_rng(3)
    guarantees = settled(evidence(classified(rng, 1500)))
    other = classified(rng, 1500)
    shuffled = replace(other, truth=np.where(rng.random(1500) < 0.3, (other.truth + 1) % 3, other.truth))
    alone = deciding_alone(of_test(shuffled, guarantees))[1]
    assert alone.verdict == "fail" and "That is more than promised (p < 0.01)" in alone.claim
    sets = certified(of_test(shuffled, guarantees))[0]
    assert sets.verdict == "fail"


def test_a_kept_promise_is_rarely_called_broken():
    failed = 0
    for seed in range(60):
        rng = np.random.default_rng([4, seed])
        guarantees = settled(evidence(classified(rng, 300)))
        failed += deciding_alone(of_test(classified(rng, 300), guarantees))[1].verdict == "fail"
    assert failed <= 3


def test_abstaining_hides_a_gap_and_that_is_said():
    rng = np.random.default_rng(5)
    statistics = classified(rng, 4000, scale=5.0)
    group = np.where(rng.random(4000) < 0.08, "m", "f")
    # Of group m the answers are worse at every confidence.
    worse = (group == "m") & (rng.random(4000) < 0.3)
    statistics = replace(statistics, truth=np.where(worse, (statistics.truth + 1) % 3, statistics.truth))
    half = np.arange(2000)

    def part(rows):
        return ClassificationStatistics(
            class_names=("a", "b", "c"), truth=statistics.truth[rows], probabilities=statistics.probabilities[rows]
        )

    guarantees = settled(evidence(part(half), groups={"sex": group[:2000]}))
    request = of_test(part(half + 2000), guarantees, groups={"sex": group[2000:]})
    finding = deciding_alone(request)[-1]
    assert finding.group == "sex" and finding.series["label"] == ["all pictures", "f", "m"]
    assert re.search(r"decides \d+\.\d% of f and \d+\.\d% of m", finding.claim)
    assert "Its error is above that for m (" in finding.claim and "for all pictures together" in finding.claim
    assert "threshold of its own" in finding.series["note"][1]
    assert "Abstaining can hide a gap" in finding.limits
    few = settled(evidence(part(half), groups={"sex": np.where(np.arange(2000) < 15, "m", "f")}))
    notes = deciding_alone(of_test(part(half + 2000), few, groups={"sex": group[2000:]}))[-1].series["note"]
    assert notes[2].endswith("marginal only")


def test_prediction_sets_hold_what_they_promise():
    rng = np.random.default_rng(6)
    guarantees = settled(evidence(classified(rng, 2000, power=2.0)))
    (finding,) = certified(of_test(classified(rng, 4000, power=2.0), guarantees))
    assert finding.metric == "coverage of prediction sets" and "APS" in finding.method
    assert finding.claim.startswith("Sets of classes (") and "in at least 95% of pictures" in finding.claim
    assert "on average over calibration sets" in finding.claim
    row = finding.series["label"].index("at most 5% on average")
    assert finding.series["expected"][row] == 0.05 and abs(finding.series["value"][row] - 0.05) < 0.02


def test_a_detector_states_both_promises_and_never_counts_pictures_without_objects():
    statistics, clusters = simulated(np.random.default_rng(7), 600, quality=1.5)
    test, _ = simulated(np.random.default_rng(8), 600, quality=1.5)
    guarantees = settled(evidence(statistics, task="detection", clusters=clusters))
    holding = int((statistics.truths[:, :, 0].sum(1) > 0).sum())
    missed = [one for one in guarantees if one.promise == "missed objects"]
    assert {one.n for one in missed} == {holding} and holding < 600
    thresholds = {(one.level, one.delta): one.threshold for one in missed}
    assert thresholds[0.2, 0.1] < thresholds[0.2, None], "to be sure takes more boxes than to be right on average"
    findings = certified(of_test(test, guarantees, task="detection"))
    (finding,) = findings
    assert finding.metric == "certified limit on missed objects"
    assert "pictures without objects are not counted" in finding.method
    chosen = min(level for level, delta in thresholds if delta is None and thresholds[level, delta] is not None)
    level = 0.05 if thresholds[0.05, None] is not None else chosen
    threshold = thresholds[level, None]
    assert f"With boxes shown from score {threshold:.3f} on at most {100 * level:g}%" in finding.claim
    # Counted here picture by picture.
    shares = []
    for picture in range(600):
        objects = int(test.truths[picture, :, 0].sum())
        met = ((test.row == picture) & test.matched[0, 0] & (test.score >= threshold)).sum()
        shares += [1 - met / objects] if objects else []
    assert f"objects that are missed is {100 * np.mean(shares):.1f}%" in finding.claim


def test_intervals_of_numbers():
    rng = np.random.default_rng(9)

    def numbers(n):
        truth = rng.normal(50, 10, n)
        return RegressionStatistics(truth=truth, estimate=truth + rng.normal(0, 3, n), target="age", unit="years")

    guarantees = settled(evidence(numbers(1000), task="regression"))
    (finding,) = certified(of_test(numbers(1000), guarantees, task="regression"))
    assert re.search(r"The estimate ± [5-6]\.\d+ years holds the truth at least 95% of the time", finding.claim)
    assert deciding_alone(of_test(numbers(100), guarantees, task="regression")) == ()


def test_clusters_are_used_once_each():
    rng = np.random.default_rng(10)
    clusters = np.repeat(np.arange(300), 3)
    guarantees = settled(evidence(classified(rng, 900), clusters=clusters))
    alone = deciding_alone(of_test(classified(rng, 900), guarantees, clusters=clusters))[1]
    assert "settled on 300 pictures of the split val, one of each cluster" in alone.method
    assert "exchangeable clusters" in alone.limits


def test_nothing_without_confidence_or_guarantees():
    assert deciding_alone(Request(evidence=other_task(np.ones(100)))) == ()
    assert certified(Request(evidence=other_task(np.ones(100)))) == ()
    found = deciding_alone(Request(evidence=evidence(classified(np.random.default_rng(0), 100)), replicates=50))
    assert [one.plot for one in found] == ["curve"]


def test_too_few_pictures_promise_nothing():
    rng = np.random.default_rng(11)
    guarantees = settled(evidence(classified(rng, 18)))
    request = of_test(classified(rng, 100), guarantees)
    alone = deciding_alone(request)[1]
    assert alone.claim.startswith("No share of the pictures could be shown to keep an error of 5% on 18 pictures.")
    assert certified(request)[0].series["value"][0] is None
