"""Drift of groups: known tables are found again through a classifier's errors, with intervals that hold them."""

import dataclasses

import numpy as np
import pytest

from clearsight.audits import group_drift
from clearsight.audits.drifts import drift_of
from clearsight.metrics.group_drift import (
    GroupDriftStatistics,
    changed,
    changed_by_chance,
    changed_of_each,
    drift_seen,
    drift_table,
    own_mix,
)
from clearsight.metrics.group_mix import balanced_accuracy
from clearsight.report.opening import MUST_NOT_IDENTIFY, opening
from clearsight.types import Evidence, Request

NAMES = ("one", "two", "three")
# How often each group is taken for each, how often each is restored as each, and what is made freely.
CONFUSED = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.15, 0.15, 0.7]])
TABLE = np.array([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.6, 0.1, 0.3]])
MIX = np.array([0.7, 0.2, 0.1])
SHARES = np.array([0.5, 0.3, 0.2])


def shown(random, groups, confused=CONFUSED):
    """What a classifier with these errors says of pictures of these groups: one group for certain."""
    return np.eye(3)[[random.choice(3, p=confused[group]) for group in groups]]


def simulated(seed=0, true=400, free=400, confused=CONFUSED):
    random = np.random.default_rng(seed)
    truth = random.choice(3, true, p=SHARES)
    now = [random.choice(3, p=TABLE[group]) for group in truth]
    made = random.choice(3, free, p=MIX)
    return GroupDriftStatistics(
        attribute="kind",
        group_names=NAMES,
        probabilities=np.concatenate([shown(random, truth, confused), np.zeros((free, 3))]),
        restored=np.concatenate([shown(random, now, confused), shown(random, made, confused)]),
        truth=np.concatenate([truth, np.full(free, -1)]),
    )


def exact():
    """Pictures whose mean probabilities are the expected ones, in the numbers of SHARES."""
    truth = np.repeat([0, 1, 2], (100 * SHARES).astype(int))
    return GroupDriftStatistics(
        attribute="kind",
        group_names=NAMES,
        probabilities=np.concatenate([CONFUSED[truth], np.zeros((10, 3))]),
        restored=np.concatenate([(TABLE @ CONFUSED)[truth], np.tile(MIX @ CONFUSED, (10, 1))]),
        truth=np.concatenate([truth, np.full(10, -1)]),
    )


def evidence_of(statistics):
    count = statistics.images
    about = {"factor": "4", "restarts": "1", "free": str((statistics.truth < 0).sum())}
    return Evidence(
        task="generation", statistics=statistics, ids=tuple(map(str, range(count))), clusters=np.arange(count),
        about=about,
    )  # fmt: skip


def request_of(statistics, **options):
    evidence = evidence_of(statistics)
    return Request(evidence=evidence, more={"group-kind": evidence}, **options)


def test_expected_probabilities_give_back_the_table_and_the_mix():
    statistics, ones = exact(), np.ones((1, 110))
    np.testing.assert_allclose(drift_table(statistics, ones)[0], TABLE, atol=1e-9)
    np.testing.assert_allclose(drift_seen(statistics, ones)[0], TABLE @ CONFUSED)
    np.testing.assert_allclose(own_mix(statistics, ones)[0], MIX, atol=1e-9)
    np.testing.assert_allclose(changed_of_each(statistics, ones)[0], 1 - np.diagonal(TABLE), atol=1e-9)
    assert changed(statistics, ones)[0] == pytest.approx(SHARES @ (1 - np.diagonal(TABLE)))
    assert changed_by_chance(statistics, ones)[0] == pytest.approx(SHARES @ (1 - MIX))
    assert balanced_accuracy(statistics, ones)[0] == 1


def test_a_weight_of_two_is_a_row_twice_and_parts_join():
    statistics = simulated(true=60, free=40)
    random = np.random.default_rng(1)
    weights = random.integers(0, 3, (4, 100)).astype(float)
    for metric in (changed, changed_by_chance, balanced_accuracy):
        found = metric(statistics, weights)
        for row, counts in enumerate(weights.astype(int)):
            rows = np.repeat(np.arange(100), counts)
            copied = dataclasses.replace(
                statistics, probabilities=statistics.probabilities[rows], restored=statistics.restored[rows],
                truth=statistics.truth[rows],
            )  # fmt: skip
            assert metric(copied, np.ones((1, len(rows))))[0] == pytest.approx(found[row])
    halves = [
        dataclasses.replace(
            statistics, probabilities=statistics.probabilities[part], restored=statistics.restored[part],
            truth=statistics.truth[part],
        )
        for part in (slice(0, 30), slice(30, 100))
    ]  # fmt: skip
    joined = GroupDriftStatistics.joined(halves)
    assert changed(joined, np.ones((1, 100))) == changed(statistics, np.ones((1, 100)))


def test_a_group_without_weight_has_no_share():
    statistics = simulated()
    weights = np.where(statistics.truth == 2, 0.0, 1.0)[None]
    assert np.isnan(drift_table(statistics, weights)).all()
    alike = dataclasses.replace(statistics, probabilities=np.full_like(statistics.probabilities, 1 / 3))
    assert np.isnan(changed(alike, np.ones((1, statistics.images)))).all()


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    expected = {"changed": SHARES @ (1 - np.diagonal(TABLE)), "chance": SHARES @ (1 - MIX), "pair": TABLE[1, 0]}
    held, draws = dict.fromkeys(expected, 0), 40
    for seed in range(draws):
        statistics = simulated(seed, 250, 250)
        drift = drift_of(request_of(statistics, replicates=100), evidence_of(statistics))
        for name, one in (("changed", drift.changed), ("chance", drift.by_chance), ("pair", drift.table[1][0])):
            held[name] += one.low <= expected[name] <= one.high
    # Of 40 draws of an interval that covers 95%, fewer than 34 would hold it once in 600 times.
    assert all(count >= 34 for count in held.values()), held


def test_findings_say_what_changes_beside_chance_and_open_the_report():
    first, table = group_drift(request_of(simulated(true=1500, free=1500), replicates=200))
    assert first.metric == "restored as another kind" and first.n == 1500 and first.interval is not None
    assert first.interval[0] < SHARES @ (1 - np.diagonal(TABLE)) < first.interval[1]
    assert "fewer than by chance" not in first.claim.replace("cannot", "") or first.value < SHARES @ (1 - MIX)
    assert first.series["label"] == ["all", *NAMES] and sum(first.series["n"][1:]) == 1500
    assert first.series["expected"][1] == pytest.approx(1 - MIX[0], abs=0.1)
    assert first.imagined in opening([first]) and opening([first]).startswith(MUST_NOT_IDENTIFY)
    assert "of 1500 held-out pictures are restored as another kind than their own" in first.imagined
    assert table.plot == "matrix" and len(table.series["truth"]) == 9
    cells = dict(zip(zip(table.series["truth"], table.series["answer"], strict=True),
                     zip(table.series["low"], table.series["high"], strict=True), strict=True))  # fmt: skip
    assert cells["two", "one"][0] < 0.5 < cells["two", "one"][1]
    assert "of two as one" in table.claim or "of three as one" in table.claim


def test_what_differs_from_chance_is_said_and_what_does_not_is_not():
    kept = exact()
    keeps = dataclasses.replace(kept, restored=np.concatenate([kept.probabilities[:100], kept.restored[100:]]))
    first, _ = group_drift(request_of(keeps, replicates=100))
    assert first.value == pytest.approx(0, abs=1e-9) and "fewer than by chance" in first.claim
    drawn = dataclasses.replace(kept, restored=np.tile(MIX @ CONFUSED, (110, 1)))
    first, _ = group_drift(request_of(drawn, replicates=100))
    assert "cannot be told apart" in first.claim


def test_pictures_that_are_of_no_mix_of_real_groups_are_said_to_be():
    random = np.random.default_rng(3)
    statistics = simulated(true=600, free=600)
    # Nobody is ever seen as so surely the first group: not even that group itself.
    strange = np.eye(3)[random.choice(3, 600, p=[0.97, 0.02, 0.01])]
    free = np.concatenate([statistics.restored[:600], strange])
    first, _ = group_drift(request_of(dataclasses.replace(statistics, restored=free), replicates=100))
    assert "What chance would do is not known" in first.claim and "Doubt" not in first.claim
    assert first.series["expected"] == [None] * 4 and first.value is not None
    restored = np.concatenate([strange, statistics.restored[600:]])
    first, _ = group_drift(request_of(dataclasses.replace(statistics, restored=restored), replicates=100))
    assert "drawn from the mix" in first.claim and "Doubt what is said of one, two and three" in first.claim


def test_a_weak_classifier_and_too_few_groups_are_refused_and_still_open_the_report():
    weak = simulated(confused=np.full((3, 3), 1 / 3))
    (refused,) = group_drift(request_of(weak, replicates=100))
    assert refused.verdict == "insufficient" and refused.value is None and "too weak" in refused.claim
    nobody = GroupDriftStatistics(
        attribute="kind", group_names=("one",), probabilities=np.zeros((0, 1)), restored=np.zeros((0, 1)),
        truth=np.zeros(0, dtype=int), left_out=("two",),
    )  # fmt: skip
    (unseen,) = group_drift(request_of(nobody))
    assert unseen.verdict == "insufficient" and "Too few pictures: two" in unseen.claim
    for finding in (refused, unseen):
        assert "is not known" in opening([finding])


def test_other_evidence_has_no_drift():
    evidence = evidence_of(exact())
    assert group_drift(Request(evidence=evidence)) == ()
