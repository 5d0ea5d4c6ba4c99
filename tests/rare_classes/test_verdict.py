"""Whether generated pictures help: told where they do, not told where they do not."""

import numpy as np
import pytest
from scipy.stats import norm

from clearsight.metrics.classification import ClassificationStatistics
from clearsight.rare_classes.arms import GENERATED, NOTHING, OVERSAMPLING, Arm, arms_of
from clearsight.rare_classes.verdict import judged

RARE, COMMON, SEEDS = 40, 160, 5


def evaluations(random, recall, ratios=(1.0, 4.0)):
    """Evaluations in which each arm recognises the rare class as often as ``recall(arm)`` says, others in 90%."""
    truth = np.repeat([1, 0], [RARE, COMMON])
    difficulty = random.normal(0, 1, RARE + COMMON)
    found = {}
    for arm in arms_of(ratios):
        found[arm] = []
        for _ in range(SEEDS):
            share = np.where(truth == 1, recall(arm), 0.9)
            noise = difficulty + random.normal(0, 0.7, RARE + COMMON) + random.normal(0, 0.1)
            spread = np.sqrt(1 + 0.7**2 + 0.1**2)
            right = noise / spread < norm.ppf(share)
            answer = np.where(right, truth, 1 - truth)
            probabilities = np.stack([1 - answer, answer], axis=1).astype(np.float64)
            found[arm].append(
                ClassificationStatistics(class_names=("common", "rare"), truth=truth, probabilities=probabilities)
            )
    return found


def test_a_clear_gain_over_everything_is_told_with_its_ratio_and_rival():
    recall = {GENERATED: 0.9, NOTHING: 0.3, OVERSAMPLING: 0.6}
    random = np.random.default_rng(0)
    found = judged(evaluations(random, lambda arm: recall.get(arm.method, 0.5)), "rare", np.arange(RARE + COMMON))
    assert found.verdict == "helps" and found.rival.startswith(OVERSAMPLING)
    assert found.confidence == pytest.approx(0.975)
    gain = found.gain("recall")
    assert gain.interval[0] > 0 and gain.value == pytest.approx(0.3, abs=0.12)
    assert found.of(GENERATED, found.ratio).scores["recall"].value == pytest.approx(0.9, abs=0.08)
    assert len(found.of(NOTHING, 0.0).scores["recall"].each) == SEEDS
    assert {one.metric for one in found.gains} == {"recall", "precision", "balanced accuracy", "accuracy"}


def test_beating_all_but_one_alternative_is_no_help():
    recall = {GENERATED: 0.8, NOTHING: 0.2, OVERSAMPLING: 0.8}
    found = judged(
        evaluations(np.random.default_rng(1), lambda arm: recall.get(arm.method, 0.3)),
        "rare", np.arange(RARE + COMMON),
    )  # fmt: skip
    assert found.verdict == "no evidence of help" and found.rival.startswith(OVERSAMPLING)
    assert found.gain("recall", NOTHING).interval[0] > 0


def test_where_all_methods_are_alike_help_is_hardly_ever_seen():
    random = np.random.default_rng(2)
    verdicts = [
        judged(evaluations(random, lambda arm: 0.6), "rare", np.arange(RARE + COMMON), k).verdict for k in range(30)
    ]
    assert verdicts.count("helps") <= 1


def test_pictures_of_few_clusters_say_little():
    recall = {GENERATED: 0.9}
    found = evaluations(np.random.default_rng(3), lambda arm: recall.get(arm.method, 0.5))
    alone = judged(found, "rare", np.arange(RARE + COMMON))
    grouped = judged(found, "rare", np.arange(RARE + COMMON) // 20)
    widths = [np.diff(one.gain("recall").interval)[0] for one in (alone, grouped)]
    assert widths[1] > widths[0]


def test_arms_differ_only_in_method_at_one_ratio():
    arms = arms_of((1.0, 9.0))
    assert len(arms) == 9 and arms[0] == Arm(method=NOTHING)
    assert [str(one) for one in arms[1:5]] == [
        "oversampling, 1:1", "class weights, 1:1", "classical augmentation, 1:1", "generated pictures, 1:1",
    ]  # fmt: skip
    assert len({one.key for one in arms}) == 9
