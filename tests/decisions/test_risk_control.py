"""Guarantees by simulation and by hand: every promise is kept as often as it says, over calibration sets drawn anew."""

import math

import numpy as np
import pytest
from scipy import stats

from clearsight.decisions.objects import TrueObjects, missed_share, score_to_show
from clearsight.decisions.pixels import confidence_to_trust
from clearsight.decisions.sets import prediction_sets, random_parts, set_scores, true_scores
from clearsight.metrics.risk_control import (
    conformal_quantile,
    hoeffding_bentkus,
    keeps,
    one_of_each,
    threshold_to_decide,
)
from clearsight.metrics.segmentation import MISS_EDGES

DELTA = 0.1
DRAWS = 1000
# Four standard errors of a rate of 10% in 1,000 draws.
SLACK = 4 * math.sqrt(DELTA * (1 - DELTA) / DRAWS)


def test_p_values_equal_their_formulas():
    """Written out from Bates et al. 2021, one mean at a time."""

    def by_hand(mean, n, risk):
        def h(a, b):
            first = a * math.log(a / b) if a > 0 else 0.0
            return first + ((1 - a) * math.log((1 - a) / (1 - b)) if a < 1 else 0.0)

        bentkus = math.e * stats.binom.cdf(math.ceil(n * mean), n, risk)
        return min(1.0, math.exp(-n * h(min(mean, risk), risk)), bentkus)

    means, n = np.array([0.0, 0.013, 0.04, 0.05, 0.3]), 200
    found = hoeffding_bentkus(means, np.full(5, n), 0.05)
    assert found == pytest.approx([by_hand(mean, n, 0.05) for mean in means])
    exact = hoeffding_bentkus(np.array([3 / 200]), np.array([200]), 0.05, binary=True)
    by_sum = sum(math.comb(200, k) * 0.05**k * 0.95 ** (200 - k) for k in range(4))
    assert exact[0] == pytest.approx(by_sum)
    assert hoeffding_bentkus(np.array([0.0]), np.array([0]), 0.05)[0] == 1.0


def test_p_values_of_a_risk_at_the_limit_are_small_as_rarely_as_they_say():
    rng = np.random.default_rng(0)
    losses = rng.beta(0.2, 3.8, (4000, 80))  # the mean is 0.05
    p = hoeffding_bentkus(losses.mean(1), np.full(4000, 80), 0.05)
    assert (p <= 0.1).mean() <= 0.1


def _classified(rng, n, hard=0.3, spike=0.0):
    """Uncertainties and 0/1 losses: the more uncertain the more wrong; with ``spike``, wrong where it is surest too."""
    uncertainty = rng.uniform(0, 1, n)
    chance = hard * uncertainty**2 + spike * (uncertainty < 0.02)
    return uncertainty, (rng.random(n) < chance).astype(float)


def _risk(threshold, hard=0.3, spike=0.0):
    """The true risk below a threshold, by integration."""
    t = min(threshold, 1.0)
    return (hard * t**3 / 3 + spike * min(t, 0.02)) / t


@pytest.mark.parametrize("n", [100, 400, 1500])
@pytest.mark.parametrize("level", [0.02, 0.05])
def test_learn_then_test_exceeds_its_risk_at_most_as_often_as_it_says(n, level):
    rng = np.random.default_rng([n, int(100 * level)])
    thresholds = [threshold_to_decide(*_classified(rng, n), level, DELTA) for _ in range(DRAWS)]
    exceeded = [one is not None and _risk(one) > level for one in thresholds]
    assert np.mean(exceeded) <= DELTA + SLACK
    decided = np.mean([0.0 if one is None else min(one, 1.0) for one in thresholds])
    best = min(1.0, math.sqrt(3 * level / 0.3))
    # It must be of use too: with many pictures most of what could be decided is.
    assert (n, level) != (1500, 0.05) or decided > 0.6 * best


@pytest.mark.slow
@pytest.mark.parametrize("spike", [0.3, 0.9])
def test_learn_then_test_keeps_its_promise_where_it_is_wrong_when_surest(spike):
    """The risk crosses the level more than once, which the proof of the sequence leaves out."""
    rng = np.random.default_rng(int(10 * spike))
    exceeded = []
    for _ in range(DRAWS):
        found = threshold_to_decide(*_classified(rng, 600, spike=spike), 0.05, DELTA)
        exceeded.append(found is not None and _risk(found, spike=spike) > 0.05)
    assert np.mean(exceeded) <= DELTA + SLACK


def test_learn_then_test_with_losses_between_0_and_1():
    rng, exceeded = np.random.default_rng(3), []
    for _ in range(DRAWS):
        uncertainty = rng.uniform(0, 1, 400)
        loss = rng.beta(1, 9, 400) * 3 * uncertainty**2 / 1.0
        loss = np.minimum(loss, 1.0)
        found = threshold_to_decide(uncertainty, loss, 0.05, DELTA)
        # The mean of a Beta(1, 9) is 0.1, so the risk is this or, as losses are cut at 1, a little less.
        exceeded.append(found is not None and 0.1 * min(found, 1.0) ** 2 > 0.05)
    assert np.mean(exceeded) <= DELTA + SLACK


def test_all_may_be_decided_where_nothing_is_wrong_and_none_where_all_is():
    sure = np.linspace(0, 1, 200)
    assert threshold_to_decide(sure, np.zeros(200), 0.05, DELTA) == math.inf
    assert threshold_to_decide(sure, np.ones(200), 0.05, DELTA) is None
    assert threshold_to_decide(sure[:20], np.zeros(20), 0.05, DELTA) is None, "20 right answers show no 5%"
    assert threshold_to_decide(sure[:0], sure[:0], 0.05, DELTA) is None
    assert threshold_to_decide(np.zeros(300), np.zeros(300), 0.05, DELTA) == math.inf, "ties are decided together"
    half = np.repeat([0.0, 1.0], 300)
    found = threshold_to_decide(half, half, 0.05, DELTA)
    assert found == 1.0, "what is as uncertain as the wrong ones is not decided"


def test_conformal_quantile_is_the_order_statistic():
    scores = np.array([5.0, 1.0, 3.0, 2.0, 4.0, 6.0, 7.0, 8.0, 9.0])
    assert conformal_quantile(scores, 0.1) == 9.0
    assert conformal_quantile(scores, 0.2) == 8.0
    assert conformal_quantile(scores[:8], 0.1) is None, "1 / 0.1 - 1 are needed"


def _soft(rng, n, classes=6, power=1.0):
    """Probabilities and true classes drawn from them once sharpened: an overconfident model that is often wrong."""
    logits = rng.normal(0, 1.5, (n, classes))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    shown = np.exp(power * logits) / np.exp(power * logits).sum(1, keepdims=True)
    truth = (true.cumsum(1) < rng.random((n, 1))).sum(1)
    return shown.astype(np.float32), np.minimum(truth, classes - 1)


def test_set_scores_equal_a_slow_loop():
    rng = np.random.default_rng(0)
    probabilities, _ = _soft(rng, 20, classes=9)
    parts = rng.random(20)
    scores = set_scores(probabilities, parts)
    for row, part, own in zip(probabilities.astype(float), parts, scores, strict=True):
        for label in range(9):
            above = [p for p in row if p > row[label]]
            penalty = 0.01 * max(0, len(above) + 1 - 5)
            assert own[label] == pytest.approx(sum(above) + part * row[label] + penalty)


def test_the_same_probabilities_always_have_the_same_set():
    rng = np.random.default_rng(0)
    probabilities, _ = _soft(rng, 500)
    parts = random_parts(probabilities)
    assert np.array_equal(parts, random_parts(probabilities.astype(np.float64)[::-1])[::-1])
    assert stats.kstest(parts, "uniform").pvalue > 0.01
    inside = prediction_sets(probabilities, 0.0)
    assert (inside.sum(1) >= 1).all() and inside[np.arange(500), probabilities.argmax(1)].all()


@pytest.mark.parametrize("power", [1.0, 2.5])
def test_prediction_sets_cover_within_one_point_of_nominal(power):
    rng, covered = np.random.default_rng(int(10 * power)), []
    for _ in range(DRAWS):
        probabilities, truth = _soft(rng, 240, power=power)
        threshold = conformal_quantile(true_scores(probabilities[:200], truth[:200]), 0.1)
        inside = prediction_sets(probabilities[200:], threshold)
        covered.append(inside[np.arange(40), truth[200:]].mean())
    assert abs(np.mean(covered) - 0.9) <= 0.01


def _objects(rng, pictures):
    """Objects of pictures that are easy or hard, 1 to 8 each; some are never found."""
    count = rng.integers(1, 9, pictures)
    row = np.repeat(np.arange(pictures), count)
    ease = rng.normal(1.5, 1.0, pictures)[row]
    score = 1 / (1 + np.exp(-(ease + rng.normal(0, 1, len(row)))))
    score[rng.random(len(row)) < 0.02] = -np.inf
    return TrueObjects(score=score, share=1 / count[row], row=row, margin=None)


@pytest.fixture(scope="module")
def many():
    return _objects(np.random.default_rng(99), 200_000)


def _true_loss(many, threshold):
    return 1.0 if threshold is None else float(missed_share(many, threshold)[0].mean())


def test_missed_objects_stay_within_one_point_on_average(many):
    rng = np.random.default_rng(5)
    order = np.argsort(many.score)
    score, lost = many.score[order], np.cumsum(many.share[order]) / many.pictures
    risks = []
    for _ in range(DRAWS):
        threshold = score_to_show(_objects(rng, 150), 0.1, None)
        assert threshold is not None
        place = np.searchsorted(score, threshold)
        risks.append(lost[place - 1] if place else 0.0)
    # At most the level, and at least the level - 2 / (n + 1) (Angelopoulos et al. 2022, theorem 2).
    assert 0.1 - 2 / 151 - 0.005 <= np.mean(risks) <= 0.1 + 0.005
    assert np.mean(np.array(risks) > 0.1) > 0.2, "on average is not each time, which the report has to say"


def test_missed_objects_exceed_with_the_promised_probability_at_most(many):
    rng, exceeded = np.random.default_rng(6), 0
    order = np.argsort(many.score)
    score, lost = many.score[order], np.append(0, np.cumsum(many.share[order]) / many.pictures)
    for _ in range(DRAWS):
        threshold = score_to_show(_objects(rng, 150), 0.1, DELTA)
        exceeded += threshold is not None and lost[np.searchsorted(score, threshold)] > 0.1
    assert exceeded / DRAWS <= DELTA + SLACK


def test_the_score_to_show_equals_a_slow_search(many):
    objects = _objects(np.random.default_rng(1), 60)
    found = score_to_show(objects, 0.1, None)
    allowed = [
        threshold
        for threshold in objects.score[np.isfinite(objects.score)]
        if (60 * missed_share(objects, threshold)[0].mean() + 1) / 61 <= 0.1
    ]
    assert found == max(allowed)
    assert score_to_show(objects, 0.001, None) is None, "what is never found cannot be promised"


def _maps(rng, pictures):
    """The share of a class's pixels that a picture misses at each confidence, falling in the confidence."""
    wrong = rng.beta(1.2, 6, pictures)[:, None]
    return wrong * (1 - np.array(MISS_EDGES)) ** rng.uniform(0.3, 2, pictures)[:, None]


def test_missed_pixels_stay_below_the_level_and_use_it():
    rng = np.random.default_rng(8)
    truth = _maps(rng, 200_000).mean(0)
    for level in (0.05, 0.1):
        average, exceeded = [], 0
        for _ in range(DRAWS):
            shares = _maps(rng, 100)
            chosen = confidence_to_trust(shares, level, None)
            average.append(truth[MISS_EDGES.index(chosen)])
            sure = confidence_to_trust(shares, level, DELTA)
            exceeded += sure is not None and truth[MISS_EDGES.index(sure)] > level
        assert np.mean(average) <= level + 0.002
        assert exceeded / DRAWS <= DELTA + SLACK
        # The confidences are a grid, so the level is kept with room to spare; the one before would not do.
        place = MISS_EDGES.index(confidence_to_trust(_maps(rng, 100_000), level, None))
        assert truth[place] <= level < truth[place - 1]


def test_recall_of_pixels_is_within_one_point_of_nominal_on_a_fine_grid():
    """What the sixteen confidences leave open is the grid's; on a fine one the same rule uses up the level."""
    rng, grid = np.random.default_rng(9), np.linspace(0, 1, 400)

    def maps(pictures):
        wrong = rng.beta(1.2, 6, pictures)[:, None]
        return wrong * (1 - grid) ** rng.uniform(0.3, 2, pictures)[:, None]

    truth = maps(50_000).mean(0)
    found = []
    for _ in range(DRAWS):
        shares = maps(100)
        found.append(truth[int(np.argmax(keeps(shares.mean(0), 100, 0.05, None)))])
    assert abs(np.mean(found) - 0.05) <= 0.01


def test_one_of_each_cluster_at_random():
    clusters = np.array([3, 3, 1, 1, 1, 7])
    counts = np.zeros(6)
    for seed in range(600):
        chosen = one_of_each(clusters, seed)
        assert sorted(clusters[chosen].tolist()) == [1, 3, 7]
        counts[chosen] += 1
    assert counts[5] == 600 and (np.abs(counts[:2] - 300) < 60).all() and (np.abs(counts[2:5] - 200) < 60).all()


def test_pictures_of_one_cluster_do_not_feign_evidence():
    """Twenty pictures of a patient, all well or all badly: one of each keeps the promise, all of them do not."""
    rng, kept, naive = np.random.default_rng(11), 0, 0
    for _ in range(400):
        wrong = np.repeat(rng.random(40) < 0.06, 20).astype(float)
        uncertainty, clusters = rng.random(800), np.repeat(np.arange(40), 20)
        alone = one_of_each(clusters, int(rng.integers(1 << 30)))
        kept += threshold_to_decide(uncertainty[alone], wrong[alone], 0.05, DELTA) is not None
        naive += threshold_to_decide(uncertainty, wrong, 0.05, DELTA) is not None
    assert kept / 400 <= DELTA + 0.06
    assert naive / 400 > 0.2
