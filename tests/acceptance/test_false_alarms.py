"""The statistics of the gate by simulation: how often it fails a model that did not change, and finds one that did.

Each data set is of 2,000 pictures on which both models answer; they disagree on 12% of them, as two trainings do.
"""

import numpy as np
import pytest
from scipy import stats

from clearsight.acceptance import Policy, Threshold
from clearsight.acceptance.change import of_evidence
from clearsight.acceptance.decision import decided, overall
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.types import Evidence

PICTURES, DISAGREE = 2000, 0.12
GROUPS = np.arange(PICTURES) % 10


def evidence(right):
    truth = np.arange(PICTURES) % 2
    sure = np.where(right, truth, 1 - truth)
    return Evidence(
        task="classification",
        statistics=ClassificationStatistics(
            class_names=("a", "b"), truth=truth, probabilities=np.where(sure[:, None] == np.arange(2), 0.9, 0.1)
        ),
        ids=tuple(map(str, range(PICTURES))),
        clusters=np.arange(PICTURES),
        groups={"site": np.array([f"site {number}" for number in range(10)])[GROUPS]},
    )


def pair(rng, drop):
    """Two models of 90% accuracy that differ on some pictures; the second is worse by ``drop`` on average."""
    kind = rng.choice(3, PICTURES, p=[1 - DISAGREE, (DISAGREE + drop) / 2, (DISAGREE - drop) / 2])
    agree = rng.random(PICTURES) < (0.9 - (DISAGREE + drop) / 2) / (1 - DISAGREE)
    old = np.where(kind == 0, agree, kind == 1)
    return evidence(old), evidence(np.where(kind == 0, agree, kind == 2))


def verdict_of(rng, drop, thresholds):
    old, new = pair(rng, drop)
    policy = Policy(thresholds=thresholds)
    found = [(threshold, one) for threshold in thresholds for one in of_evidence(old, new, threshold)]
    return overall(decided(policy, found)[0])


def share_failed(drop, thresholds, times, seed=0):
    rng = np.random.default_rng(seed)
    return sum(verdict_of(rng, drop, thresholds) == "fail" for _ in range(times))


ONE = (Threshold(metric="accuracy", worse_by_at_most=0),)
MANY = (*ONE, Threshold(metric="accuracy", by="site", worse_by_at_most=0))


def too_many(failed, times, share):
    """Whether so many of so many are more than the share explains: by chance once in a thousand."""
    return stats.binom.sf(failed - 1, times, share) < 0.001


@pytest.mark.parametrize(("drop", "least"), [(0.0, None), (0.03, 0.9)])
def test_one_threshold_in_little(drop, least):
    times = 40
    failed = share_failed(drop, ONE, times)
    if least is None:
        assert not too_many(failed, times, 0.05)
    else:
        assert stats.binom.cdf(failed, times, least) > 0.001


@pytest.mark.slow
@pytest.mark.parametrize(("thresholds", "times"), [(ONE, 1000), (MANY, 400)], ids=["one number", "eleven numbers"])
def test_an_unchanged_model_is_failed_in_five_of_a_hundred_at_most(thresholds, times):
    failed = share_failed(0.0, thresholds, times)
    print(f"no change: {failed} of {times} failed")
    assert not too_many(failed, times, 0.05)


@pytest.mark.slow
def test_a_drop_of_three_points_is_found_in_nine_of_ten():
    failed = share_failed(0.03, ONE, 1000)
    print(f"3 points: {failed} of 1000 failed")
    assert failed >= 900
