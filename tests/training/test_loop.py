"""The loop on a network of two weights: budgets, resuming, stopping, and what is kept when things go wrong."""

import copy

import pytest
import torch
from lightning_fabric import Fabric
from line import Line, batches
from torch import nn

from clearsight.sources.batches.views import ahead
from clearsight.training import loop, session
from clearsight.training.optimizers import optimizers_for
from clearsight.types import Batch, Training


class Meter:
    def __init__(self, per_step=0.0):
        self.kwh = 0.0
        self.per_step = per_step

    def kwh_so_far(self):
        self.kwh += self.per_step
        return self.kwh


def run(budget, state=None, seed=0, make=batches, training=None, **hooks):
    torch.manual_seed(seed)
    saved = []
    clock = loop.Clock(budget, 10, hooks.pop("meter", Meter()))
    hooks.setdefault("save", lambda state: saved.append(copy.deepcopy(state)))
    fabric = Fabric(accelerator="cpu", devices=1)
    training = training or Training(learning_rate=0.01, batch_size=4)
    try:
        average = loop.fit(Line(), make, ahead, clock, training, fabric, loop.Hooks(**hooks), state)
    except (loop.Interrupted, loop.Diverged) as error:
        return error, saved, clock
    return average, saved, clock


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_an_interrupted_run_resumed_is_the_run_that_never_stopped():
    whole, _, _ = run(loop.Budget(epochs=4))
    asked = iter([False] * 17 + [True] * 100)
    stopped, saved, _ = run(loop.Budget(epochs=4), stop=lambda: next(asked))
    assert isinstance(stopped, loop.Interrupted) and saved[-1]["step"] == 18
    resumed, _, clock = run(loop.Budget(epochs=4), state=saved[-1], seed=999)
    assert clock.step == 40 and same(whole, resumed)


def test_another_seed_gives_other_weights():
    assert not same(run(loop.Budget(epochs=1))[0], run(loop.Budget(epochs=1), seed=1)[0])


def test_it_learns():
    moments = []
    run(loop.Budget(epochs=60), watch=moments.append)
    assert moments[-1].losses["square"] < 0.2 * moments[0].losses["square"]


def test_a_run_has_one_step_however_small_its_budget():
    for budget in (loop.Budget(minutes=1e-12), loop.Budget(kwh=1e-12)):
        average, saved, clock = run(budget, meter=Meter(per_step=1.0))
        assert clock.step == 1 and saved[-1]["step"] == 1 and not average.training


def test_what_is_made_ready_before_the_first_step_is_not_in_the_minutes():
    """A generator's pictures are seen by the network that watches it, for example: a minute on a slow machine."""
    torch.manual_seed(0)
    clock, moments = loop.Clock(loop.Budget(minutes=10), 10, Meter()), []
    clock.start -= 3600
    hooks = loop.Hooks(save=lambda state: None, watch=moments.append, stop=lambda: bool(moments))
    with pytest.raises(loop.Interrupted):
        loop.fit(Line(), batches, ahead, clock, Training(batch_size=4), Fabric(accelerator="cpu", devices=1), hooks)
    assert 0 < moments[0].seconds < 600 and moments[0].progress < 1


def test_the_epoch_budget_counts_steps():
    assert run(loop.Budget(epochs=1.5))[2].step == 15


def test_the_minute_budget_stops_in_time():
    _, _, clock = run(loop.Budget(minutes=0.01))
    assert 0.6 <= clock.seconds < 1.5 and clock.step > 5


def test_the_energy_budget_stops_when_used():
    _, _, clock = run(loop.Budget(kwh=1.0), meter=Meter(per_step=0.01))
    assert 10 < clock.step < 110


@pytest.mark.parametrize(
    "wrong", [{}, {"epochs": 1, "minutes": 1}, {"epochs": 0}, {"minutes": -1}, {"kwh": float("nan")}]
)
def test_bad_budgets_are_refused(wrong):
    with pytest.raises(ValueError, match="budget"):
        loop.Budget(**wrong)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_and_keeps_the_weights_before(poison):
    def make(step, progress):
        batch = batches(step, progress)
        return batch if step != 12 else Batch(images=batch.images * poison, truths=batch.truths, ids=batch.ids)

    error, saved, _ = run(loop.Budget(epochs=4), make=make)
    assert isinstance(error, loop.Diverged) and "step 13" in str(error) and "learning_rate" in str(error)
    assert saved[-1]["step"] == 12
    assert all(torch.isfinite(value).all() for value in saved[-1]["average"].values() if value.is_floating_point())
    assert all(torch.isfinite(weight).all() for weight in saved[-1]["model"]["layer.0.weight"])


def test_an_error_while_making_a_batch_reaches_the_caller():
    def make(step, progress):
        if step == 3:
            raise ValueError("bad picture")
        return batches(step, progress)

    with pytest.raises(ValueError, match="bad picture"):
        run(loop.Budget(epochs=1), make=make)


def test_the_rate_warms_up_then_falls_to_one_percent():
    rates = [loop.rate_at(k / 1000, 0.1) for k in range(1001)]
    assert rates[0] < 0.01 and abs(rates[100] - 1) < 1e-6 and abs(rates[-1] - 0.01) < 1e-6
    assert all(a <= b for a, b in zip(rates[:100], rates[1:101], strict=True))
    assert all(a >= b for a, b in zip(rates[100:], rates[101:], strict=False))


def test_the_average_of_a_still_model_is_the_model_and_of_a_moving_one_lags():
    model = nn.Linear(1, 1, bias=False)
    average = loop.Average(model)
    average.update(1, 10)
    assert torch.equal(average.model.weight, model.weight)
    with torch.no_grad():
        start = model.weight.clone()
        model.weight += 1
    average.update(1000, 9)
    assert torch.allclose(average.model.weight, start + 0.1)


def test_validation_costs_a_bounded_share():
    import time

    seen = []

    def validate(model):
        seen.append(1)
        time.sleep(0.05)
        return 0.5

    # The first pause is 10 seconds, so a run of under a second never validates, whatever validation costs.
    run(loop.Budget(minutes=0.01), validate=validate)
    assert not seen


def test_validation_does_not_change_what_is_learnt(monkeypatch):
    plain, _, _ = run(loop.Budget(epochs=3))
    monkeypatch.setattr(session, "FIRST_VALIDATION_S", 0.0)
    scores = []
    judged, _, _ = run(loop.Budget(epochs=3), validate=lambda model: scores.append(1) or 0.5, validation_share=1.0)
    assert scores and same(plain, judged)


def test_weights_decay_but_biases_do_not():
    (optimizer,) = optimizers_for(Line(), Training(weight_decay=0.3))
    groups = optimizer.param_groups
    assert {weight.ndim for weight in groups[0]["params"]} == {2} and groups[0]["weight_decay"] == 0.3
    assert {weight.ndim for weight in groups[1]["params"]} == {1} and groups[1]["weight_decay"] == 0.0


class OnTrunk(Line):
    """The same, with a backbone that has weights and running statistics."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8))
        self.layer = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 1))

    def losses(self, batch):
        x = batch.images.mean(dim=(1, 2, 3))[:, None]
        return {"square": (self.layer(self.backbone(x)) - 3 * x).square().mean()}


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_frozen_trunk_stands_still_and_then_moves(optimizer):
    torch.manual_seed(0)
    model, states = OnTrunk(), []
    start = copy.deepcopy(model.state_dict())
    clock = loop.Clock(loop.Budget(epochs=2), 10, Meter())
    training = Training(learning_rate=0.01, batch_size=4, frozen_share=0.5, optimizer=optimizer)

    def watch(moment):
        states.append(copy.deepcopy(model.state_dict()))

    fabric = Fabric(accelerator="cpu", devices=1)
    loop.fit(model, batches, ahead, clock, training, fabric, loop.Hooks(save=lambda state: None, watch=watch), None)
    trunk = [name for name in start if name.startswith("backbone")]
    assert all(torch.equal(start[name], states[9][name]) for name in trunk)
    assert not torch.equal(start["layer.0.weight"], states[9]["layer.0.weight"])
    moved = [name for name in trunk if not torch.equal(states[9][name], states[-1][name])]
    assert set(moved) == set(trunk)
    assert all(parameter.requires_grad for parameter in model.parameters()) and model.backbone.training
