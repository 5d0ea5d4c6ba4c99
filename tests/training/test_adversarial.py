"""The loop of two players on networks of a few weights: turns, resuming, stopping, snapshots, and NaN players."""

import copy

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Adam

from clearsight.files.tree import load_tree, save_tree
from clearsight.sources.batches.views import ahead, at_once
from clearsight.training import session
from clearsight.training.adversarial import fit_players
from clearsight.training.budget import Budget, Clock
from clearsight.training.session import Diverged, Hooks, Interrupted
from clearsight.types import Adversarial, Batch, Training


class Duel(nn.Module):
    """A generator of one brightness against a critic of it, with everything that has state: norms, dropout, noise."""

    def __init__(self, critic_updates=2):
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.2), nn.Linear(4, 1))
        self.critic = nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Dropout(0.2), nn.Linear(4, 1))
        self.updates, self.seen, self.schedules = critic_updates, [], []

    @property
    def turns(self):
        return *(("critic",),) * self.updates, ("generator",)

    def losses(self, batch, player="generator"):
        self.seen.append((player, batch.ids[0]))
        noise = torch.randn(len(batch.images), 2)
        made = self.critic(self.generator(noise)).squeeze(1)
        if player == "generator":
            return {"made": nn.functional.softplus(-made).mean()}
        real = self.critic(batch.images.mean((1, 2, 3))[:, None]).squeeze(1)
        return {"real": nn.functional.softplus(-real).mean(), "made": nn.functional.softplus(made).mean()}

    def optimizer(self, player, training):
        return Adam(
            [{"params": list(self.get_submodule(player).parameters()), "highest": training.learning_rate}], lr=1.0
        )

    def schedule(self, optimizer, player, progress):
        self.schedules.append((player, progress))
        for group in optimizer.param_groups:
            group["lr"] = group["highest"] * (1 - 0.5 * progress)
            group["betas"] = (0.0, 0.9 + 0.09 * progress)


class Meter:
    def kwh_so_far(self):
        return 0.0


def batches(number, progress):
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(number))
    return Batch(images=images, truths=[None] * 4, ids=[f"{number}", "b", "c", "d"], progress=progress)


def run(budget, state=None, seed=0, make=batches, network=None, stream=ahead, save_best=True, **hooks):
    torch.manual_seed(seed)
    saved = []
    clock = Clock(budget, 10, Meter())
    hooks.setdefault("save", lambda state: saved.append(copy.deepcopy(state)))
    training = Training(learning_rate=0.01, batch_size=4, save_best=save_best)
    network = network or Duel()
    try:
        fabric = Fabric(accelerator="cpu", devices=1)
        average = fit_players(network, make, stream, clock, training, fabric, Hooks(**hooks), state)
    except (Interrupted, Diverged) as error:
        return error, saved, clock
    return average, saved, clock


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def stopping_after(steps):
    asked = iter([False] * (steps - 1) + [True] * 100)
    return lambda: next(asked)


@pytest.mark.parametrize("stream", [ahead, at_once])
def test_a_stopped_run_saved_loaded_and_resumed_is_the_run_that_never_stopped(tmp_path, stream, monkeypatch):
    monkeypatch.setattr(session, "FIRST_VALIDATION_S", 0.0)
    scores = {"validate": lambda model: float(model.critic[0].weight.sum()), "validation_share": 1e9}
    whole, finals, _ = run(Budget(epochs=4), stream=stream, **scores)
    stopped, saved, _ = run(Budget(epochs=4), stop=stopping_after(18), stream=stream, **scores)
    assert isinstance(stopped, Interrupted) and saved[-1]["step"] == 18
    save_tree(tmp_path / "checkpoint", saved[-1])
    resumed, ends, clock = run(
        Budget(epochs=4), state=load_tree(tmp_path / "checkpoint"), seed=999, stream=stream, **scores
    )
    assert clock.step == 40 and same(whole, resumed)
    for part in ("model", "average"):
        assert all(torch.equal(finals[-1][part][name], ends[-1][part][name]) for name in finals[-1][part])
    for player in ("critic", "generator"):
        first, second = (one["optimizers"][player] for one in (finals[-1], ends[-1]))
        assert repr(first) == repr(second)
    assert torch.equal(finals[-1]["random"], ends[-1]["random"])
    assert repr(finals[-1]["best"]) == repr(ends[-1]["best"]) and ends[-1]["best"]["score"] is not None


def test_a_checkpoint_without_the_best_snapshot_random_state_or_an_optimizer_would_be_noticed():
    """That the test above can fail: each part of the state, left as it was at the beginning, changes the end."""
    whole, _, _ = run(Budget(epochs=4))
    _, saved, _ = run(Budget(epochs=4), stop=stopping_after(18))
    fresh = Duel()
    begun = {
        "random": torch.Generator().manual_seed(5).get_state(),
        "step": 17,
        "average": fresh.state_dict(),
        "model": fresh.state_dict(),
    }
    for part, value in begun.items():
        resumed, _, _ = run(Budget(epochs=4), state={**saved[-1], part: value})
        assert not same(whole, resumed), part
    for player in ("critic", "generator"):
        empty = {**saved[-1]["optimizers"][player], "state": {}}
        optimizers = {**saved[-1]["optimizers"], player: empty}
        resumed, _, _ = run(Budget(epochs=4), state={**saved[-1], "optimizers": optimizers})
        assert not same(whole, resumed), player


def test_another_seed_gives_other_weights():
    assert not same(run(Budget(epochs=1))[0], run(Budget(epochs=1), seed=1)[0])


def test_each_turn_has_a_batch_of_its_own():
    network = Duel(critic_updates=2)
    assert isinstance(network, Adversarial)
    run(Budget(epochs=0.2), network=network)
    turns = ["critic", "critic", "generator"] * 2
    assert network.seen == [(player, str(number)) for number, player in enumerate(turns)]
    assert network.schedules == [("critic", 0.0), ("generator", 0.0), ("critic", 0.5), ("generator", 0.5)]


class Together(Duel):
    """Both at once."""

    turns = (("critic", "generator"),)


def test_players_of_one_turn_see_one_batch_and_the_weights_before_it():
    network, moments = Together(), []
    losses = network.losses

    def watched(batch, player):
        moments.append(copy.deepcopy(network.state_dict()))
        return losses(batch, player)

    network.losses = watched
    run(Budget(epochs=0.3), network=network)
    assert network.seen == [(player, str(step)) for step in range(3) for player in ("critic", "generator")]
    weights = [name for name, _ in network.named_parameters()]
    for step in range(3):
        assert all(torch.equal(moments[2 * step][name], moments[2 * step + 1][name]) for name in weights)
    for step in range(2):
        moved = {name.split(".")[0] for name in weights
                 if not torch.equal(moments[2 * step][name], moments[2 * step + 2][name])}  # fmt: skip
        assert moved == {"critic", "generator"}


def test_players_of_one_turn_stay_where_either_becomes_nan():
    network = Together()
    losses = network.losses
    network.losses = lambda batch, who: {
        name: value * (float("nan") if who == "generator" else 1) for name, value in losses(batch, who).items()
    }
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    error, saved, _ = run(Budget(epochs=1), network=network)
    assert isinstance(error, Diverged) and "the generator" in str(error)
    assert all(torch.equal(saved[-1]["model"][name], weight) for name, weight in before.items())


def test_an_update_moves_its_own_player_only():
    network, moments = Duel(critic_updates=1), []
    losses = network.losses

    def watched(batch, player):
        moments.append((player, copy.deepcopy(network.state_dict())))
        return losses(batch, player)

    network.losses = watched
    run(Budget(epochs=0.3), network=network)
    for (player, before), (_, after) in zip(moments, moments[1:], strict=False):
        weights = [name for name, _ in network.named_parameters()]
        moved = {name.split(".")[0] for name in weights if not torch.equal(before[name], after[name])}
        assert moved == {player}
    assert all(weight.requires_grad for weight in network.parameters())


def test_losses_are_logged_under_the_player():
    moments = []
    run(Budget(epochs=1), watch=moments.append)
    assert len(moments) == 10 and set(moments[-1].losses) == {"critic real", "critic made", "generator made"}


def test_it_learns():
    network = Duel(critic_updates=1)
    with torch.no_grad():
        network.generator[-1].bias.fill_(4.0)  # far brighter than the real ones, which are about 0.5
    average, _, _ = run(Budget(epochs=60), network=network)
    made = average.generator(torch.randn(500, 2, generator=torch.Generator().manual_seed(0)))
    assert abs(float(made.detach().mean()) - 0.5) < 1.0


@pytest.mark.parametrize("player", ["critic", "generator"])
@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_player_that_becomes_nan_is_named_and_the_weights_before_are_kept(player, poison):
    network = Duel()
    losses = network.losses

    def poisoned(batch, who):
        found = losses(batch, who)
        return {name: value * poison for name, value in found.items()} if who == player and step[0] == 12 else found

    step = [0]
    network.losses = poisoned
    error, saved, _ = run(Budget(epochs=4), network=network, watch=lambda moment: step.__setitem__(0, moment.step))
    assert isinstance(error, Diverged) and f"the {player}" in str(error) and "step 13" in str(error)
    assert "learning_rate" in str(error) and saved[-1]["step"] == 12
    for part in ("model", "average"):
        assert all(torch.isfinite(value).all() for value in saved[-1][part].values())


def test_the_network_returned_has_the_weights_that_scored_best(monkeypatch):
    monkeypatch.setattr(session, "FIRST_VALIDATION_S", 0.0)
    offered = []

    def validate(model):
        offered.append(copy.deepcopy(model.state_dict()))
        return [0.1, float("nan"), 0.9, 0.5][min(len(offered) - 1, 3)]

    average, saved, _ = run(Budget(epochs=2), validate=validate, validation_share=1e9)
    assert len(offered) > 4
    assert all(torch.equal(value, offered[2][name]) for name, value in average.state_dict().items())
    assert saved[-1]["best"]["score"] == 0.9 and saved[-1]["best"]["step"] == 3
    assert not all(torch.equal(saved[-1]["average"][name], offered[2][name]) for name in offered[2])


def test_several_processes_are_refused():
    class Two:
        world_size = 2

    with pytest.raises(ValueError, match="one process"):
        fit_players(Duel(), batches, ahead, Clock(Budget(epochs=1), 10, Meter()), Training(), Two(), Hooks(save=len))


def test_an_error_while_making_a_batch_reaches_the_caller():
    def make(number, progress):
        if number == 7:
            raise ValueError("bad picture")
        return batches(number, progress)

    with pytest.raises(ValueError, match="bad picture"):
        run(Budget(epochs=1), make=make)


def test_a_player_whose_rate_is_0_rests_and_later_batches_stay_where_they_are():
    class Waiting(Duel):
        def schedule(self, optimizer, player, progress):
            super().schedule(optimizer, player, progress)
            if player == "generator" and progress < 0.5:
                for group in optimizer.param_groups:
                    group["lr"] = 0.0

    network, kept = Waiting(critic_updates=1), []
    before = copy.deepcopy(network.generator.state_dict())
    run(Budget(epochs=0.4), network=network, watch=lambda moment: kept.append((moment, copy.deepcopy(network))))
    assert network.seen == [("critic", "0"), ("critic", "2"), ("critic", "4"), ("generator", "5"), ("critic", "6"),
                            ("generator", "7")]  # fmt: skip
    weights = [name for name, _ in network.generator.named_parameters()]
    early, late = kept[1][1].generator.state_dict(), kept[3][1].generator.state_dict()
    assert all(torch.equal(early[name], before[name]) for name in weights)
    assert not all(torch.equal(late[name], before[name]) for name in weights)
    assert set(kept[1][0].losses) == {"critic real", "critic made"}


def test_without_save_best_the_last_weights_are_kept(monkeypatch):
    monkeypatch.setattr(session, "FIRST_VALIDATION_S", 0.0)
    scores = {"validate": lambda model: -float(model.critic[0].weight.norm()), "validation_share": 1e9}
    average, saved, _ = run(Budget(epochs=1), save_best=False, **scores)
    assert "best" not in saved[-1] and all(
        torch.equal(value, saved[-1]["average"][name]) for name, value in average.state_dict().items()
    )
