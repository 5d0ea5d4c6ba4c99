"""How mitigations are tried: nothing answers for a picture it was fitted on, and what is added is learnt from."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from clearsight.energy.meter import Meter
from clearsight.evaluation.judging import gathered_for
from clearsight.loading import division, trained
from clearsight.sources import records_of
from clearsight.training.loop import Budget
from clearsight.types import AddedPictures, GroupOffsets, NewLastLayer, Retraining
from clearsight.worst_groups.grouping import grouping_of
from clearsight.worst_groups.material import material_of
from clearsight.worst_groups.retraining import retrained
from clearsight.worst_groups.trials import chosen, drawn_worst_error, left_out_logits, logits_after, tried


@pytest.fixture(scope="module")
def found(leaning, digits):
    """All that mitigations of the run are tried with."""
    gathered = gathered_for(leaning, digits, None, False)
    grouping = grouping_of(gathered.source, ["background"])
    cells = {name: grouping.coded(records_of(one)).cells for name, one in gathered.source.splits.items()}
    parts = division.division_of(gathered.source, cells, 0)
    return material_of(leaning, gathered, grouping, parts, None, 0, True)


class Spy:
    """A mitigation that remembers what it was given, and says in its answers which time it was asked."""

    def __init__(self, offers=lambda time: ("spy",)):
        self.seen, self.offers = [], offers

    def __call__(self, given):
        self.seen.append(set(given.fit.ids))
        bias = np.array([len(self.seen), 0.0])
        layer = NewLastLayer(said="", weight=np.zeros_like(given.weight), bias=bias)
        return tuple(replace(layer, said=said) for said in self.offers(len(self.seen)))


def test_what_answers_for_a_picture_was_not_fitted_on_it(found):
    spy = Spy()
    logits = left_out_logits("spy", spy, spy(found.given), found, True)["spy"]
    ids, clusters = found.tuning.pictures.ids, [record.cluster for record in records_of(found.tuning.dataset)]
    time = logits[:, 0].astype(int)
    assert all(id not in spy.seen[k - 1] for id, k in zip(ids, time.tolist(), strict=True))
    assert len(spy.seen) == 6 and spy.seen[0] == set(ids)
    assert all(len(seen) > 0.7 * len(ids) for seen in spy.seen)
    assert all(len({time[k] for k in np.flatnonzero(np.array(clusters) == one)}) == 1 for one in set(clusters))


def test_what_one_fold_cannot_be_fitted_on_is_not_judged(found):
    spy = Spy(lambda time: ("always", "mostly") if time != 3 else ("always",))
    assert set(left_out_logits("spy", spy, spy(found.given), found, True)) == {"always"}


def test_logits_after_a_change_are_those_of_the_new_layer_or_with_the_numbers_of_the_group(found):
    pictures, given = found.tuning.pictures, found.given
    same = NewLastLayer(said="", weight=given.weight, bias=given.bias)
    np.testing.assert_allclose(logits_after(same, found), pictures.logits(), atol=1e-9)
    numbers = np.array([[1.0, 0.0], [0.0, 5.0]])
    moved = logits_after(GroupOffsets(said="", offsets=numbers), found) - pictures.logits()
    for group in range(2):
        assert np.abs(moved[pictures.groups == group] - numbers[group]).max() < 1e-9


def test_the_one_chosen_has_the_lowest_worst_error_then_the_highest_accuracy(found):
    with Meter() as meter:
        candidates = tried(["last-layer"], found, None, meter, None, True)
    best = chosen(candidates)
    assert [one.trial.mitigation for one in candidates] == ["as it is", *["last-layer"] * 8]
    lowest = min(one.trial.worst_group_error for one in candidates)
    assert best.trial.worst_group_error == lowest and best.fitted
    same = replace(best, trial=replace(best.trial, accuracy=1.0, said="as bad, but more accurate"))
    assert chosen([*candidates, same]) is same
    assert best.settings["temperature"] > 0 and set(best.weights) == set(found.network.state_dict())


def test_what_is_added_is_learnt_from_and_the_weights_of_the_run_are_begun_from(found):
    """White pictures alone, of the class that the run does not see in them; and no step at all changes nothing."""
    white = torch.full((40, 3, 32, 32), 255, dtype=torch.uint8)

    def answer(network):
        with torch.inference_mode():
            return network.predict(white[:1].float() / 255)[0].probabilities

    other = int(answer(trained.load(found.run)).argmin())
    draws = np.concatenate([np.zeros(len(found.train.dataset)), np.ones(40)])
    change = Retraining(said="", start="run", draws=draws, added=(AddedPictures(label=other, images=white),), rate=0.5)
    network, recipe = retrained(change, "white", found, Budget(epochs=2), Meter(), lambda: False, lambda moment: None)
    assert int(answer(network).argmax()) == other
    assert recipe.training.learning_rate == pytest.approx(found.run.config.settings["training"]["learning_rate"] / 2)


def test_the_error_of_a_small_group_is_drawn_towards_that_of_all():
    right = np.array([True] * 95 + [False] * 5)
    cells = np.array([0] * 95 + [1] * 5)
    assert drawn_worst_error(right, cells) == pytest.approx((5 + 5 * 0.05) / 10)
    assert drawn_worst_error(right[:95], cells[:95]) == 0
