"""Calibration by class and size: right where there are cases, the parent's where there are few, in the same order."""

import numpy as np
import pytest
from scipy.optimize import minimize

from clearsight.metrics import platt
from clearsight.metrics.calibration import brier_parts, calibration_error
from clearsight.types import Confidences


def drawn(rng, n, slope=0.5, offset=-0.4):
    """Scores and whether they came true, by a line on the logits."""
    score = rng.beta(1.2, 1.2, n)
    return score, rng.random(n) < 1 / (1 + np.exp(-(slope * platt.logits(score) + offset)))


def test_with_many_cases_it_finds_the_line():
    score, right = drawn(np.random.default_rng(0), 40_000)
    assert platt.line(score, right) == pytest.approx((0.5, -0.4), abs=0.05)


def test_the_line_is_the_maximum_of_the_posterior():
    """Found again by a general optimiser from the formula."""
    score, right = drawn(np.random.default_rng(1), 60)
    x, scale = platt.logits(score), max(1.0, (platt.logits(score) ** 2).mean())

    def objective(at):
        z = at[0] * x + at[1]
        likely = (np.logaddexp(0, z) - right * z).sum()
        return likely + 0.5 * 5.0 * (scale * (at[0] - 1) ** 2 + at[1] ** 2)

    best = minimize(objective, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10}).x
    assert platt.line(score, right) == pytest.approx(tuple(best), abs=1e-4)


def test_few_cases_back_off_to_the_class_and_no_case_at_all_is_the_parent():
    rng = np.random.default_rng(2)
    score, right = drawn(rng, 3000)
    label = np.zeros(3000, dtype=int)
    part = np.zeros(3000, dtype=int)
    part[:4] = 1
    ((many, few, none),) = platt.lines(score, right, label, part, (1, 3))
    parent = platt.line(score, right, platt.line(score, right))
    assert none == pytest.approx(parent, abs=1e-6)
    assert np.abs(np.subtract(few, parent)).max() < 0.25 and many == pytest.approx(parent, abs=0.05)
    assert platt.lines(score[:0], right[:0], label[:0], part[:0], (2, 3)) == (((1.0, 0.0),) * 3,) * 2


def test_each_class_and_size_gets_its_own_line_and_none_changes_an_order():
    rng = np.random.default_rng(3)
    n = 6000
    label, part = rng.integers(0, 2, n), rng.integers(0, 3, n)
    score = rng.random(n)
    slopes = np.array([[1.0, 0.5, 2.0], [-1.0, 1.0, 1.0]])  # of class 1 small ones are the more often wrong, the surer
    right = rng.random(n) < 1 / (1 + np.exp(-(slopes[label, part] * platt.logits(score))))
    found = platt.lines(score, right, label, part, (2, 3))
    assert np.array([[line[0] for line in parts] for parts in found]) == pytest.approx(np.maximum(slopes, 0), abs=0.2)
    scaled = platt.scaled(score, label, part, found)
    for a in range(2):
        for b in range(3):
            own = (label == a) & (part == b)
            order = np.argsort(score[own])
            assert (np.diff(scaled[own][order]) >= 0).all()
    assert found == platt.lines(score, right, label, part, (2, 3)), "the same cases give the same lines"


def test_certainty_is_never_claimed_from_a_few_right_cases():
    line = platt.line(np.full(5, 0.9), np.ones(5, dtype=bool))
    (found,) = platt.scaled(np.array([0.9]), np.array([0]), np.array([0]), ((line,),))
    assert 0.9 < found < 0.97


def test_what_was_overconfident_is_calibrated_on_new_cases():
    rng = np.random.default_rng(4)
    score, right = drawn(rng, 3000)
    line = platt.line(score, right)
    new, outcome = drawn(rng, 3000)
    after = platt.scaled(new, np.zeros(3000, dtype=int), np.zeros(3000, dtype=int), ((line,),))
    rows = np.arange(3000)
    before, now = (
        calibration_error(Confidences(score=s, correct=outcome, row=rows, claim="it is so"), rows, draws=200)
        for s in (new, after)
    )
    assert before.value > before.null_95 and now.value <= 1.2 * now.null_95


def test_brier_parts_add_up_and_lose_their_bias():
    rng = np.random.default_rng(5)
    levels = np.repeat([0.2, 0.5, 0.8], 20_000)
    right = rng.random(60_000) < levels - 0.1
    parts = brier_parts(Confidences(score=levels, correct=right, row=np.arange(60_000), claim="it is so"))
    assert parts.reliability == pytest.approx(0.01, abs=0.001)
    assert parts.resolution == pytest.approx(np.var([0.1, 0.4, 0.7]), abs=0.002)
    brier = np.mean((levels - right) ** 2)
    assert parts.reliability - parts.resolution + parts.uncertainty == pytest.approx(brier, abs=1e-3)
    assert parts.log_loss == pytest.approx(-np.mean(np.log(np.where(right, levels, 1 - levels))))
    found = []
    for _ in range(300):
        score = rng.choice([0.3, 0.7], 200)
        few = Confidences(score=score, correct=rng.random(200) < score, row=np.arange(200), claim="it is so")
        found.append(brier_parts(few))
    # Uncorrected, a calibrated model would seem to be wrong by 0.002; not cutting at 0 it would be 0 on average.
    assert np.mean([one.reliability for one in found]) < 0.0015
    assert np.mean([one.resolution for one in found]) == pytest.approx(0.04, abs=0.004)
