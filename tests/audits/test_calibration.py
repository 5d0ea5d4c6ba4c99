"""When to trust it: a calibrated model is not accused, an overconfident one is, and the null grows with clusters."""

import numpy as np
import pytest
from other_task import evidence_of
from simulated_detectors import simulated

from clearsight.audits import calibration
from clearsight.metrics.calibration import calibration_error, reliability
from clearsight.types import Confidences, Evidence, Request


def _claims(score, correct, row=None):
    row = np.arange(len(score)) if row is None else row
    return Confidences(score=score, correct=correct, row=row, claim="it is so")


def _evidence(seed, n=400, power=1.0, groups=None):
    rng = np.random.default_rng(seed)
    sure = rng.uniform(0.3, 1.0, n)
    return evidence_of(rng.random(n) < sure**power, groups, sure=sure)


def test_a_calibrated_model_is_rarely_accused():
    accused = 0
    for seed in range(100):
        first = calibration(Request(evidence=_evidence(seed), replicates=100))[0]
        accused += "no more than chance" not in first.claim
    assert accused <= 11


def test_an_overconfident_model_is_accused_and_its_error_is_right():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.3, 1.0, 20_000)
    evidence = evidence_of(rng.random(20_000) < sure**2, sure=sure)
    first = calibration(Request(evidence=evidence, replicates=100))[0]
    assert "overconfident by" in first.claim and "ECE" in first.metric
    true = float(np.mean(np.linspace(0.3, 1, 100_000) - np.linspace(0.3, 1, 100_000) ** 2))
    assert first.value == pytest.approx(true, abs=0.01)
    assert first.plot == "reliability"
    assert len({len(column) for column in first.series.values()}) == 1
    assert sum(first.series["n"]) == 20_000
    columns = (first.series["low"], first.series["correct"], first.series["high"])
    assert all(low <= share <= high for low, share, high in zip(*columns, strict=True))


def _said(sure, right):
    """The sentence on calibration, with the numbers it should hold, computed here from the claims alone."""
    evidence = evidence_of(right, sure=sure)
    first = calibration(Request(evidence=evidence, replicates=100))[0]
    bins = np.array_split(np.argsort(sure, kind="stable"), 15)
    error = sum(abs((right[part] - sure[part]).sum()) for part in bins) / len(sure)
    return first, 100 * sure.mean(), 100 * right.mean(), 100 * error


@pytest.mark.parametrize(("power", "lean"), [(2.0, "it is overconfident by"), (0.4, "it is underconfident by")])
def test_the_mean_difference_and_the_calibration_error_are_told_apart(power, lean):
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.2, 0.9, 6000)
    first, claimed, held, error = _said(sure, rng.random(6000) < sure**power)
    means = f"The mean confidence of its 6,000 predictions is {claimed:.1f}%, and {held:.1f}% of them are correct: "
    assert f"{means}{lean}" in first.claim
    by = float(first.claim.split(f"{lean} ")[1].split(" points")[0])
    assert by == pytest.approx(abs(claimed - held), abs=0.11)
    assert 100 * first.value == pytest.approx(error, abs=0.1)
    debiased = float(first.claim.split("debiased, it is ")[1].split(". ")[0])
    assert first.claim.startswith(f"ECE {first.value:.3f}, more than chance (95th percentile 0.")
    assert 0.9 * first.value < debiased <= first.value


def test_wrong_both_ways_is_no_lean():
    """Claims of 30% that hold half the time, of 90% that hold 70% of the time: right on average, never alone."""
    rng = np.random.default_rng(2)
    sure = np.where(np.arange(6000) % 2 == 0, rng.uniform(0.25, 0.35, 6000), rng.uniform(0.85, 0.95, 6000))
    first, claimed, held, error = _said(sure, rng.random(6000) < np.where(sure < 0.5, 0.5, 0.7))
    assert abs(claimed - held) < error / 4
    assert first.claim.endswith("correct: it is overconfident at some confidences and underconfident at others.")
    assert "confident by" not in first.claim


def test_no_further_off_than_chance_accuses_of_nothing():
    first = calibration(Request(evidence=_evidence(0), replicates=100))[0]
    assert first.claim.startswith(f"ECE {first.value:.3f}, no more than chance (95th percentile 0.")
    assert "confident" not in first.claim.replace("confidence", "")


def test_debiasing_takes_most_of_what_chance_adds():
    raw, rest = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        sure = rng.uniform(0.3, 1.0, 300)
        error = calibration_error(_claims(sure, rng.random(300) < sure), np.arange(300), draws=50)
        raw.append(error.value)
        rest.append(error.debiased)
        assert error.null_mean < error.null_95
    assert np.mean(rest) < 0.5 * np.mean(raw)


def test_the_null_equals_a_direct_simulation():
    rng = np.random.default_rng(0)
    sure = np.sort(rng.uniform(0.5, 1.0, 300))
    error = calibration_error(_claims(sure, rng.random(300) < sure), np.arange(300), draws=2000)
    drawn = []
    for _ in range(2000):
        correct = rng.random(300) < sure
        drawn.append(np.mean([abs((correct[part] - sure[part]).mean()) for part in np.array_split(np.arange(300), 10)]))
    assert error.null_95 == pytest.approx(np.quantile(drawn, 0.95), rel=0.15)
    assert error.null_95 >= np.quantile(drawn, 0.95) * 0.95


def test_clusters_widen_the_null():
    """Ten claims of one picture that come true together are as good as one."""
    rng = np.random.default_rng(0)
    sure = np.repeat(rng.uniform(0.3, 1.0, 60), 10)
    correct = np.repeat(rng.random(60) < sure[::10], 10)
    together = calibration_error(_claims(sure, correct, np.repeat(np.arange(60), 10)), np.arange(60), draws=300)
    apart = calibration_error(_claims(sure, correct), np.arange(600), draws=300)
    assert together.null_95 > 1.5 * apart.null_95
    widths = [
        (bins.high - bins.low).mean()
        for bins in (
            reliability(_claims(sure, correct, np.repeat(np.arange(60), 10)), np.arange(60)),
            reliability(_claims(sure, correct), np.arange(600)),
        )
    ]
    assert widths[0] > 1.5 * widths[1]


def test_bins_have_equal_mass_and_keep_ties_together():
    rng = np.random.default_rng(0)
    score = np.round(rng.uniform(0, 1, 900), 1)
    bins = reliability(_claims(score, rng.random(900) < score), np.arange(900))
    assert bins.n.sum() == 900 and len(bins.n) <= 11
    even = reliability(_claims(np.linspace(0, 1, 900), rng.random(900) < 0.5), np.arange(900))
    assert even.n.tolist() == [60] * 15


def test_groups_have_their_own_error_where_claims_suffice():
    groups = {"sex": np.repeat(["f", "m", "x"], [200, 190, 10])}
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.4, 1.0, 400)
    right = rng.random(400) < np.where(groups["sex"] == "m", sure**3, sure)
    finding = calibration(Request(evidence=evidence_of(right, groups, sure=sure), replicates=200))[-1]
    assert finding.group == "sex"
    assert "more than chance for m (overconfident by " in finding.claim
    off, fine = finding.claim.split("no more than chance")
    assert "points on average; ECE" in off and "confident" not in fine
    assert "for f (ECE 0." in fine and "not computed for x" in fine


def test_detection_speaks_only_of_the_boxes_it_shows():
    statistics, clusters = simulated(np.random.default_rng(0), 100)
    evidence = Evidence(task="detection", statistics=statistics, ids=tuple(map(str, range(100))), clusters=clusters)
    findings = calibration(Request(evidence=evidence, replicates=50))
    assert findings[0].n == int((statistics.score >= 0.3).sum())
    assert "a box shown (score 0.30 or more)" in findings[0].limits and "missed" in findings[0].limits
    brier = findings[1]
    kept = statistics.score >= 0.3
    expected = np.mean((statistics.score[kept] - statistics.matched[0, 0, kept]) ** 2)
    assert brier.value == pytest.approx(expected)
    assert brier.interval[0] < expected < brier.interval[1]


def test_too_few_claims_and_none_at_all():
    (finding,) = calibration(Request(evidence=_evidence(0, n=40)))
    assert finding.verdict == "insufficient" and finding.value is None
    assert calibration(Request(evidence=evidence_of(np.ones(50)))) == ()
