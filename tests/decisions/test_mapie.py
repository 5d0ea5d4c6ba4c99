"""MAPIE as an independent oracle, where it offers the same: sets, intervals, p values and the choice of thresholds.

It has no guarantees for missed objects, widened boxes or a class's pixels; those are tested by simulation alone.
"""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression

from clearsight.decisions.sets import prediction_sets, set_scores, true_scores
from clearsight.metrics.risk_control import _last_passed, conformal_quantile, hoeffding_bentkus, keeps

mapie = pytest.importorskip("mapie")

SEED = 3
LEVELS = (0.01, 0.05, 0.1, 0.2)


@pytest.fixture(scope="module")
def digits():
    """A classifier that is unsure now and then, with pictures and truths to calibrate on, and others."""
    pictures, truth = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(pictures))  # they come writer by writer
    pictures, truth = (pictures + rng.normal(0, 6, pictures.shape))[order], truth[order]
    model = LogisticRegression(C=0.001, max_iter=500).fit(pictures[:400], truth[:400])
    return model, (pictures[400:1100], truth[400:1100]), (pictures[1100:], truth[1100:])


def _conformalized(digits, score, level):
    from mapie.classification import SplitConformalClassifier

    model, (pictures, truth), _ = digits
    found = SplitConformalClassifier(
        model, confidence_level=1 - level, conformity_score=score, prefit=True, random_state=SEED
    )
    return found.conformalize(pictures, truth)


@pytest.mark.parametrize("level", LEVELS)
def test_adaptive_prediction_sets_are_those_of_mapie(digits, level):
    """With the same random parts; it may give an empty set, where ours has the most probable class."""
    model, (pictures, truth), (others, _) = digits
    found = _conformalized(digits, "aps", level)
    theirs = found.predict_set(others, conformity_score_params={"include_last_label": "randomized"})[1][:, :, 0]
    given, new = model.predict_proba(pictures), model.predict_proba(others)
    parts, new_parts = (1 - np.random.RandomState(SEED).uniform(size=len(one)) for one in (given, new))
    assert given.shape[1] > 5, "of few classes RAPS and APS are one"
    # The penalty of RAPS on classes beyond the fifth is none of APS's.
    place = np.argsort(np.argsort(-new, axis=1), axis=1)
    own_place = np.argsort(np.argsort(-given, axis=1), axis=1)[np.arange(len(truth)), truth]
    free = true_scores(given, truth, parts) - 0.01 * np.maximum(0, own_place + 1 - 5)
    threshold = conformal_quantile(free, level)
    ours = set_scores(new, new_parts) - 0.01 * np.maximum(0, place + 1 - 5) <= threshold + 1e-12
    np.testing.assert_array_equal(ours, theirs)
    assert 1 < ours.sum(1).mean() < 9


def test_the_scores_of_sets_are_those_of_mapie_with_its_regularisation(digits):
    from mapie.conformity_scores.sets.raps import RAPSConformityScore

    model, (pictures, truth), _ = digits
    given, parts = model.predict_proba(pictures), np.random.default_rng(1).random(len(pictures))
    cumulated, cutoff = RAPSConformityScore.get_true_label_cumsum_proba(truth, given, model.classes_)
    own = given[np.arange(len(truth)), truth][:, None]
    scores = cumulated - (1 - parts)[:, None] * own
    theirs = RAPSConformityScore._regularize_conformity_score(np.array([5]), 0.01, scores, cutoff)[:, 0, 0]
    assert true_scores(given, truth, parts) == pytest.approx(theirs, abs=1e-12)
    assert (cutoff > 5).any(), "some truths must be punished"


@pytest.mark.parametrize("level", LEVELS)
def test_the_quantile_of_scores_is_that_of_mapie(digits, level):
    """By its sets of least ambiguity: the classes whose probability is high enough."""
    model, (pictures, truth), (others, _) = digits
    theirs = _conformalized(digits, "lac", level).predict_set(others)[1][:, :, 0]
    own = 1 - model.predict_proba(pictures)[np.arange(len(truth)), truth]
    ours = 1 - model.predict_proba(others) <= conformal_quantile(own, level) + 1e-9
    np.testing.assert_array_equal(ours, theirs)


def test_sets_of_the_package_cover_as_those_of_mapie(digits):
    """As they are deployed: random parts of their own, the penalty, and never empty."""
    model, (pictures, truth), (others, answers) = digits
    threshold = conformal_quantile(true_scores(model.predict_proba(pictures), truth), 0.1)
    inside = prediction_sets(model.predict_proba(others), threshold)
    covered = inside[np.arange(len(answers)), answers].mean()
    found = _conformalized(digits, "raps", 0.1)
    theirs = found.predict_set(others, conformity_score_params={"include_last_label": "randomized"})[1][:, :, 0]
    assert covered == pytest.approx(theirs[np.arange(len(answers)), answers].mean(), abs=0.04)
    assert covered == pytest.approx(0.9, abs=0.04)


@pytest.mark.parametrize("level", LEVELS)
def test_intervals_are_those_of_mapie(level):
    from mapie.regression import SplitConformalRegressor

    features, truth = load_diabetes(return_X_y=True)
    model = LinearRegression().fit(features[:150], truth[:150])
    found = SplitConformalRegressor(model, confidence_level=1 - level, conformity_score="absolute", prefit=True)
    value, ends = found.conformalize(features[150:350], truth[150:350]).predict_interval(features[350:])
    reach = conformal_quantile(np.abs(truth[150:350] - model.predict(features[150:350])), level)
    assert ends[:, 0, 0] == pytest.approx(value - reach, rel=1e-9)
    assert ends[:, 1, 0] == pytest.approx(value + reach, rel=1e-9)


@pytest.mark.parametrize("n", [20, 333, 5000])
@pytest.mark.parametrize("binary", [True, False])
def test_p_values_are_those_of_mapie(n, binary):
    from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value

    means = np.arange(n + 1) / n if binary else np.random.default_rng(n).random(400) * 0.3
    means = means[means < 0.9]
    for level in LEVELS:
        theirs = compute_hoeffding_bentkus_p_value(means, n, level, binary)[:, 0]
        ours = hoeffding_bentkus(means, np.full(len(means), n), level, binary)
        # Where n times the mean is a whole number but for rounding, MAPIE counts one loss more: its p is not smaller.
        same = np.isclose(ours, np.minimum(theirs, 1), rtol=1e-9, atol=1e-300)
        assert same.mean() > 0.8 and (ours[~same] < theirs[~same]).all()


@pytest.mark.parametrize("level", LEVELS)
def test_conformal_risk_control_allows_what_mapie_allows(level):
    from mapie.risk_control.methods import find_best_predict_param, get_r_hat_plus

    rng = np.random.default_rng(0)
    needed, weight = rng.beta(2, 5, 400), rng.random(400)
    thresholds = np.linspace(0, 1, 201)
    losses = weight[:, None] * (needed[:, None] > thresholds)  # falls as the threshold rises
    mean, bound = get_r_hat_plus(losses, thresholds, "crc", None, None, None)
    theirs = find_best_predict_param(thresholds, bound, np.array([level]))[0]
    ours = thresholds[keeps(mean, 400, level, None)][0]
    assert ours == theirs


@pytest.mark.parametrize("seed", range(5))
def test_a_sequence_of_tests_ends_where_mapie_ends_it(seed):
    from mapie.risk_control.fwer_control import FWERFixedSequenceTesting

    rng = np.random.default_rng(seed)
    losses = rng.random((300, 40)) < np.linspace(0.005, 0.09, 40)
    p = hoeffding_bentkus(losses.mean(0), np.full(40, 300), 0.05, binary=True)
    theirs = FWERFixedSequenceTesting(n_starts=1).run(p, 0.1)
    assert _last_passed(p <= 0.1, 0) == (theirs.max() if len(theirs) else -1)
