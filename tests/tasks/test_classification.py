"""Classification and tagging: predictions and truths become statistics, and what guessing would score."""

import numpy as np
import pytest
import torch

from clearsight.tasks.classification import Classification
from clearsight.tasks.tagging import Tagging
from clearsight.types import Label, Labels, Scores, Task

NAMES = ("a", "b", "c")


def scores(*rows):
    return [Scores(probabilities=torch.tensor(row)) for row in rows]


def test_both_are_tasks():
    assert isinstance(Classification(), Task) and isinstance(Tagging(), Task)


def test_classes_and_the_majority():
    predictions = scores([0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.4, 0.3, 0.3])
    truths = [Label(index=0), Label(index=1), Label(index=0)]
    found = Classification().statistics(predictions, truths, NAMES)
    assert found.metrics()[0].compute(found, np.ones((1, 3))) == pytest.approx([2 / 3])
    assert Classification().settle(found) == {}
    guess = Classification().baseline(iter(truths), [(4, 4)] * 3, NAMES)((9, 9))
    assert guess.probabilities.tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    again = Classification().statistics([guess] * 3, truths, NAMES, majority=0)
    skill = next(metric for metric in again.metrics() if metric.name.startswith("skill"))
    assert skill.compute(again, np.ones((1, 3))) == pytest.approx([0.0])


@pytest.mark.parametrize(
    ("row", "truth", "message"),
    [
        ([0.5, 0.5, 0.5], Label(index=0), "not probabilities"),
        ([0.5, float("nan"), 0.5], Label(index=0), "not probabilities"),
        ([0.5, 0.5], Label(index=0), "2 probabilities for 3 classes"),
        ([0.5, 0.5, 0.0], Label(index=3), "class id 3"),
        ([0.5, 0.5, 0.0], None, "came with 0 labels"),
    ],
)
def test_what_cannot_be_judged_is_refused(row, truth, message):
    with pytest.raises(ValueError, match=message):
        Classification().statistics(scores(row), [truth], NAMES)


def test_labels_and_their_thresholds():
    truths = [Labels(states=torch.tensor(row, dtype=torch.int8)) for row in ([1, 0, 3], [0, 0, 2], [1, 1, 3])]
    predictions = scores([0.9, 0.1, 0.5], [0.2, 0.3, 0.5], [0.4, 0.8, 0.5])
    found = Tagging().statistics(predictions, truths, NAMES)
    assert found.states.tolist() == [[1, 0, 3], [0, 0, 2], [1, 1, 3]]
    settled = Tagging().settle(found)
    assert settled["thresholds"] == pytest.approx((0.4, 0.8, 0.5))
    assert found.with_options(**settled).predicted.tolist() == [
        [True, False, True],
        [False, False, True],
        [True, True, True],
    ]
    guess = Tagging().baseline(truths, [(4, 4)] * 3, NAMES)((9, 9))
    assert guess.probabilities.tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    with pytest.raises(ValueError, match="not all of 2 classes"):
        Tagging().statistics(predictions, truths, NAMES[:2])
