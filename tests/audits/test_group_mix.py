"""Group audits of a generator: what they say of a known mix, of a declared reference, and where nothing can be said."""

import dataclasses

import numpy as np
import pytest
from group_mixes import simulated

from clearsight.audits import group_mix, truncation
from clearsight.metrics.generation import GenerationStatistics
from clearsight.types import Evidence, Request

MIX = {1.0: [0.4, 0.1, 0.5], 0.6: [0.2, 0.02, 0.78]}


def request(statistics=None, clusters=None, reference=None, apart=2.5, held_out=(300, 300, 400), made=1500, mixes=MIX):
    if statistics is None:
        statistics, clusters = simulated(np.random.default_rng(0), held_out, mixes, made, apart)
    evidence = Evidence(
        task="generation", statistics=statistics, ids=tuple(map(str, range(statistics.images))), clusters=clusters
    )
    nothing = np.zeros(0)
    whole = GenerationStatistics(
        generated=nothing.astype(bool), features=np.zeros((0, 1)), second=np.zeros((0, 1)),
        clusters=nothing.astype(int), distance=nothing, answer=nothing.astype(int), truth=nothing.astype(int),
    )  # fmt: skip
    about = Evidence(task="generation", statistics=whole, ids=(), clusters=nothing.astype(int))
    return Request(
        evidence=about, more={"mix-kind": evidence, "other": about}, replicates=300,
        reference={} if reference is None else {"kind": reference},
    )  # fmt: skip


def test_without_a_declared_reference_the_mix_is_compared_with_training_and_nothing_is_judged():
    (finding,) = group_mix(request())
    assert finding.verdict == "none asked" and finding.question == "whom it fails" and finding.group == "kind"
    assert finding.claim.startswith("The mix of kind is not that of training:") and ": b " in finding.claim
    for group, share in enumerate(MIX[1.0]):
        assert finding.series["low"][group] < share < finding.series["high"][group]
    assert sum(finding.series["value"]) == pytest.approx(1, abs=0.02) and sum(finding.series["n"]) == 1500
    assert "guessing reaches 33%" in finding.method and "inverse of its confusion matrix" in finding.method
    (same,) = group_mix(request(mixes={1.0: [0.3, 0.3, 0.4]}))
    assert same.claim.startswith("No kind is generated more or less often than in training")


@pytest.mark.parametrize(
    ("reference", "made", "verdict", "words"),
    [
        ({"a": 0.4, "b": 0.1, "c": 0.5}, 20_000, "pass", "Every interval lies within the tolerance"),
        ({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, 1500, "fail", "not that of the declared reference"),
        ({"a": 0.4, "b": 0.1, "c": 0.5}, 60, "insufficient", "too wide"),
    ],
)
def test_a_declared_reference_is_judged(reference, made, verdict, words):
    held_out = (6000, 6000, 6000) if made > 10_000 else (300, 300, 400)
    (finding,) = group_mix(request(reference=reference, made=made, held_out=held_out))
    assert finding.verdict == verdict and words in finding.claim
    assert f"declared {100 * reference['b']:.1f}%" in finding.series["note"][1]


def test_a_classifier_that_guesses_is_refused_with_how_weak_it_is():
    asked = request(apart=0.05)
    (finding,) = group_mix(asked)
    assert finding.verdict == "insufficient" and not finding.series and finding.value is None
    assert "too weak" in finding.claim and "guessing reaches 33%" in finding.claim
    assert truncation(asked) == ()


def test_pictures_that_no_mix_of_real_groups_explains_are_refused():
    """All generated pictures look alike to the classifier, and unlike a typical one of any group."""
    statistics, clusters = simulated(np.random.default_rng(0), (300, 300, 400), MIX, 1500, 2.5)
    strange = statistics.probabilities.copy()
    strange[statistics.truncation == 0.6] = [0.5, 0.5, 0.0]
    odd = dataclasses.replace(statistics, probabilities=strange)
    (change,) = truncation(request(odd, clusters))
    (mix,) = group_mix(request(odd, clusters))
    assert mix.series, "the first truncation is as it was"
    assert change.verdict == "insufficient" and "at 0.6 the pictures look" in change.claim and change.value is None
    rows = statistics.truncation != 1.0
    only = dataclasses.replace(odd, probabilities=strange[rows], truth=odd.truth[rows], truncation=odd.truncation[rows])
    (finding,) = group_mix(request(only, clusters[rows]))
    assert finding.verdict == "insufficient" and "no mix of the real groups" in finding.claim and not finding.series
    assert truncation(request(only, clusters[rows])) == ()


def test_groups_that_a_reference_names_but_nobody_can_tell_are_left_out_of_it():
    (finding,) = group_mix(request(reference={"a": 0.2, "b": 0.05, "c": 0.25, "rare": 0.5}))
    assert "declared 40.0%" in finding.series["note"][0]


def test_an_attribute_without_two_groups_is_said_to_be_so():
    asked = request()
    statistics = asked.more["mix-kind"].statistics
    none = dataclasses.replace(
        statistics, group_names=("a",), training_mix=(1.0,), probabilities=np.zeros((0, 1)),
        truth=np.zeros(0, dtype=int), truncation=np.zeros(0), left_out=("b",),
    )  # fmt: skip
    (finding,) = group_mix(request(none, np.zeros(0, dtype=int)))
    assert finding.verdict == "insufficient" and "1 of its groups" in finding.claim and "b." in finding.claim
    assert truncation(request(none, np.zeros(0, dtype=int))) == ()


def test_truncation_takes_from_the_minorities():
    (finding,) = truncation(request())
    assert finding.value == pytest.approx(0.22 - 0.5, abs=0.06)
    low, high = finding.interval
    assert low < 0.22 - 0.5 < high < 0 and "kind minorities (a and b) falls" in finding.claim
    assert finding.plot == "curve" and set(finding.series["x"]) == {1.0, 0.6} and len(finding.series["y"]) == 6
    assert truncation(request(mixes={1.0: [0.4, 0.1, 0.5]})) == ()
    (same,) = truncation(request(mixes={1.0: [0.4, 0.1, 0.5], 0.6: [0.4, 0.1, 0.5]}))
    assert "does not change by more than chance" in same.claim


def test_the_change_by_truncation_is_paired_where_the_same_noise_shows_the_same_group():
    statistics, clusters = simulated(np.random.default_rng(0), (300, 300, 400), {1.0: MIX[1.0]}, 1500, 2.5)
    made = np.flatnonzero(statistics.truth < 0)
    twice = np.concatenate([np.arange(statistics.images), made])
    both = dataclasses.replace(
        statistics,
        probabilities=statistics.probabilities[twice],
        truth=statistics.truth[twice],
        truncation=np.concatenate([statistics.truncation, np.full(len(made), 0.6)]),
    )
    (finding,) = truncation(request(both, clusters[twice]))
    assert finding.value == pytest.approx(0, abs=1e-9) and finding.interval == pytest.approx((0, 0), abs=1e-9)
