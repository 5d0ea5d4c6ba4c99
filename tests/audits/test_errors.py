"""Errors explained: the dearest cause is named, counts are those at the threshold, and unknown causes say nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from clearsight.audits.errors import errors
from clearsight.tasks import Detection
from clearsight.types import Boxes, Detections, Evidence, Request

NAMES = ("red", "white")
BOX = [20.0, 20.0, 60.0, 60.0]
SHIFTED = [20.0, 40.0, 60.0, 80.0]


def evidence(spoilt, share=0.5, pictures=60):
    """One object a picture, found rightly, but for a share of the pictures found as ``spoilt`` says."""
    rng = np.random.default_rng(0)
    found, truths = [], []
    for _ in range(pictures):
        label = int(rng.integers(2))
        rows = spoilt(label) if rng.random() < share else [(BOX, 0.8, label)]
        truths.append(Boxes.of(torch.tensor([BOX]), torch.tensor([label])))
        found.append(
            Detections(
                xyxy=torch.tensor([row[0] for row in rows]).reshape(-1, 4),
                scores=torch.tensor([row[1] for row in rows]),
                labels=torch.tensor([row[2] for row in rows], dtype=torch.int64),
            )
        )
    return Evidence(
        task="detection", statistics=Detection().statistics(found, truths, NAMES),
        ids=tuple(map(str, range(pictures))), clusters=np.arange(pictures),
    )  # fmt: skip


SPOILT = {
    "with a wrong class": lambda label: [(BOX, 0.9, 1 - label)],
    "poorly localised boxes:": lambda label: [(SHIFTED, 0.9, label)],
    "poorly localised boxes of a wrong class": lambda label: [(BOX, 0.8, label), (SHIFTED, 0.9, 1 - label)],
    "more than once": lambda label: [(BOX, 0.9, label), (BOX, 0.85, label)],
    "where no object is": lambda label: [(BOX, 0.8, label), ([80.0, 80.0, 99.0, 99.0], 0.9, label)],
    "objects it misses": lambda label: [],
}


@pytest.mark.parametrize("words", SPOILT)
def test_the_cause_that_was_put_in_is_the_one_named(words):
    cost, count = errors(Request(evidence=evidence(SPOILT[words]), replicates=200))
    assert words in cost.claim and cost.question == "what breaks it"
    assert cost.value == cost.series["value"][0] > 0.05 and cost.interval[0] > 0
    assert cost.series["label"][0] == cost.group == count.series["label"][0]
    wrong = [n for n in cost.series["n"] if n]
    assert len(wrong) == 1 and wrong[0] == max(count.series["value"])
    assert all(value == pytest.approx(0, abs=1e-6) for value in cost.series["value"][1:])
    assert list(count.series["value"]) == sorted(count.series["value"], reverse=True)


def test_a_perfect_detector_loses_nothing():
    cost, count = errors(Request(evidence=evidence(lambda label: [(BOX, 0.9, label)]), replicates=50))
    assert cost.claim == "No kind of error costs it any AP50 here." and set(cost.series["value"]) == {0.0}
    assert "0 are wrong; of the 60 objects it misses 0 entirely" in count.claim


def test_only_what_a_user_is_shown_is_counted():
    made = evidence(lambda label: [(BOX, 0.3, 1 - label)])
    _, count = errors(Request(evidence=made, replicates=50))
    tally = dict(zip(count.series["label"], count.series["value"], strict=True))
    assert tally["wrong class"] == 0 and tally["missed"] > 20
    lower = replace(made, statistics=made.statistics.with_options(threshold=0.2))
    _, count = errors(Request(evidence=lower, replicates=50))
    tally = dict(zip(count.series["label"], count.series["value"], strict=True))
    assert tally["wrong class"] > 20 and tally["missed"] == 0


def test_nothing_is_said_where_causes_are_not_known():
    made = evidence(SPOILT["objects it misses"])
    older = replace(made, statistics=replace(made.statistics, cause=None, met=None))
    assert errors(Request(evidence=older)) == ()
    empty = replace(made, statistics=replace(made.statistics, truths=np.zeros_like(made.statistics.truths)))
    assert errors(Request(evidence=empty)) == ()


def test_a_class_of_which_nothing_is_found_is_named():
    def spoilt(label):
        return [] if label else [(BOX, 0.9, label)]

    cost, count = errors(Request(evidence=evidence(spoilt, share=1.0), replicates=50))
    total = int(evidence(spoilt, share=1.0).statistics.truths[:, 1, 0].sum())
    assert cost.claim.endswith(f"It finds none of the {total} objects of the class white.")
    assert count.claim.endswith(f"No box shown is right about the {total} objects of the class white.")
