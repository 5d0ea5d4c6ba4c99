"""Early stopping and the best weights, on a network of a few weights and scores that are known beforehand."""

import copy
import math

import pytest
import torch
from lightning_fabric import Fabric
from line import Line, batches

from clearsight.files.tree import load_tree, save_tree
from clearsight.sources.batches.views import at_once
from clearsight.training import loop
from clearsight.training.stopping import EarlyStopping
from clearsight.types import Training


class Meter:
    def kwh_so_far(self):
        return 0.0


def run(epochs, validate, *, state=None, seed=0, per_epoch=10, patience=0, save_best=False, **hooks):
    """The averaged network, the steps taken, the checkpoints, and what was told of the end."""
    torch.manual_seed(seed)
    saved, told = [], []
    clock = loop.Clock(loop.Budget(epochs=epochs), per_epoch, Meter())
    training = Training(learning_rate=0.05, batch_size=4, patience=patience, save_best=save_best)
    given = loop.Hooks(
        save=lambda state: saved.append(copy.deepcopy(state)), validate=validate, ended=told.append, every_epoch=True,
        **hooks,
    )  # fmt: skip
    fabric = Fabric(accelerator="cpu", devices=1)
    try:
        average = loop.fit(Line(), batches, at_once, clock, training, fabric, given, state)
    except loop.Interrupted:
        average = None
    return average, clock.step, saved, told


def scripted(scores):
    """A validation that gives these scores in turn, and copies of the weights it was shown."""
    turn, shown = iter(scores), []

    def validate(model):
        shown.append(copy.deepcopy(model.state_dict()))
        return next(turn)

    return validate, shown


def same(weights, model):
    return all(torch.equal(weights[name], value) for name, value in model.state_dict().items())


def test_it_stops_when_patience_has_run_out_and_says_so():
    validate, shown = scripted([0.1, 0.2, 0.6, 0.5, 0.6, 0.9])
    average, steps, _, (ending,) = run(20, validate, patience=2)
    assert steps == 50 and len(shown) == 5
    assert (ending.stopped_early, ending.kept_best, ending.step, ending.evaluations) == (True, False, 50, 5)
    assert (ending.best_step, ending.best_score, ending.progress) == (30, 0.6, 0.25)
    assert same(shown[-1], average), "without save_best the last weights are kept"


def test_it_goes_on_while_it_improves_and_then_tells_nothing():
    validate, shown = scripted([0.01 * k for k in range(20)])
    _, steps, _, told = run(6, validate, patience=1)
    assert steps == 60 and told == [] and len(shown) == 5, "the evaluation at the end is another's"


def test_lower_may_be_better():
    validate, _ = scripted([0.9, 0.5, 0.6, 0.7])
    _, steps, _, (ending,) = run(20, validate, patience=2, merit=lambda score: -score)
    assert steps == 40 and ending.best_score == 0.5


def test_the_best_weights_are_kept_and_the_last_ones_may_be_them():
    for scores, best in (([0.1, 0.7, 0.3, 0.2], 1), ([0.1, 0.2, 0.3, 0.8], 3)):
        validate, shown = scripted(scores)
        average, steps, saved, (ending,) = run(4, validate, save_best=True)
        assert steps == 40 and same(shown[best], average) and not same(shown[best - 1], average)
        assert ending.kept_best and not ending.stopped_early and ending.best_step == 10 * (best + 1)
        assert same(shown[3], Line()) is False and saved[-1]["average"]["layer.0.weight"] is not None


def test_not_a_number_is_no_improvement_and_never_the_best():
    validate, shown = scripted([math.nan, 0.4, math.nan, math.nan, 0.9])
    average, steps, _, (ending,) = run(20, validate, patience=2, save_best=True)
    assert steps == 40 and ending.best_score == 0.4 and same(shown[1], average)


def test_short_epochs_are_evaluated_fifty_times_in_a_run_at_most():
    validate, shown = scripted([0.0] * 500)
    run(200, validate, per_epoch=1)
    assert len(shown) == 49  # the last one would be at the end, where the evaluation of the run follows


def weights_told(model):
    """A score that depends on the weights alone and goes up and down."""
    return float(torch.sin(40 * model.layer[0].weight.sum()))


@pytest.mark.parametrize("stop_after", [7, 20, 33])
@pytest.mark.parametrize("patience", [0, 2])
def test_a_resumed_run_stops_at_the_same_step_with_the_same_weights(tmp_path, stop_after, patience):
    choices = {"patience": patience, "save_best": True}
    whole, steps, finals, told = run(12, weights_told, **choices)
    asked = iter([False] * (stop_after - 1) + [True] * 200)
    _, _, saved, _ = run(12, weights_told, stop=lambda: next(asked), **choices)
    assert saved[-1]["step"] == stop_after
    save_tree(tmp_path / "checkpoint", saved[-1])
    resumed, steps_again, ends, told_again = run(
        12, weights_told, state=load_tree(tmp_path / "checkpoint"), seed=999, **choices
    )
    assert (steps, told) == (steps_again, told_again) and (patience == 0 or steps < 120)
    assert same(whole.state_dict(), resumed) and repr(finals[-1]["best"]) == repr(ends[-1]["best"])


def test_a_checkpoint_that_forgot_its_evaluations_would_be_noticed():
    asked = iter([False] * 32 + [True] * 200)
    _, _, saved, _ = run(12, weights_told, stop=lambda: next(asked), patience=2)
    _, steps, _, _ = run(12, weights_told, patience=2)
    state = {name: value for name, value in saved[-1].items() if name != "stopping"}
    _, forgetful, _, _ = run(12, weights_told, state=state, patience=2)
    assert forgetful != steps


def test_no_patience_never_ends():
    stopping = EarlyStopping()
    for step in range(100):
        stopping.see(0.0, 0.0, step)
    assert not stopping.over and stopping.waited == 99


def test_patience_is_a_number_of_evaluations():
    with pytest.raises(ValueError, match="patience is -1"):
        Training(patience=-1)
